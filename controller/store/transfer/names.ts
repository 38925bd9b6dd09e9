import { entityKinds, eventMeasurement, type EntityKind } from '../measurements.js'
import { rollUpTiers, type RollUpTier } from '../server/tier-plan.js'

/** A measurement of a history: that of a kind's points, of its roll-ups (`vm_5m`), events, or marks. */
export type NamedMeasurement =
  | { readonly is: 'points'; readonly kind: EntityKind }
  | { readonly is: 'rollUps'; readonly kind: EntityKind; readonly tier: RollUpTier }
  | { readonly is: 'events' }
  | { readonly is: 'marks' }

/** Names as servers have them. */
export const measurementNames: ReadonlyMap<string, NamedMeasurement> = new Map<string, NamedMeasurement>([
  ...entityKinds.map((kind) => [kind, { is: 'points', kind }] as const),
  ...entityKinds.flatMap((kind) =>
    rollUpTiers.map((tier) => [`${kind}_${tier}`, { is: 'rollUps', kind, tier }] as const),
  ),
  [eventMeasurement.name, { is: 'events' }],
  ['mark', { is: 'marks' }],
])

export function nameOf(measurement: NamedMeasurement): string {
  switch (measurement.is) {
    case 'points':
      return measurement.kind
    case 'rollUps':
      return `${measurement.kind}_${measurement.tier}`
    case 'events':
      return eventMeasurement.name
    case 'marks':
      return 'mark'
  }
}
