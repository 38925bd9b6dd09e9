import type { EntityKind } from '../measurements.js'
import type { Aggregation, EntityKey, SeriesInfo, Tier } from '../time-series.js'
import type { Stat, Summary } from './summary.js'
import type { Piece, RollUpTier } from './tier-plan.js'

/** A time, half-open. */
export type Span = Pick<Piece, 'fromMs' | 'toMs'>

/** Values of the asked fields at one moment, null where there is none; at least one is there. */
export interface PointRow {
  readonly atMs: number
  readonly values: readonly (number | null)[]
}

/** Summaries of the asked fields in one window. They know at least the asked figures. */
export interface WindowRow {
  readonly startMs: number
  readonly summaries: readonly (Summary | undefined)[]
}

/** Questions to a server, on the main thread. Every method rejects with an Error that says what failed. */
export interface Reader {
  /** Ascending. Rejects if there are more than `most` values. */
  points(entity: EntityKey, fields: readonly string[], span: Span, most: number): Promise<readonly PointRow[]>
  /** Ascending. */
  windows(
    entity: EntityKey,
    fields: readonly string[],
    stats: readonly Stat[],
    tier: RollUpTier,
    span: Span,
  ): Promise<readonly WindowRow[]>
  /** What each entity of the kind has of a field in a piece, in the order of time: of points one summary, of a roll-up its windows. */
  summaries(
    kind: EntityKind,
    field: string,
    agg: Aggregation,
    piece: Piece,
  ): Promise<ReadonlyMap<string, readonly Summary[]>>
  series(kind: EntityKind, tier: Tier): Promise<readonly SeriesInfo[]>
  /** Deletes what a tier and the finer ones have before the time, roll-ups by their whole windows; returns how many points at least. */
  drop(beforeMs: number, tier: Tier): Promise<number>
  close(): void
}
