import { fieldNames, measurements, type EntityKind } from '../measurements.js'
import { tagsOf } from '../server/entity-tags.js'
import { stats, type Stat } from '../server/summary.js'
import type { RollUpTier } from '../server/tier-plan.js'
import type { EntityKey, Tier } from '../time-series.js'

/**
 * Names and texts of MetricsQL. VictoriaMetrics makes the metric `<measurement>_<field>` of a field in line protocol; measurements of
 * roll-ups are `<kind>_5m` and `<kind>_1h`, their fields `<field>_<stat>`. Every series has the label `db`.
 */
export function measurementOf(kind: EntityKind, tier: Tier): string {
  return tier === 'raw' ? kind : `${kind}_${tier}`
}

/** `vm_cpuCores`, `vm_5m_cpuCores_mean` */
export function metricOf(kind: EntityKind, field: string): string {
  return `${kind}_${field}`
}

export function rollUpMetricOf(kind: EntityKind, tier: RollUpTier, field: string, stat: Stat): string {
  return `${measurementOf(kind, tier)}_${field}_${stat}`
}

/** A text as MetricsQL takes it. Tags of entities have no control characters (entity-tags.ts). */
function quoted(text: string): string {
  return JSON.stringify(text)
}

/** `{__name__="vm_cpuCores",db="headroom",uuid="…"}`; several names by a regular expression. Names are this program's own. */
export function selector(names: readonly string[], database: string, entity?: EntityKey): string {
  const [first = ''] = names
  const name = names.length === 1 ? `__name__=${quoted(first)}` : `__name__=~${quoted(names.join('|'))}`
  const labels = entity === undefined ? [] : labelsOf(entity)
  return `{${[name, `db=${quoted(database)}`, ...labels].join(',')}}`
}

/** A label that is not there is compared as an empty one. */
function labelsOf(entity: EntityKey): string[] {
  const values = new Map(tagsOf(entity).map(({ name, value }) => [name, value]))
  return measurements[entity.kind].tags.map((name) => `${name}=${quoted(values.get(name) ?? '')}`)
}

/** Which field, and of a roll-up which stat, a metric's name means. */
export interface NamedMetric {
  readonly field: string
  readonly stat: Stat | undefined
}

/** Names of all metrics of a kind and tier, with what they mean. */
export function metricsOf(kind: EntityKind, tier: Tier): ReadonlyMap<string, NamedMetric> {
  const names = new Map<string, NamedMetric>()
  for (const field of fieldNames(kind)) {
    if (tier === 'raw') names.set(metricOf(kind, field), { field, stat: undefined })
    else for (const stat of stats) names.set(rollUpMetricOf(kind, tier, field, stat), { field, stat })
  }
  return names
}

/** Whole milliseconds as VictoriaMetrics takes a time: seconds. */
export function seconds(ms: number): string {
  return (ms / 1000).toFixed(3)
}
