import { propertyOf } from '../../../common/property-of.js'

/** What VictoriaMetrics says, checked. */
export interface ExportedSeries {
  readonly labels: Readonly<Record<string, string>>
  readonly values: readonly unknown[]
  readonly timestampsMs: readonly unknown[]
}

/** One line of /api/v1/export. @throws Error if it is of another form */
export function exportedSeries(line: string): ExportedSeries {
  const parsed: unknown = JSON.parse(line)
  const [metric, values, timestamps] = ['metric', 'values', 'timestamps'].map((name) => propertyOf(parsed, name))
  if (!Array.isArray(values) || !Array.isArray(timestamps) || values.length !== timestamps.length) {
    throw new Error('an exported series of an unknown form')
  }
  return { labels: labelsOf(metric), values, timestampsMs: timestamps }
}

export interface QueriedSeries {
  readonly labels: Readonly<Record<string, string>>
  /** Ascending. */
  readonly samples: readonly { readonly atMs: number; readonly value: number }[]
}

/** An answer of /api/v1/query or query_range. @throws Error if it is of another form */
export function queriedSeries(text: string): QueriedSeries[] {
  const result = propertyOf(propertyOf(JSON.parse(text), 'data'), 'result')
  if (!Array.isArray(result)) throw new Error('an answer of an unknown form')
  return result.map((series: unknown) => {
    const one = propertyOf(series, 'value')
    const many = propertyOf(series, 'values')
    const pairs: readonly unknown[] = Array.isArray(many) ? many : [one]
    return { labels: labelsOf(propertyOf(series, 'metric')), samples: pairs.flatMap(sampleOf) }
  })
}

function sampleOf(pair: unknown): { atMs: number; value: number }[] {
  if (!Array.isArray(pair)) return []
  const [seconds, text] = pair
  const sample = { atMs: Math.round(Number(seconds) * 1000), value: Number(text) }
  return Number.isFinite(sample.value) ? [sample] : []
}

function labelsOf(metric: unknown): Record<string, string> {
  if (typeof metric !== 'object' || metric === null) return {}
  return Object.fromEntries(Object.entries(metric).map(([name, value]) => [name, String(value)]))
}
