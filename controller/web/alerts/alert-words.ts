import { fieldWords } from '../../evidence/evidence-words.js'
import type { AlertView } from '../../api/views.js'
import type { ChartSpec } from '../charts/chart-specs.js'
import { arrayPath, hostPath, vmPath } from '../routing/routes.js'

export const severityLooks = {
  critical: { sign: '✕', rank: 2 },
  warning: { sign: '▲', rank: 1 },
  info: { sign: 'ⓘ', rank: 0 },
} as const satisfies Record<AlertView['severity'], { readonly sign: string; readonly rank: number }>

/** What is to be known of an alert beside that it fires; empty if nothing. */
export function stateWords(
  alert: Pick<AlertView, 'sighting' | 'flapping' | 'acknowledged' | 'silencedBy' | 'wasSilenced' | 'explainedBy'>,
): string {
  const { sighting, flapping, acknowledged, silencedBy, wasSilenced, explainedBy } = alert
  return [
    sighting === 'unseen' ? 'cannot be seen at present' : sighting === 'clear' ? 'over, if that lasts' : '',
    acknowledged === undefined ? '' : `acknowledged by ${acknowledged.author}`,
    silencedBy !== undefined ? 'silenced' : wasSilenced === true ? 'happened under a silence' : '',
    explainedBy === undefined ? '' : `explained by ${explainedBy}`,
    flapping ? 'comes and goes' : '',
  ]
    .filter((word) => word !== '')
    .join(', ')
}

/** Whether somebody should still look at it. */
export function wantsSomebody(alert: AlertView): boolean {
  const { severity, acknowledged, silencedBy, wasSilenced, explainedBy } = alert
  const isSilent = silencedBy !== undefined || wasSilenced === true
  return severity !== 'info' && acknowledged === undefined && !isSilent && explainedBy === undefined
}

/** What comes first in a list: what somebody should look at, the worst of it first. */
export function urgency(alert: AlertView): number {
  return severityLooks[alert.severity].rank - (wantsSomebody(alert) ? 0 : 10)
}

/** The page of what an alert is about; undefined where there is none. */
export function subjectPath({ kind, id, name }: AlertView['subject']): string | undefined {
  switch (kind) {
    case 'vm':
      return vmPath(id)
    case 'host':
      return hostPath(name)
    case 'array':
      return arrayPath(id)
    case 'agent':
    case 'fleet':
      return undefined
  }
}

type Related = AlertView['related'][number]

export const roleWords = {
  culprit: 'Caused by',
  victim: 'Who suffers',
  partner: 'Together with',
} as const satisfies Record<Related['role'], string>

/** Who has to do with an alert, by what they have to do with it; who causes it first. */
export function byRole(related: readonly Related[]): [Related['role'], Related[]][] {
  return (['culprit', 'victim', 'partner'] as const).flatMap((role): [Related['role'], Related[]][] => {
    const those = related.filter((one) => one.role === role)
    return those.length === 0 ? [] : [[role, those]]
  })
}

export interface EvidenceCharts {
  readonly entity: string
  readonly charts: readonly ChartSpec[]
  readonly fields: readonly string[]
}

/** A chart for each figure that an alert rests on, by entity. What the store does not know has none. */
export function evidenceCharts(evidence: AlertView['evidence']): EvidenceCharts[] {
  const byEntity = new Map<string, ChartSpec[]>()
  for (const { entity, field, limit } of evidence) {
    const words = fieldWords(entity, field)
    if (words === undefined) continue
    const chart: ChartSpec = {
      id: `${entity} ${field}`,
      title: capitalised(words.name),
      unit: words.unit,
      lines: [{ field, label: words.name }],
      ...(limit !== undefined && { limit }),
    }
    byEntity.set(entity, [...(byEntity.get(entity) ?? []), chart])
  }
  return [...byEntity].map(([entity, charts]) => ({
    entity,
    charts,
    fields: [...new Set(charts.flatMap(({ lines }) => lines.map(({ field }) => field)))],
  }))
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
