import type { RangeResult } from '../store/time-series.js'

type Row = readonly (number | null)[]

/**
 * The history of an array as a whole from that of each host that uses it: what is a rate or a number in flight is added up, latencies are those
 * of the host that waited longest. A moment at which only some hosts have a row counts those alone.
 */
export function mergeArrayHosts(fields: readonly string[], results: readonly RangeResult[]): RangeResult {
  const merge = fields.map((field) => (field.endsWith('PerSecond') || field === 'inFlight' ? add : larger))
  const byTime = new Map<number, Row>()
  for (const { rows } of results) {
    for (const row of rows) {
      const at = row[0] ?? 0
      const values = row.slice(1)
      const before = byTime.get(at)
      byTime.set(
        at,
        before === undefined ? values : merge.map((both, index) => both(before[index] ?? null, values[index] ?? null)),
      )
    }
  }
  const rows = [...byTime].sort(([a], [b]) => a - b).map(([at, values]) => [at, ...values])
  return { fields, rows }
}

function add(a: number | null, b: number | null): number | null {
  return a === null ? b : b === null ? a : a + b
}

function larger(a: number | null, b: number | null): number | null {
  return a === null ? b : b === null ? a : Math.max(a, b)
}
