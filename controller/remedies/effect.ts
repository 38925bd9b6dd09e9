import { formatBytes, formatRate } from '../../common/units.js'
import { inTime } from '../checks/in-words.js'
import type { ArrayCacheState } from '../model/array-condition.js'
import { valueOf, type Metric, type Snapshot } from '../model/snapshot.js'
import type { WatchedArray } from '../model/watched-array.js'
import { disksOn } from './proposals.js'
import type { Effect, Measure } from './remedy-mark.js'

/** What was read longer ago says nothing of now. */
const freshMs = 5000

export function measureOf(watched: WatchedArray, vmUuid: string, snapshot: Snapshot): Measure {
  const fresh = (metric: Metric | undefined): number | undefined =>
    metric !== undefined && 'value' in metric && snapshot.at - metric.at <= freshMs ? valueOf(metric) : undefined
  let [requests, waited] = [0, 0]
  const own = { bytes: new Sum(), requests: new Sum() }
  for (const { vmUuid: of, metrics } of disksOn(watched, snapshot)) {
    const read = (name: string): number | undefined => fresh(metrics[name])
    if (of === vmUuid) {
      own.bytes.add(read('writeBytesPerSecond'))
      own.bytes.add(read('readBytesPerSecond'))
      own.requests.add(read('writeRequestsPerSecond'))
      own.requests.add(read('readRequestsPerSecond'))
      continue
    }
    const [rate, latencyMs] = [read('writeRequestsPerSecond'), read('writeLatencyMs')]
    if (rate === undefined || latencyMs === undefined) continue
    requests += rate
    waited += rate * latencyMs
  }
  const { state, fill, inflowBytesPerSecond } = watched.condition
  return {
    at: snapshot.at,
    state,
    neighbourWriteMs: requests > 0 ? waited / requests : undefined,
    fillBytes: fill?.likely,
    inflowBytesPerSecond,
    ownBytesPerSecond: own.bytes.total,
    ownRequestsPerSecond: own.requests.total,
  }
}

/** Undefined until something is added to it that is known. */
class Sum {
  total: number | undefined

  add(value: number | undefined): void {
    if (value !== undefined) this.total = (this.total ?? 0) + value
  }
}

/** Several seconds as one: means of what is known, the state of the last. Undefined: there are none. */
export function meanOf(measures: readonly Measure[]): Measure | undefined {
  const last = measures.at(-1)
  if (last === undefined) return undefined
  const mean = (of: (one: Measure) => number | undefined): number | undefined => {
    const known = measures.map(of).filter((value) => value !== undefined)
    return known.length === 0 ? undefined : known.reduce((all, value) => all + value, 0) / known.length
  }
  return {
    at: last.at,
    state: last.state,
    neighbourWriteMs: mean((one) => one.neighbourWriteMs),
    fillBytes: mean((one) => one.fillBytes),
    inflowBytesPerSecond: mean((one) => one.inflowBytesPerSecond),
    ownBytesPerSecond: mean((one) => one.ownBytesPerSecond),
    ownRequestsPerSecond: mean((one) => one.ownRequestsPerSecond),
  }
}

/** What the VM may do in all by its limit; undefined: the limit does not say it of that. */
export interface Allowed {
  readonly bytesPerSecond?: number | undefined
  readonly requestsPerSecond?: number | undefined
}

/** Of what they took before: from here on down neighbours are served as one wants it. */
const muchFaster = 0.5
/** Below it nobody waits, whatever it was before. */
const quickMs = 2
const clearlyLess = 0.9
/** Of what it may: who does less ended by itself, perhaps. */
const hardlyAny = 0.25
const full: ReadonlySet<ArrayCacheState> = new Set(['saturated', 'stalled'])

/** Whether it became better while the limit held, by what neighbours feel, and where they feel nothing by the cache. Pure. */
export function effectOf(
  before: Measure | undefined,
  after: Measure | undefined,
  allowed: Allowed,
  at: number,
): Effect {
  const told = { at, before, after }
  if (before === undefined || after === undefined)
    return { ...told, outcome: 'unknown', says: 'nobody watched the array before and after' }
  const figures = figuresOf(before, after)
  const judged = (outcome: Effect['outcome'], why: string): Effect => ({
    ...told,
    outcome,
    says: [why, ...figures].join('; '),
  })
  if (isIdle(after, allowed))
    return judged('unknown', 'it does far less than the limit lets it, so that it may have ended by itself')
  const [was, is] = [before.neighbourWriteMs, after.neighbourWriteMs]
  if (was !== undefined && is !== undefined && was > quickMs)
    return is <= Math.max(quickMs, muchFaster * was)
      ? judged('helped', 'writes of the others are much faster')
      : judged('did-not-help', 'writes of the others take as long, or nearly so')
  if (full.has(before.state) && is !== undefined && is <= quickMs)
    return judged('helped', 'writes of the others end at once again')
  if (before.state === 'stalled' && after.state === 'stalled')
    return judged('did-not-help', 'it stands still as before')
  if (before.fillBytes === undefined || after.fillBytes === undefined)
    return judged('unknown', 'neither what others wait nor what is in the cache is known')
  if (after.fillBytes <= clearlyLess * before.fillBytes) return judged('helped', 'the cache empties')
  const comesIn = before.inflowBytesPerSecond !== undefined && after.inflowBytesPerSecond !== undefined
  return comesIn
    ? judged('did-not-help', 'the cache is as full as before')
    : judged('unknown', 'the cache is as full as before, and what comes in is not known')
}

function isIdle(after: Measure, { bytesPerSecond, requestsPerSecond }: Allowed): boolean {
  const [own, limit] =
    bytesPerSecond !== undefined
      ? [after.ownBytesPerSecond, bytesPerSecond]
      : [after.ownRequestsPerSecond, requestsPerSecond]
  return own !== undefined && limit !== undefined && own < hardlyAny * limit
}

function figuresOf(before: Measure, after: Measure): string[] {
  const pair = (what: string, of: (one: Measure) => number | undefined, text: (value: number) => string): string[] => {
    const [was, is] = [of(before), of(after)]
    if (was === undefined && is === undefined) return []
    return [`${what} ${is === undefined ? 'unknown' : text(is)}, before ${was === undefined ? 'unknown' : text(was)}`]
  }
  return [
    ...pair("others' writes take", (one) => one.neighbourWriteMs, inTime),
    ...pair('come in:', (one) => one.inflowBytesPerSecond, formatRate),
    ...pair('in the cache:', (one) => one.fillBytes, formatBytes),
  ]
}
