import type { AuditCheckView, AuditEntryView } from '../../api/views.js'
import { clockTime } from './figures.js'
import { line, span, type Look } from './look.js'
import { renderTable, type Column } from './table.js'

export function renderAuditList(entries: readonly AuditEntryView[], look: Look): string[] {
  if (entries.length === 0) return ['the audit log is empty']
  return renderTable(entries, columns(look), look)
}

export function renderAuditCheck({ entries, head, wrong, agents }: AuditCheckView, look: Look): string[] {
  const own =
    wrong === undefined
      ? [
          span(
            `the audit log is whole: ${entries} entries are kept, the last is number ${head.entries} (${head.hash.slice(0, 16)}…)`,
          ),
        ]
      : [span('the audit log is not whole: ', 'critical'), span(wrong)]
  const ofAgents = agents.map((one) =>
    one.wrong === undefined
      ? [span(`${one.agent}: its log had ${one.entries} entries when it was last heard of`)]
      : [span(`${one.agent}: its log is not what it was: `, 'critical'), span(one.wrong)],
  )
  return [own, ...ofAgents].map((spans) => line(spans, look))
}

function columns({ timeZone }: Look): readonly Column<AuditEntryView>[] {
  const text = (key: string): ((entry: AuditEntryView) => string) => {
    return ({ what }) => (typeof what[key] === 'string' || typeof what[key] === 'number' ? String(what[key]) : '')
  }
  return [
    { head: 'ENTRY', align: 'right', drop: 0, cell: ({ number }) => String(number) },
    { head: 'AT', drop: 0, cell: ({ at }) => clockTime(at, timeZone) },
    { head: 'WHAT', drop: 0, cell: text('event') },
    { head: 'COMMAND', align: 'right', drop: 1, cell: text('number') },
    { head: 'VERB', drop: 0, cell: text('verb') },
    { head: 'VM', drop: 0, shrinkTo: 8, cell: text('vm') },
    { head: 'BY', drop: 0, shrinkTo: 8, cell: text('actor') },
    { head: 'WHY', drop: 2, shrinkTo: 12, wrap: true, cell: text('reason') },
  ]
}
