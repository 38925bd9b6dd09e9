import type { FindingView } from '../../api/views.js'
import { type Look, type Span, span, type Tone } from './look.js'
import { byName } from './order.js'
import { section } from './section.js'
import type { Column } from './table.js'

const severities = ['critical', 'warning', 'info'] as const satisfies readonly FindingView['severity'][]

const tones: Readonly<Record<FindingView['severity'], Tone>> = {
  critical: 'critical',
  warning: 'warning',
  info: 'plain',
}

/** What the checks say, the worst first. */
export function findingSection(findings: readonly FindingView[], look: Look): string[] {
  const sorted = [...findings].sort(
    (a, b) => severities.indexOf(a.severity) - severities.indexOf(b.severity) || byName(a.subject, b.subject),
  )
  return section('Findings', sorted, columns, look)
}

/** `1 critical, 2 warnings, 3 for information`; the tone of the worst. */
export function findingCounts(findings: readonly FindingView[]): Span {
  const counts = severities.flatMap((severity) => {
    const count = findings.filter((finding) => finding.severity === severity).length
    return count === 0 ? [] : [{ severity, count }]
  })
  const worst = counts[0]
  if (worst === undefined) return span('none', 'good')
  const words = { critical: 'critical', warning: 'warning', info: 'for information' } as const
  const text = counts
    .map(({ severity, count }) => `${count} ${words[severity]}${severity === 'warning' && count > 1 ? 's' : ''}`)
    .join(', ')
  return span(text, tones[worst.severity])
}

/** True if a finding needs somebody: more than information. */
export function needsAttention(findings: readonly FindingView[]): boolean {
  return findings.some(({ severity }) => severity !== 'info')
}

const columns: readonly Column<FindingView>[] = [
  { head: 'SEVERITY', drop: 0, cell: ({ severity }) => span(severity, tones[severity]) },
  { head: 'SUBJECT', drop: 1, shrinkTo: 14, cell: ({ subject }) => subject },
  { head: 'MESSAGE', drop: 0, shrinkTo: 30, wrap: true, cell: ({ message }) => message },
]
