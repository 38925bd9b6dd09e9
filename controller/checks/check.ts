import type { Circumstances } from '../model/circumstances.js'
import type { Finding } from '../model/finding.js'
import type { Policy } from '../model/policy.js'
import type { Snapshot } from '../model/snapshot.js'

/** What one check says of a fleet at the moment of the snapshot. It takes of these what it needs. */
export type Check = (snapshot: Snapshot, policy: Policy, circumstances: Circumstances) => Finding[]
