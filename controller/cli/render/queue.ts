import type { QueueView } from '../../api/views.js'
import { age } from './figures.js'
import type { Look } from './look.js'
import { renderTable, type Column } from './table.js'

type Row = QueueView['queue'][number] & { readonly place: number }

export function renderQueue(queue: QueueView['queue'], look: Look): string[] {
  if (queue.length === 0) return ['nothing waits for an array']
  return renderTable(
    queue.map((one, index) => ({ ...one, place: index + 1 })),
    columns(look),
    look,
  )
}

function columns({ now }: Look): readonly Column<Row>[] {
  return [
    { head: 'PLACE', align: 'right', drop: 0, cell: ({ place }) => String(place) },
    { head: 'COMMAND', align: 'right', drop: 0, cell: ({ command }) => String(command.number) },
    {
      head: 'WHAT',
      drop: 0,
      shrinkTo: 8,
      cell: ({ command: { verb, args } }) => `${verb} ${args['entry'] ?? ''}`.trim(),
    },
    { head: 'VM', drop: 0, shrinkTo: 8, cell: ({ command }) => command.vm },
    { head: 'ARRAY', drop: 1, shrinkTo: 8, cell: ({ command }) => command.bulk?.arrays.join(', ') ?? '' },
    { head: 'BY', drop: 3, shrinkTo: 8, cell: ({ command }) => command.actor },
    { head: 'FOR', drop: 2, align: 'right', cell: ({ command }) => age(command.createdAt, now) },
    { head: 'WHY', drop: 0, shrinkTo: 20, wrap: true, cell: ({ why }) => why },
  ]
}
