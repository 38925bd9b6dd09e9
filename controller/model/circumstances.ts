import type { SpaceTrends } from './space-trend.js'
import type { RecentChanges } from './recent-changes.js'
import type { WatchedArray } from './watched-array.js'

/** What checks work on besides snapshot and policy: what the fleet's state does not know, as plain data. Made by the shell; what is absent is not known. */
export interface Circumstances {
  /** Why the policy file is not what is in force. */
  readonly policyProblem?: string | undefined
  /** How file systems fill; without it only what is left counts. */
  readonly trends?: SpaceTrends | undefined
  /** What boxes with write caches are like, by id of the box. */
  readonly arrays?: ReadonlyMap<string, WatchedArray> | undefined
  /** Of the controller. */
  readonly version?: string
  readonly changes?: RecentChanges
  readonly certificates?: readonly CertificateEnd[]
  readonly store?: StoreCondition
  /** Ways by which alerts cannot be sent. */
  readonly channels?: readonly ChannelTrouble[]
  readonly moves?: readonly UnsettledMove[]
}

/** The last move of a VM that was begun, where it is not known to have ended well. */
export interface UnsettledMove {
  readonly vmUuid: string
  /** Of the command. */
  readonly number: number
  readonly fromHostId: string
  readonly fromHostName: string
  readonly toHostId: string
  readonly toHostName: string
  /**
   * - `under-way`: it is still being moved
   * - `between`: it has left its old host, or what became of it is not known
   * - `stayed`: it is known to run on its old host
   */
  readonly stands: 'under-way' | 'between' | 'stayed'
}

/** A target of a route that does not take what it is sent. */
export interface ChannelTrouble {
  readonly route: string
  /** `email`, `webhook`, `alertmanager`. */
  readonly kind: string
  /** As people may see it: without secrets. */
  readonly to: string
  readonly problem: string
  /** Messages that wait for it; none if they were given up. */
  readonly waiting: number
}

/** When a certificate ends. */
export interface CertificateEnd {
  readonly of: 'agent' | 'controller' | 'authority'
  /** Of the agent; empty for the others. */
  readonly id: string
  readonly name: string
  readonly endsAtMs: number
  /** Until when its owner may have a new one for it, by itself: an agent that was away for long. */
  readonly renewableUntilMs: number
}

/** How the store of the time series does. `lately`: within the last hour; damage within the last day. */
export interface StoreCondition {
  /** Why it does not take data now; empty if it does. */
  readonly writeProblem: string
  /** What it says is wrong with itself, or that it does not say; empty if nothing. */
  readonly problem: string
  readonly damagedRowsLately: number
  /** Points that came when their hour took no more. */
  readonly tooLatePointsLately: number
  /** Points and rows of roll-ups that were deleted before their time, because the size has a ceiling. */
  readonly trimmedLately: number
  /** Points that a server never got, or never took. */
  readonly lostPointsLately: number
  /** In front of a server. */
  readonly queue?: { readonly bytes: number; readonly maxBytes: number; readonly waitingPoints: number }
  /** Where the controller keeps its data. */
  readonly disk?: { readonly freeBytes: number; readonly sizeBytes: number }
}
