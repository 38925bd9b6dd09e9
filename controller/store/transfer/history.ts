import type { FleetEvent } from '../../model/snapshot.js'
import type { EntityKind } from '../measurements.js'
import type { RolledUp } from '../roll-ups.js'
import type { RollUpTier } from '../server/tier-plan.js'
import type { Point, SpoolMark } from '../time-series.js'

/** What a history is made of, in the order in which it is written. Marks say which reports of agents are in it. */
export const historyParts = ['raw', '5m', '1h', 'events', 'marks'] as const
export type HistoryPart = (typeof historyParts)[number]

/** Some of a history, all of one measurement. */
export type HistoryPiece =
  | { readonly is: 'points'; readonly kind: EntityKind; readonly points: readonly Point[] }
  | {
      readonly is: 'rollUps'
      readonly kind: EntityKind
      readonly tier: RollUpTier
      readonly rows: readonly RolledUp[]
    }
  | { readonly is: 'events'; readonly events: readonly FleetEvent[] }
  | { readonly is: 'marks'; readonly marks: readonly SpoolMark[] }

export interface HistoryCounts {
  points: number
  rollUps: number
  events: number
  marks: number
}

export function noCounts(): HistoryCounts {
  return { points: 0, rollUps: 0, events: 0, marks: 0 }
}

/** Adds a piece to the counts. */
export function count(counts: HistoryCounts, piece: HistoryPiece): void {
  switch (piece.is) {
    case 'points':
      counts.points += piece.points.length
      break
    case 'rollUps':
      counts.rollUps += piece.rows.length
      break
    case 'events':
      counts.events += piece.events.length
      break
    case 'marks':
      counts.marks += piece.marks.length
      break
  }
}
