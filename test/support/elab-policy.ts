import { fileURLToPath } from 'node:url'

import type { Policy } from '../../controller/model/policy.js'
import { loadPolicy } from '../../controller/policy/policy-file.js'

export const elabPolicyFile = fileURLToPath(new URL('../../deploy/policy/elab.yaml', import.meta.url))

/** The rules of the elab fleet, as they ship. */
export function elabPolicy(): Policy {
  return loadPolicy(elabPolicyFile).policy
}
