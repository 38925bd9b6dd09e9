import type { EventView } from '../../api/views.js'
import { clockTime } from './figures.js'
import { line, type Look, span, type Tone } from './look.js'
import { notes, simulatedFleet } from './notes.js'
import { type Column, renderTable } from './table.js'

/** Events as a table, the oldest first, so that the newest stands beside the prompt. */
export function renderEventList(events: readonly EventView[], simulated: boolean, look: Look): string[] {
  if (events.length === 0) return ['no events']
  const sorted = [...events].sort((a, b) => a.at - b.at)
  return [...renderTable(sorted, columns(look), look), ...notes([simulated ? simulatedFleet : undefined], look)]
}

/** One event as one line, for following. */
export function renderEventLine(event: EventView, look: Look): string {
  const where = event.host === '' ? '' : ` on ${event.host}`
  const who = event.array ?? event.vmName
  return line(
    [
      span(`${clockTime(event.at, look.timeZone)}  `, 'dim'),
      span(`${event.kind}${because(event)}`, eventTone(event)),
      span(`  ${who}${where}`),
      span(event.message === '' ? '' : `  ${event.message}`),
    ],
    look,
  )
}

function because({ reason }: EventView): string {
  return reason === '' ? '' : ` (${reason})`
}

function eventTone({ kind }: EventView): Tone {
  return /crash|lost|silent|unreachable|doubled|overflow|stall|cache-off/u.test(kind) ? 'critical' : 'plain'
}

function columns({ timeZone }: Look): readonly Column<EventView>[] {
  return [
    { head: 'WHEN', drop: 0, cell: ({ at }) => clockTime(at, timeZone) },
    { head: 'EVENT', drop: 0, shrinkTo: 12, cell: (event) => span(`${event.kind}${because(event)}`, eventTone(event)) },
    { head: 'VM, ARRAY', drop: 0, shrinkTo: 12, cell: ({ vmName, array }) => array ?? vmName },
    { head: 'HOST', drop: 1, shrinkTo: 10, cell: ({ host }) => host },
    { head: 'MESSAGE', drop: 2, shrinkTo: 20, wrap: true, cell: ({ message }) => message },
  ]
}
