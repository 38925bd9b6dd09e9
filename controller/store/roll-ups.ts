import { groupBy } from '../../common/group-by.js'
import type { Summary } from './server/summary.js'
import type { RollUpTier } from './server/tier-plan.js'
import type { EntityKey } from './time-series.js'

/** What a roll-up knows of the values of one field in one window. */
export interface FieldRollUp extends Summary {
  /** How many values lie in which bucket (embedded/sketch.ts); servers have none. */
  readonly sketch?: ReadonlyMap<number, number>
}

/** What a roll-up knows of one entity in one window, by field. */
export interface RollUpRow {
  readonly startMs: number
  readonly fields: Readonly<Record<string, FieldRollUp>>
}

/** Roll-ups of all fields of one entity: each window that the time touches, whole. */
export interface RollUpQuery {
  readonly entity: EntityKey
  readonly tier: RollUpTier
  readonly fromMs: number
  /** Exclusive. */
  readonly toMs: number
}

/** A window of the roll-up of one entity. */
export interface RolledUp extends RollUpRow {
  readonly entity: EntityKey
}

/** Rows of several entities, those of each together. */
export function rowsByEntity(
  rows: readonly RolledUp[],
): { readonly entity: EntityKey; readonly rows: readonly RolledUp[] }[] {
  const groups = groupBy(rows, ({ entity: { kind, id } }) => `${kind} ${id}`)
  return [...groups.values()].flatMap((own) => {
    const [first] = own
    return first === undefined ? [] : [{ entity: first.entity, rows: own }]
  })
}

/** Roll-ups as they are kept, to take them elsewhere. */
export interface RollUpHistory {
  /** Ascending; without windows whose points are not rolled up yet. Rejects with an Error that says what failed. */
  rollUps(query: RollUpQuery): Promise<readonly RollUpRow[]>
}
