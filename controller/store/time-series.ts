import type { FleetEvent } from '../model/snapshot.js'
import type { EntityKind } from './measurements.js'

/**
 * What a point is about. `id` is the tag values of the measurement joined by `/` in their listed order:
 * a VM's uuid, `<uuid>/<target>`, a host id, `<array key>/<host id>` …
 */
export interface EntityKey {
  readonly kind: EntityKind
  readonly id: string
}

/** One entity at one time with the fields that were read then. Values are finite; unknown ones are left out. */
export interface Point {
  readonly entity: EntityKey
  readonly atMs: number
  readonly fields: Readonly<Record<string, number>>
  /** Names for people (`labels` in measurements.ts), for servers; unknown ones are left out. */
  readonly labels?: Readonly<Record<string, string>>
}

/** Everything of this spool up to `throughSeq` is in the batch or came before it. */
export interface SpoolMark {
  readonly spoolId: string
  readonly throughSeq: number
}

export interface Batch {
  readonly points: readonly Point[]
  readonly events: readonly FleetEvent[]
  readonly marks: readonly SpoolMark[]
}

/** `p95`: the value that 95 % of the samples do not exceed (nearest rank); from roll-ups an estimate. */
export const aggregations = ['mean', 'min', 'max', 'last', 'sum', 'p95'] as const
export type Aggregation = (typeof aggregations)[number]

/** Points as they came, and roll-ups of each five minutes and each hour, which are kept longer. */
export const tiers = ['raw', '5m', '1h'] as const
export type Tier = (typeof tiers)[number]

export interface RangeQuery {
  readonly entity: EntityKey
  readonly fields: readonly string[]
  readonly fromMs: number
  /** Exclusive. */
  readonly toMs: number
  /** Width of a step, aligned to the epoch; 0: the points as stored. */
  readonly stepMs: number
  readonly agg: Aggregation
  /**
   * Absent: the finest tier that reaches back far enough and suits the step. A window that cuts a step of a roll-up gets all of
   * that step.
   */
  readonly tier?: Tier
}

/** One row a moment, ascending: `[atMs, value of each asked field or null]`. A step's moment is its start; empty steps are left out. */
export interface RangeResult {
  readonly fields: readonly string[]
  readonly rows: readonly (readonly (number | null)[])[]
}

export interface TopQuery {
  readonly kind: EntityKind
  readonly field: string
  readonly agg: Aggregation
  readonly fromMs: number
  /** Exclusive. The ends of a window of an hour or longer may be moved outwards, each by less than a step of the roll-ups. */
  readonly toMs: number
  readonly n: number
  /** Only these entities; all if absent. */
  readonly ids?: ReadonlySet<string>
}

export interface TopRow {
  readonly id: string
  readonly value: number
}

export interface SeriesInfo {
  readonly entity: EntityKey
  readonly firstMs: number
  readonly lastMs: number
}

export interface EventQuery {
  readonly fromMs: number
  readonly toMs: number
  readonly vmUuid?: string
  readonly hostId?: string
  readonly limit: number
}

export interface ExportQuery {
  readonly kind: EntityKind
  /** Only these entities; all if absent. */
  readonly ids?: ReadonlySet<string>
  readonly fromMs: number
  /** Exclusive. */
  readonly toMs: number
  readonly signal?: AbortSignal
}

export interface StoreHealth {
  readonly ok: boolean
  /** Why not ok; empty otherwise. */
  readonly problem: string
  /** Undefined if the store cannot tell at little cost: a server. */
  readonly points: number | undefined
  readonly sizeBytes: number
  /** Of the points. */
  readonly oldestMs: number | undefined
  readonly tiers: Readonly<Record<Tier, TierHealth>>
  /** Points that came when their hour took no more: its own points were deleted, and its roll-ups stand. */
  readonly tooLate: number
  /** What was deleted before its time because the size has a ceiling: points, and rows of roll-ups. */
  readonly trimmed: { readonly points: number; readonly rollups: number }
  /** Rows that were found damaged and set aside, so that all others can be used. */
  readonly damaged: number
  /** Only of a store that is a server. */
  readonly queue?: QueueHealth
}

/** What waits in front of a store that is a server. Counts are since the start of the program. */
export interface QueueHealth {
  /** That the server has not taken yet. */
  readonly waitingPoints: number
  /** That the server has taken, and would lose if it crashed now: they are kept to be sent again. */
  readonly heldPoints: number
  readonly bytes: number
  /** When the oldest that waits was written. */
  readonly oldestMs: number | undefined
  /** Given up for want of room, or because they were too old. */
  readonly droppedPoints: number
  /** That the server will never take. */
  readonly refusedPoints: number
  readonly resentPoints: number
  /** Why the server refused points last; empty if it never did. */
  readonly lastRefusal: string
  /** Windows of roll-ups that are to be computed, now or when they are over. */
  readonly waitingWindows: number
  /** Windows of a tier that begin before have all that the server has; Infinity if all have. */
  readonly wholeBeforeMs: Readonly<Record<Exclude<Tier, 'raw'>, number>>
}

export interface TierHealth {
  /** How long it is kept, as in force; undefined if that is not known. */
  readonly retentionMs: number | undefined
  /** Of its oldest points or steps; undefined if there are none, or if that is not known. */
  readonly oldestMs: number | undefined
}

/** The batch can never be stored: sending it again is of no use. Nothing of it was written. */
export class InvalidBatchError extends Error {
  override readonly name = 'InvalidBatchError'
}

/** Time series by intent, so that each backend can answer its own best way. Methods reject with an Error that says what failed. */
export interface TimeSeries {
  /**
   * Resolves when all of the batch is durable (fsynced), in one transaction. A point at an entity and time that exist merges its fields.
   * Rejects with InvalidBatchError if the batch can never be stored; with any other error, trying again may help.
   */
  write(batch: Batch): Promise<void>
  range(query: RangeQuery): Promise<RangeResult>
  /** Highest first. */
  topN(query: TopQuery): Promise<readonly TopRow[]>
  /** Entities with points and the time that these reach over; with a tier, those that this tier knows. */
  series(filter: { readonly kind: EntityKind; readonly tier?: Tier }): Promise<readonly SeriesInfo[]>
  /** Newest first. */
  events(query: EventQuery): Promise<readonly FleetEvent[]>
  /** High-water mark of every spool. */
  marks(): Promise<ReadonlyMap<string, number>>
  /**
   * Forgets what a tier (`raw` if absent) and the finer ones have before `beforeMs`, roll-ups by their whole steps, and events;
   * returns how many points went. Rejects if the store cannot delete a part of a series.
   */
  drop(beforeMs: number, tier?: Tier): Promise<number>
  /** Every stored point of a kind in the time, by entity and time, in pieces of bounded size: to take it elsewhere. */
  export(query: ExportQuery): AsyncIterable<readonly Point[]>
  health(): Promise<StoreHealth>
  close(): Promise<void>
}
