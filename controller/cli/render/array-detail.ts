import { formatBytes, formatDuration, formatRate } from '../../../common/units.js'
import { isSizeGuessed } from './array-glance.js'
import type { AlertHistoryView, ArrayCacheView, ArrayView } from '../../api/views.js'
import { numberedHistoryColumns } from './alert-history.js'
import { culpritSections } from './array-culprits.js'
import { absentMark, age, clockTime, figure, latency, perSecond, percent, rate, sum } from './figures.js'
import { line, type Look, type Span, span, type Tone } from './look.js'
import { notes, simulatedFleet } from './notes.js'
import { section } from './section.js'
import { type Column, renderPairs } from './table.js'

export interface ArrayDetail {
  readonly array: ArrayView
  /** What happened to alerts about it, newest first. */
  readonly history: readonly AlertHistoryView[]
  readonly simulated: boolean
}

/** All that is known of one array: what its write cache does, who fills it, what it bears. */
export function renderArrayDetail({ array, history, simulated }: ArrayDetail, look: Look): string[] {
  const { cache, metrics } = array
  return [
    line([span(array.name, 'bold'), span(` – ${array.kind}, ${array.key}`)], look),
    '',
    ...renderPairs(
      [
        ...(cache === undefined ? [] : cachePairs(cache, look)),
        ['Read', rate(metrics['readBytesPerSecond'])],
        ['Written', rate(metrics['writeBytesPerSecond'])],
        ['Latency', `${latency(metrics['readLatencyMs'])} reads, ${latency(metrics['writeLatencyMs'])} writes`],
        ['In flight', figure(metrics['inFlight'], String)],
        ['Canary', metrics['canaryMs'] === undefined ? undefined : latency(metrics['canaryMs'])],
        ['Size', figure(array.sizeBytes, formatBytes)],
        ['Hosts', array.hosts.join(', ') || undefined],
        ['VMs', array.vms.join(', ') || undefined],
      ],
      look,
    ),
    ...(cache === undefined ? [] : culpritSections(cache, look)),
    ...section(
      cache?.state === 'stalled' ? 'Who used it before it stood still' : 'Who uses it',
      (cache?.users ?? []).slice(0, mostUsers),
      userColumns(cache),
      look,
    ),
    ...section('What the cache did', cache?.events ?? [], eventColumns(look), look),
    ...section('What happened to its alerts', history, numberedHistoryColumns(look), look),
    ...notes(
      [
        simulated ? simulatedFleet : undefined,
        cache?.fillBytes === undefined || isFull(cache.state) || isSizeGuessed(cache)
          ? undefined
          : 'fill: # for sure, = perhaps, . room',
        cache === undefined
          ? 'its write cache is not watched: disks of one host, which the policy does not name'
          : undefined,
      ],
      look,
    ),
  ]
}

const mostUsers = 15

/** How a state is said, and how bad it is. */
export const cacheStates: Readonly<Record<ArrayCacheView['state'], readonly [words: string, tone: Tone]>> = {
  unknown: ['not known', 'dim'],
  idle: ['idle', 'good'],
  draining: ['draining', 'plain'],
  filling: ['filling', 'plain'],
  'near-full': ['nearly full', 'warning'],
  saturated: ['full', 'critical'],
  stalled: ['stands still', 'critical'],
  'write-through': ['off (write-through)', 'warning'],
}

export function cacheState(cache: ArrayCacheView | undefined): Span {
  return cache === undefined ? span(absentMark, 'dim') : span(...cacheStates[cache.state])
}

function cachePairs(cache: ArrayCacheView, look: Look): (readonly [string, string | Span | undefined])[] {
  const { state, since, fillBytes, capacityBytes, drainBytesPerSecond: drain, loadClass, secondsToSaturation } = cache
  const [words, tone] = cacheStates[state]
  return [
    ['Write cache', span(`${words} for ${age(since, look.now)}`, tone)],
    ['  fill', fillBar(cache, look)],
    [
      '',
      fillBytes === undefined || capacityBytes === undefined || isSizeGuessed(cache)
        ? undefined
        : `${interval(fillBytes, formatBytes)} of ${interval(capacityBytes, formatBytes)}, ${capacityBytes.basis}`,
    ],
    ['  comes in', rate(cache.inflowBytesPerSecond)],
    ['  drains', `${interval(drain, formatRate)} at ${loadClass} load, ${drain.basis}`],
    [
      '  full in',
      secondsToSaturation === undefined || isFull(state) ? undefined : interval(secondsToSaturation, seconds),
    ],
    ['  bears', burst(cache)],
    ['  overflows', `${cache.overflows} seen in ${formatDuration(cache.observedSeconds * 1000)}`],
  ]
}

