import type { AlertRouteView, RouteTestView } from '../../api/views.js'
import { age } from './figures.js'
import { type Look, span } from './look.js'
import { type Column, renderTable } from './table.js'

type RouteRow = AlertRouteView['targets'][number] & { readonly route: string }

/** The table of `alert route`: one row a target. */
export function renderAlertRoutes(routes: readonly AlertRouteView[], look: Look): string[] {
  const rows = routes.flatMap(({ name, targets }) => targets.map((target): RouteRow => ({ route: name, ...target })))
  return rows.length === 0
    ? ['the policy has no routes: nobody is told of alerts']
    : renderTable(rows, columns(look.now), look)
}

function columns(now: number): readonly Column<RouteRow>[] {
  return [
    { head: 'ROUTE', drop: 0, shrinkTo: 8, cell: ({ route }) => route },
    { head: 'BY', drop: 1, cell: ({ kind }) => kind },
    { head: 'TO', drop: 0, shrinkTo: 14, cell: ({ to }) => to },
    {
      head: 'WAITING',
      align: 'right',
      drop: 0,
      cell: ({ waiting }) => span(String(waiting), waiting > 0 ? 'warning' : 'plain'),
    },
    { head: 'LAST SENT', align: 'right', drop: 2, cell: ({ lastSentAt }) => age(lastSentAt, now) },
    { head: 'PROBLEM', drop: 0, shrinkTo: 14, wrap: true, cell: ({ problem }) => span(problem, 'critical') },
  ]
}

/** What came of `alert test ROUTE`. */
export function renderRouteTest(results: RouteTestView['results'], look: Look): string[] {
  return renderTable(
    results,
    [
      { head: 'BY', drop: 0, cell: ({ kind }) => kind },
      { head: 'TO', drop: 0, shrinkTo: 14, cell: ({ to }) => to },
      { head: 'RESULT', drop: 0, cell: ({ ok }) => (ok ? span('sent', 'good') : span('failed', 'critical')) },
      { head: 'WHY', drop: 0, shrinkTo: 14, wrap: true, cell: ({ reason }) => reason },
    ],
    look,
  )
}
