import type { GapView } from '../../api/views.js'
import { age } from './figures.js'
import type { Look } from './look.js'
import { section } from './section.js'

/** What could not be read of a VM or a host, and since when. */
export function gapSection(gaps: readonly GapView[], look: Look): string[] {
  return section(
    'Could not be read',
    gaps,
    [
      { head: 'WHAT', drop: 0, cell: ({ group }) => group },
      { head: 'FOR', align: 'right', drop: 1, cell: ({ sinceMs }) => age(sinceMs, look.now) },
      {
        head: 'WHY',
        drop: 0,
        shrinkTo: 20,
        wrap: true,
        cell: ({ reason, message }) => (message === '' ? reason : `${reason}: ${message}`),
      },
    ],
    look,
  )
}

/** Metrics that are not there, and why. */
export function absentSection(absent: Readonly<Record<string, string>>, look: Look): string[] {
  return section(
    'Not measured',
    Object.entries(absent),
    [
      { head: 'METRIC', drop: 0, cell: ([field]) => field },
      { head: 'WHY', drop: 0, shrinkTo: 20, wrap: true, cell: ([, reason]) => reason },
    ],
    look,
  )
}