function isFull(state: ArrayCacheView['state']): boolean {
  return state === 'saturated' || state === 'stalled'
}

/** `[######====----]`: surely filled, perhaps filled, room; by the likely capacity. */
function fillBar(cache: ArrayCacheView, { width }: Look): string | undefined {
  const { state, fillBytes, capacityBytes } = cache
  if (fillBytes === undefined || capacityBytes === undefined || capacityBytes.likely <= 0) return undefined
  if (isSizeGuessed(cache) && !isFull(state)) return notKnown(fillBytes.high)
  const cells = Math.max(10, Math.min(40, (width ?? 80) - 24))
  const cellsOf = (bytes: number): number => Math.round(cells * Math.min(1, Math.max(0, bytes / capacityBytes.likely)))
  // What is full is sure, though not how much that is.
  const [low, high] = isFull(state) ? [cells, cells] : [cellsOf(fillBytes.low), cellsOf(fillBytes.high)]
  const bar = `${'#'.repeat(low)}${'='.repeat(high - low)}${'.'.repeat(cells - high)}`
  return `[${bar}] ${percent(Math.min(1, fillBytes.likely / capacityBytes.likely))}`
}

/** Before an overflow or a calibration. */
function notKnown(mostBytes: number): string {
  const most = mostBytes > 0 ? `at most ${formatBytes(mostBytes)}, by what came in` : 'not known'
  return `${most}: what it holds was neither seen nor told yet`
}

function burst({
  burst: { roomBytes, bulkCopies, bulkCopyBytesPerSecond, secondsForTwoCopies },
  state,
}: ArrayCacheView) {
  if (state === 'write-through') return undefined
  if (isFull(state)) return 'nothing more now: what is written waits for its disks'
  const copies = bulkCopies === 0 ? 'no bulk copy' : bulkCopies === 1 ? 'one bulk copy' : `${bulkCopies} bulk copies`
  const two =
    secondsForTwoCopies === undefined
      ? 'two do not fill it'
      : `two fill it in ${interval(secondsForTwoCopies, seconds)}`
  return `${interval(roomBytes, formatBytes)} at once; ${copies} of a minute at ${formatRate(bulkCopyBytesPerSecond)}; ${two}`
}

interface IntervalView {
  readonly low: number
  readonly likely: number
  readonly high: number
}

/** `410 MB (390 MB to 440 MB)`; plain where the ends say the same. */
function interval({ low, likely, high }: IntervalView, format: (value: number) => string): string {
  const [from, to] = [format(low), format(high)]
  return from === to ? format(likely) : `${format(likely)} (${from} to ${to})`
}

function seconds(value: number): string {
  return value < 10 ? `${value.toFixed(1)} s` : formatDuration(Math.round(value) * 1000)
}

function userColumns(cache: ArrayCacheView | undefined): readonly Column<ArrayCacheView['users'][number]>[] {
  const written = sum(...(cache?.users ?? []).map(({ writeBytesPerSecond }) => writeBytesPerSecond)) ?? 0
  return [
    { head: 'WHO', drop: 0, shrinkTo: 12, cell: ({ kind, name }) => (kind === 'host' ? `${name} itself` : name) },
    { head: 'WRITES', align: 'right', drop: 0, cell: ({ writeBytesPerSecond }) => rate(writeBytesPerSecond) },
    {
      head: 'OF ALL',
      align: 'right',
      drop: 1,
      cell: ({ writeBytesPerSecond }) => percent(written > 0 ? writeBytesPerSecond / written : undefined),
    },
    { head: 'READS', align: 'right', drop: 2, cell: ({ readBytesPerSecond }) => rate(readBytesPerSecond) },
    { head: 'REQUESTS', align: 'right', drop: 3, cell: ({ requestsPerSecond }) => perSecond(requestsPerSecond) },
  ]
}

function eventColumns({ timeZone }: Look): readonly Column<ArrayCacheView['events'][number]>[] {
  return [
    { head: 'WHEN', drop: 0, cell: ({ at }) => clockTime(at, timeZone) },
    { head: 'WHAT', drop: 0, shrinkTo: 20, cell: ({ text }) => text },
  ]
}
