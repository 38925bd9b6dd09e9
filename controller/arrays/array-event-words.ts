import { formatBytes, formatRate } from '../../common/units.js'
import type { ArrayEvent } from '../model/array-event.js'

/** What happened to a write cache, for a list of moments. */
export function eventWords({ what, value = 0 }: ArrayEvent): string {
  switch (what) {
    case 'overflow':
      return 'it was full: writers had to wait for the disks'
    case 'stall':
      return 'it stood still: nothing ended any more'
    case 'moves-again':
      return 'requests ended again'
    case 'drained':
      return 'it had drained'
    case 'cache-off':
      return 'its write cache went off'
    case 'cache-on':
      return 'its write cache went on again'
    case 'learnt-capacity':
      return `learnt: it holds about ${formatBytes(value)}`
    case 'learnt-drain':
      return `learnt: about ${formatRate(value)} drain at sequential load`
  }
}
