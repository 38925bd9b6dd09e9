import type { TimeSeries } from '../../controller/store/time-series.js'
import type { Row } from './sample-book.js'
import type { Reports } from './wire-witness.js'

/** The number of a spool up to which the controller has acked. */
type Acked = (spoolId: string) => number

/**
 * Looks for every acked report of a host in the store, once and as it was said, and for what nobody said.
 * @returns what is wrong, in words; samples that have to be there, and those that are
 */
export async function lookAtStore(
  store: Pick<TimeSeries, 'range'>,
  reports: Reports,
  acked: Acked,
): Promise<{ readonly faults: readonly string[]; readonly promised: number; readonly readBack: number }> {
  const faults: string[] = []
  let [promised, readBack] = [0, 0]
  for (const [hostId, values] of memoryFigures(reports, acked)) {
    const { rows } = await store.range({
      entity: { kind: 'host', id: hostId },
      fields: ['memoryAvailableBytes'],
      fromMs: 0,
      toMs: Number.MAX_SAFE_INTEGER,
      stepMs: 0,
      agg: 'last',
    })
    // Reports go on coming meanwhile.
    const later = memoryFigures(reports, acked).get(hostId) ?? values
    const stored = rows.map(([atMs, value]): Row => [atMs ?? 0, value ?? null])
    faults.push(...difference(stored, values, later).map((text) => `${hostId}: ${text}`))
    promised += values.size
    readBack += rows.length
  }
  return { faults, promised, readBack }
}

/** Memory figures of each host's acked reports, by time. */
function memoryFigures(reports: Reports, acked: Acked): ReadonlyMap<string, ReadonlyMap<number, number>> {
  const byHost = new Map<string, Map<number, number>>()
  for (const [spoolId, numbered] of reports) {
    const through = acked(spoolId)
    for (const [seq, { report }] of numbered) {
      const value = report.host?.memoryAvailableBytes
      if (seq > through || value === undefined) continue
      let values = byHost.get(report.hostId)
      if (values === undefined) byHost.set(report.hostId, (values = new Map()))
      values.set(Number(report.atMs), Number(value))
    }
  }
  return byHost
}

/** Rows of `later` may be there, those of `values` must. */
function difference(
  rows: readonly Row[],
  values: ReadonlyMap<number, number>,
  later: ReadonlyMap<number, number>,
): string[] {
  const stored = new Map(rows)
  const lost = [...values].filter(([atMs, value]) => stored.get(atMs) !== value)
  const strange = rows.filter(([atMs, value]) => later.get(atMs) !== value)
  return [
    ...(lost.length > 0 ? [`${lost.length} acked samples are not there: ${lost[0]?.join(' ')} …`] : []),
    ...(strange.length > 0 ? [`${strange.length} rows that nobody sent: ${strange[0]?.join(' ')} …`] : []),
    ...(stored.size < rows.length ? [`${rows.length - stored.size} rows are there twice`] : []),
  ]
}
