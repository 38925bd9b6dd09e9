import type { ArrayCacheState } from '../model/array-condition.js'

/** What one second shows of a box, beside one VM that uses it. What nobody can tell is undefined. */
export interface Measure {
  /** Milliseconds since 1970. */
  readonly at: number
  readonly state: ArrayCacheState
  /** Mean over the writes of all others there that ended. */
  readonly neighbourWriteMs: number | undefined
  readonly fillBytes: number | undefined
  readonly inflowBytesPerSecond: number | undefined
  /** Of the one VM. */
  readonly ownBytesPerSecond: number | undefined
  readonly ownRequestsPerSecond: number | undefined
}

export const outcomes = ['helped', 'did-not-help', 'unknown'] as const

/** What came of a remedy that was carried out. */
export interface Effect {
  readonly outcome: (typeof outcomes)[number]
  /** By which figures. */
  readonly says: string
  readonly at: number
  readonly before?: Measure | undefined
  readonly after?: Measure | undefined
}

/** What a command keeps that carries out a remedy of an alert. */
export interface RemedyMark {
  /** Number of the alert. */
  readonly alert: number
  readonly boxId: string
  /** As it was proposed, for people. */
  readonly text: string
  /** How it was when somebody asked for it. */
  readonly before?: Measure | undefined
  /** Once it has been looked at. */
  readonly effect?: Effect | undefined
}
