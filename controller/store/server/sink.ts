import type { RolledUp } from '../roll-ups.js'
import type { Tier, TierHealth } from '../time-series.js'
import type { RollUpTier } from './tier-plan.js'
import type { Tag } from './entity-tags.js'
import type { DueWindow } from './window-table.js'

/**
 * A point as the queue keeps it: names and values side by side. Kinds and fields may be those of an older version of this program. An event is
 * a point of the kind `event` without an id.
 */
export interface QueuedPoint {
  readonly kind: string
  readonly id: string
  readonly atMs: number
  readonly names: readonly string[]
  readonly values: readonly number[]
  /** Names for people, as they are: not escaped. */
  readonly labels: readonly Tag[]
}

/** Points that the server will never take. */
export interface Refusal {
  readonly points: number
  readonly reason: string
}

export type WriteOutcome =
  /** All of it is stored, but for what was refused. */
  | { readonly is: 'stored'; readonly refused: Refusal | undefined }
  /** Nothing is known of it: to be sent again. */
  | { readonly is: 'failed'; readonly problem: string }

/** How a process is told from one that came in its place. */
export interface ProcessLook {
  /** Unix time in seconds; NaN if it does not say. */
  readonly startedAt: number
  /** So young that another could still come in its place with the same start. */
  readonly isYoung: boolean
}

/** What a look at the server found. */
export interface ServerLook {
  readonly sizeBytes: number
  readonly tiers: Readonly<Record<Tier, TierHealth>>
  /** What an administrator has to mend; empty if all is well. */
  readonly problem: string
  /** Each process that can lose what it took, by its address; those that did not answer are not there. */
  readonly processes: ReadonlyMap<string, ProcessLook>
  /** Whether all of them answered. */
  readonly isComplete: boolean
  /** Whether all that was sent has reached the servers that store it, as far as they answered. */
  readonly isClear: boolean
}

export interface SinkTraits {
  /** For messages: `InfluxDB at http://…`. */
  readonly name: string
  /** How long after it was taken a point is on the server's disk for sure; 0: it is when it is taken. */
  readonly durableAfterMs: number
  readonly lookEveryMs: number
  readonly rollUpEveryMs: number
  /** A window is computed when nothing was sent for it so long: before that, the server may not show all of it. */
  readonly settleMs: number
  /** Of roll-ups that are kept. */
  readonly rollUps: readonly RollUpTier[]
}

/** A server that takes points. Calls have deadlines of their own; none retries. */
export interface Sink {
  readonly traits: SinkTraits
  /** Makes the server ready. @throws Error saying what is wrong with it */
  prepare(): Promise<void>
  write(points: readonly QueuedPoint[]): Promise<WriteOutcome>
  /** Computes windows of one kind and tier that follow one another from what the server has. @throws Error */
  rollUp(windows: readonly DueWindow[]): Promise<void>
  /** Windows that were computed elsewhere. One that this server computes itself, before or after, wins. */
  writeRollUps(tier: RollUpTier, rows: readonly RolledUp[]): Promise<WriteOutcome>
  /** @throws Error: nothing of it answers */
  look(): Promise<ServerLook>
  /** Ends what is under way. */
  close(): void
}

export type Retention = Readonly<Record<Tier, number>>
