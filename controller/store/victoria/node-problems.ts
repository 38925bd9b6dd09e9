import type { Retention } from '../server/sink.js'
import { flagDurationMs, type NodeMetrics } from './node-metrics.js'

/** Settings that this program depends on, where a process has them. */
const needed: Readonly<Record<string, { readonly value: string; readonly why: string }>> = {
  'dedup.minScrapeInterval': { value: '1ms', why: 'points that are sent again after a crash would count twice' },
  influxMeasurementFieldSeparator: { value: '_', why: 'metrics would have other names' },
  influxSkipMeasurement: { value: 'false', why: 'metrics would have other names' },
  influxSkipSingleField: { value: 'false', why: 'metrics would have other names' },
  influxDBLabel: { value: 'db', why: 'series would have another label' },
  influxTrimTimestamp: { value: '1ms', why: 'times would be coarser' },
}

/** What an administrator has to mend at one process, the first of it; empty if all is well. */
export function nodeProblem(
  { startedAt, flags }: NodeMetrics,
  wanted: { readonly retention: Retention; readonly durableAfterMs: number },
): string {
  if (startedAt === undefined) return 'its /metrics does not say when it was started (process_start_time_seconds)'
  for (const [name, { value, why }] of Object.entries(needed)) {
    const found = flags.get(name)
    if (found !== undefined && found !== value) return `start it with -${name}=${value} (it has ${found}): ${why}`
  }
  const retention = flagDurationMs(flags.get('retentionPeriod') ?? '')
  const longest = Math.max(...Object.values(wanted.retention))
  if (retention !== undefined && retention < longest) {
    return `start it with a longer -retentionPeriod (it has ${flags.get('retentionPeriod')}): ${Math.ceil(longest / 86_400_000)}d are to be kept`
  }
  const flushMs = flagDurationMs(flags.get('inmemoryDataFlushInterval') ?? '')
  if (flushMs !== undefined && flushMs * 3 > wanted.durableAfterMs) {
    return `start it with a shorter -inmemoryDataFlushInterval (it has ${flags.get('inmemoryDataFlushInterval')}): what it has in memory is kept here for ${wanted.durableAfterMs / 1000} s only`
  }
  return ''
}

/** The shortest retention of those that say theirs. */
export function retentionInForce(nodes: readonly NodeMetrics[]): number | undefined {
  const known = nodes.flatMap(({ flags }) => flagDurationMs(flags.get('retentionPeriod') ?? '') ?? [])
  return known.length === 0 ? undefined : Math.min(...known)
}
