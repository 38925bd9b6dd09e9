import type { Simulated } from '../../planner/simulate/simulate.js'
import { line, span, type Look } from './look.js'
import { notes } from './notes.js'
import { renderTable } from './table.js'

export interface SimulatedView extends Simulated {
  readonly days: number
}

/** Moves are many: so many are shown, all are in --json. */
const mostShown = 40

export function renderSimulated(view: SimulatedView, look: Look): string[] {
  const { moves, days, movesPerVmDay, violations, saturations, imbalance, insideCoolDown, plays } = view
  const hours = (atS: number): string =>
    `day ${Math.floor(atS / 86_400) + 1}, ${String(Math.floor((atS % 86_400) / 3600)).padStart(2, '0')}h`
  return [
    ...(moves.length === 0
      ? ['nothing was moved: no plan gained enough for long enough']
      : renderTable(
          moves.slice(0, mostShown),
          [
            { head: 'AT', drop: 1, cell: ({ atS }) => hours(atS) },
            { head: 'VM', drop: 0, shrinkTo: 12, cell: ({ vm }) => vm },
            { head: 'FROM', drop: 0, shrinkTo: 12, cell: ({ from }) => from },
            { head: 'TO', drop: 0, shrinkTo: 12, cell: ({ to }) => to },
          ],
          look,
        )),
    '',
    line(
      [span(`${moves.length} moves in ${days} days, ${movesPerVmDay.toFixed(4)} for each VM and day`, 'bold')],
      look,
    ),
    `moments of a host over its memory: ${violations}; over its CPUs: ${saturations}`,
    `standard deviation of CPU over hosts, mean: ${imbalance.toFixed(4)}`,
    ...notes(
      [
        moves.length > mostShown ? `${moves.length - mostShown} moves more are in --json` : undefined,
        insideCoolDown === 0 ? undefined : `${insideCoolDown} moves of VMs that had not rested`,
        plays > 1 ? `the trace is shorter than ${days} days: it was played ${plays} times` : undefined,
      ],
      look,
    ),
  ]
}
