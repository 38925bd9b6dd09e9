import type { SpaceTrend } from './space-trend.js'
import type { RecentChanges } from './recent-changes.js'

/** What checks work on besides snapshot and policy: what the fleet's state does not know, as plain data. Made by the shell; what is absent is not known. */
export interface Circumstances {
  /** Why the policy file is not what is in force. */
  readonly policyProblem?: string | undefined
  /** How file systems fill, by `fileSystemId`; without it only what is left counts. */
  readonly trends?: ReadonlyMap<string, SpaceTrend> | undefined
  readonly changes?: RecentChanges
}
