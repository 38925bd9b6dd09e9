import { formatMoment } from '../../common/units.js'

/** A host that takes no VMs: nothing is started on it, and nothing moved to it. What runs there goes on. */
export interface Maintenance {
  /** The controller's clock, milliseconds since the epoch. */
  readonly since: number
  /** Who said so. */
  readonly by: string
  /** Empty if nobody said why. */
  readonly reason: string
}

export function maintenanceText({ since, by, reason }: Maintenance): string {
  return `its host is in maintenance since ${formatMoment(since)}, by ${by}${reason === '' ? '' : `: ${reason}`}`
}

/** Written by this program whole: its form is looked at. */
export function isMaintenance(value: unknown): value is Maintenance {
  return (
    typeof value === 'object' &&
    value !== null &&
    'since' in value &&
    typeof value.since === 'number' &&
    'by' in value &&
    typeof value.by === 'string' &&
    'reason' in value &&
    typeof value.reason === 'string'
  )
}
