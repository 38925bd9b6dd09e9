import { exactDuration, exactRate, exactShare, exactSize } from '../../common/units.js'
import type { CheckSetting } from '../model/check-table.js'

/** How a setting of a check is written. */
export function inUnit(value: number, unit: CheckSetting['unit']): string | number {
  switch (unit) {
    case 'share':
      return exactShare(value)
    case 'size':
      return exactSize(value)
    case 'rate':
      return exactRate(value)
    case 'duration':
      return exactDuration(value)
    case 'number':
      return value
  }
}
