import type { Policy } from '../../controller/model/policy.js'
import { defaultPolicy, parsePolicy } from '../../controller/policy/policy-file.js'

/** The defaults, changed in parts. */
export function policyWith({
  limits,
  ...change
}: Partial<Omit<Policy, 'limits'>> & { readonly limits?: Partial<Policy['limits']> } = {}): Policy {
  return { ...defaultPolicy, ...change, limits: { ...defaultPolicy.limits, ...limits } }
}

/** The policy that a file of that text would make. */
export function policyOf(yaml: string): Policy {
  return parsePolicy(yaml, 'policy.yaml').policy
}
