import type { AlertView } from '../../api/views.js'
import { measurements } from '../../store/measurements.js'
import type { ChartSpec } from '../charts/chart-specs.js'
import type { Unit } from '../format/figures.js'
import { arrayPath, hostPath, vmPath } from '../routing/routes.js'

export const severityLooks = {
  critical: { sign: '✕', rank: 2 },
  warning: { sign: '▲', rank: 1 },
  info: { sign: 'ⓘ', rank: 0 },
} as const satisfies Record<AlertView['severity'], { readonly sign: string; readonly rank: number }>

/** What is to be known of an alert beside that it fires; empty if nothing. */
export function stateWords(
  alert: Pick<AlertView, 'sighting' | 'flapping' | 'acknowledged' | 'silencedBy' | 'explainedBy'>,
): string {
  const { sighting, flapping, acknowledged, silencedBy, explainedBy } = alert
  return [
    sighting === 'unseen' ? 'cannot be seen at present' : sighting === 'clear' ? 'over, if that lasts' : '',
    acknowledged === undefined ? '' : `acknowledged by ${acknowledged.author}`,
    silencedBy === undefined ? '' : 'silenced',
    explainedBy === undefined ? '' : `explained by ${explainedBy}`,
    flapping ? 'comes and goes' : '',
  ]
    .filter((word) => word !== '')
    .join(', ')
}

/** Whether somebody should still look at it. */
export function wantsSomebody({ severity, acknowledged, silencedBy, explainedBy }: AlertView): boolean {
  return severity !== 'info' && acknowledged === undefined && silencedBy === undefined && explainedBy === undefined
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

export interface EvidenceCharts {
  readonly entity: string
  readonly charts: readonly ChartSpec[]
  readonly fields: readonly string[]
}

/** A chart for each figure that an alert rests on, by entity. What the store does not know has none. */
export function evidenceCharts(evidence: AlertView['evidence']): EvidenceCharts[] {
  const byEntity = new Map<string, ChartSpec[]>()
  for (const { entity, field, limit } of evidence) {
    const unit = unitOf(entity.slice(0, Math.max(0, entity.indexOf(':'))), field)
    if (unit === undefined) continue
    const chart: ChartSpec = {
      id: `${entity} ${field}`,
      title: titleOf(field),
      unit,
      lines: [{ field, label: titleOf(field).toLowerCase() }],
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

/** `Write bytes`: a field's name as words, its unit left out. */
export function titleOf(field: string): string {
  const words = field
    .replace(/(PerSecond|Ms|Fraction|Cores)$/, '')
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .toLowerCase()
  return words.charAt(0).toUpperCase() + words.slice(1)
}

function unitOf(kind: string, field: string): Unit | undefined {
  const known = Object.entries(measurements).find(([name]) => name === kind)?.[1].fields
  const unit = Object.entries<{ readonly unit: string }>(known ?? {}).find(([name]) => name === field)?.[1].unit
  switch (unit) {
    case undefined:
      return undefined
    case 'bytes':
      return /memory|swap/i.test(field) ? 'memory' : 'bytes'
    case 'bytes/s':
    case '1/s':
    case 'ms':
    case 'cores':
    case 'fraction':
      return unit
    default:
      return 'count'
  }
}
