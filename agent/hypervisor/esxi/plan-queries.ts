import {
  datastoreCounters,
  diskCounters,
  hostCounters,
  hostNicCounters,
  nicCounters,
  vmCounters,
  type CounterIds,
} from './counters.js'
import type { Metric, PerfQuery } from './perf-query.js'
import type { RunningTotals } from './running-totals.js'
import type { WatchedVm } from './vm-watch.js'

/** A VM with what its counters are named after. */
export interface ReadableVm {
  readonly vm: WatchedVm
  readonly vcpus: number
  readonly memoryBytes: number
  readonly disks: readonly string[]
  readonly nics: readonly string[]
}

export interface PlanInput {
  readonly hostId: string
  readonly host: RunningTotals | undefined
  readonly vms: readonly ReadableVm[]
  readonly totals: ReadonlyMap<string, RunningTotals>
  /** Instances of the host's datastores. */
  readonly datastores: readonly string[]
  /** Instances of the host's physical interfaces. */
  readonly hostNics: readonly string[]
  /** What the server counts. */
  readonly counters: CounterIds
  readonly intervalMs: number
  /** The server's clock. */
  readonly serverNowMs: number
  /** Nothing was found up to this time: a window begins no earlier. */
  readonly searchedUntilMs: number
}

/** vSphere keeps real-time samples for an hour. */
const keptMs = 3_600_000
/** Of a long backlog so many intervals are read in one pass; the next pass goes on. */
export const intervalsAtOnce = 30

/**
 * What to ask for: all samples since the last that was counted. The first query is the host's. A VM that is off is asked for
 * as long as samples from before may still come.
 */
export function planQueries(input: PlanInput): readonly PerfQuery[] {
  const { host, intervalMs, serverNowMs, searchedUntilMs } = input
  const oldestMs = serverNowMs - keptMs
  const since = (totals: RunningTotals): number => Math.max(totals.atMs, oldestMs)
  const from = host === undefined ? undefined : Math.max(since(host), searchedUntilMs)
  const isLong = from !== undefined && serverNowMs - from > (intervalsAtOnce + 1) * intervalMs
  const untilMs = isLong ? from + intervalsAtOnce * intervalMs : undefined
  const query = (type: string, id: string, metrics: readonly Metric[], afterMs: number | undefined): PerfQuery[] =>
    untilMs !== undefined && afterMs !== undefined && afterMs >= untilMs
      ? []
      : [{ entity: { type, id }, metrics, afterMs, untilMs: afterMs === undefined ? undefined : untilMs }]
  return [
    ...query('HostSystem', input.hostId, hostMetrics(input), from),
    ...input.vms.flatMap((readable) => {
      const known = input.totals.get(readable.vm.uuid)
      if (!mayHaveSamples(readable.vm, known, input)) return []
      // One that has just come: from the last interval of the host, so that its first one is complete.
      const afterMs = known === undefined ? (from === undefined ? undefined : from - intervalMs) : since(known)
      return query('VirtualMachine', readable.vm.id, vmMetrics(readable, input.counters), afterMs)
    }),
  ]
}

/** Whether samples of a VM may exist that were not counted yet. */
export function mayHaveSamples(
  { power }: Pick<WatchedVm, 'power'>,
  known: RunningTotals | undefined,
  { host, intervalMs }: { readonly host: RunningTotals | undefined; readonly intervalMs: number },
): boolean {
  if (power === 'on' || power === 'unknown') return true
  return known !== undefined && host !== undefined && host.atMs - known.atMs <= 1.5 * intervalMs
}

function hostMetrics({ datastores, hostNics }: PlanInput): readonly Metric[] {
  return [
    ...hostCounters.map((counter) => ({ counter, instance: '' })),
    ...hostNics.flatMap((instance) => hostNicCounters.map((counter) => ({ counter, instance }))),
    ...datastores.flatMap((instance) => datastoreCounters.map((counter) => ({ counter, instance }))),
  ]
}

function vmMetrics({ disks, nics }: ReadableVm, counters: CounterIds): readonly Metric[] {
  const wanted = counters.has('cpu.used.summation')
    ? vmCounters.filter((counter) => counter !== 'cpu.usage.average')
    : vmCounters
  return [
    ...wanted.map((counter) => ({ counter, instance: '' })),
    ...disks.flatMap((instance) => diskCounters.map((counter) => ({ counter, instance }))),
    ...nics.flatMap((instance) => nicCounters.map((counter) => ({ counter, instance }))),
  ]
}

/** Values of one answer: few calls for few intervals, more of them after an outage, so that no answer is large. */
const valuesAtOnce = 40_000

/** Divides queries into calls. */
export function inCalls(
  queries: readonly PerfQuery[],
  { intervalMs, serverNowMs }: Pick<PlanInput, 'intervalMs' | 'serverNowMs'>,
): readonly (readonly PerfQuery[])[] {
  const calls: PerfQuery[][] = []
  let room = 0
  for (const query of queries) {
    const { afterMs, untilMs = serverNowMs, metrics } = query
    const samples = afterMs === undefined ? 1 : Math.max(1, Math.ceil((untilMs - afterMs) / intervalMs))
    const values = samples * Math.max(1, metrics.length)
    const last = calls.at(-1)
    if (last === undefined || values > room || last.length >= 64) {
      calls.push([query])
      room = valuesAtOnce - values
    } else {
      last.push(query)
      room -= values
    }
  }
  return calls
}
