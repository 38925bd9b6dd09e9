import { groupBy } from '../../common/group-by.js'
import type { ExportObservation } from '../model/observation.js'
import type { ExportedLun, ExportSession, Metric, ServedExchange } from '../model/snapshot.js'
import { storageSeries } from '../model/storage-series.js'
import type { Point } from '../store/time-series.js'
import { whyNot } from './absence.js'
import type { Contradictions } from './contradictions.js'
import { advance, neverCounted, type Counted } from './counted.js'
import { exchangedAfter } from './exchanged.js'
import type { MachineMoment } from './machine-figures.js'
import { longestIntervalMs, perSecond, type Interval } from './rates.js'

const rates = ['readBytes', 'writeBytes', 'readRequests', 'writeRequests'] as const

/** Arrays and addresses that are remembered: those that did nothing for longest are forgotten. */
const mostServed = 4096

/** What others do to the LUNs that one host exports. */
export class ExportFigures {
  #luns: readonly ExportedLun[] | undefined
  #counted = new Map<string, Counted>()
  /** By array and address; who did something last is the last. */
  readonly #served = new Map<string, ServedExchange>()
  #toldAt = -Infinity

  constructor(private readonly contradictions: Contradictions) {}

  get inSnapshot(): readonly ExportedLun[] | undefined {
    return this.#luns
  }

  /** Undefined as long as nobody was seen to do anything. */
  get served(): readonly ServedExchange[] | undefined {
    if (this.#served.size === 0) return undefined
    // All are told at once: who is not told did nothing.
    return Array.from(this.#served.values(), (one) => ({ ...one, at: this.#toldAt }))
  }

  /** Its capabilities say that it exports nothing any more. */
  forget(): void {
    this.#luns = undefined
    this.#counted = new Map()
    this.#served.clear()
    this.#toldAt = -Infinity
  }

  /** All sessions that have done something. Returns what is worth storing. */
  observe(told: readonly ExportObservation[], { hello, bootId, at }: MachineMoment): Point[] {
    if (whyNot('storage-exports', hello.capabilities) !== undefined) {
      this.contradictions.add('storage', ['exports'])
      return []
    }
    const kept = new Map<string, Counted>()
    const sessions = told.map((one) => {
      const name = JSON.stringify([one.arrayKey, one.lun, one.session, one.backing])
      const part = this.#counted.get(name) ?? { ...neverCounted }
      kept.set(name, part)
      return { one, of: advance(part, { at, runId: bootId, totals: one.totals }, this.#runOf(part, at)) }
    })
    // Of those that are not told any more the session is over.
    this.#counted = kept
    this.#toldAt = at
    this.#serve(sessions, at)
    const luns = groupBy(sessions, ({ one }) => JSON.stringify([one.arrayKey, one.lun]))
    this.#luns = [...luns.values()].flatMap((ofLun) => lunOf(ofLun, at) ?? [])
    return this.#luns.flatMap(({ arrayKey, lun, metrics }): Point[] => {
      const fields = Object.fromEntries(
        Object.entries(metrics).flatMap(([field, metric]) => ('value' in metric ? [[field, metric.value]] : [])),
      )
      const id = storageSeries.lun(hello.hostId, arrayKey, lun)
      return Object.keys(fields).length === 0 ? [] : [{ entity: { kind: 'storage', id }, atMs: at, fields }]
    })
  }

  #serve(sessions: readonly Session[], at: number): void {
    const byUser = groupBy(sessions, ({ one }) => JSON.stringify([one.arrayKey, one.address]))
    for (const [name, ofUser] of byUser) {
      const [first] = ofUser
      const grown = ofUser.flatMap(({ of }) => of ?? [])
      if (first === undefined || grown.length === 0) continue
      const { arrayKey, address } = first.one
      const exchanged = exchangedAfter(this.#served.get(name)?.exchanged, together(grown))
      this.#served.delete(name)
      this.#served.set(name, { arrayKey, address, at, exchanged })
    }
    for (const name of this.#served.keys()) {
      if (this.#served.size <= mostServed) break
      this.#served.delete(name)
    }
  }

  /** What was not there when all were told began after that, and at 0. */
  #runOf(part: Counted, at: number): { beganAt: number | undefined; beganSince: boolean } {
    const isNew = part.baseline === undefined && at - this.#toldAt <= longestIntervalMs
    return { beganAt: isNew ? this.#toldAt : undefined, beganSince: isNew }
  }
}

interface Session {
  readonly one: ExportObservation
  readonly of: Interval | undefined
}

/** Of one time, or nearly. */
function together(intervals: readonly Interval[]): Interval {
  const delta: Record<string, number> = {}
  for (const interval of intervals) {
    for (const [name, value = 0] of Object.entries(interval.delta)) delta[name] = (delta[name] ?? 0) + value
  }
  return { seconds: Math.max(...intervals.map(({ seconds }) => seconds)), delta }
}

function lunOf(sessions: readonly Session[], at: number): ExportedLun | undefined {
  const [first] = sessions
  if (first === undefined) return undefined
  const { arrayKey, lun, backing } = first.one
  const metrics: Record<string, Metric> = {}
  for (const name of rates) {
    const field = `${name}PerSecond`
    const value = sumOf(sessions.map(({ of }) => of && perSecond(of, name)))
    metrics[field] = value === undefined ? { absent: 'not read yet' } : { value, at, source: 'machine' }
  }
  const inFlight = sumOf(sessions.map(({ one }) => one.inFlight))
  metrics['inFlight'] =
    inFlight === undefined ? { absent: 'not told by this target' } : { value: inFlight, at, source: 'machine' }
  return { arrayKey, lun, backing, metrics, sessions: sessions.map(sessionOf) }
}

function sessionOf({ one, of }: Session): ExportSession {
  const rate = (name: (typeof rates)[number]): number | undefined => of && perSecond(of, name)
  return {
    session: one.session,
    initiator: one.initiator,
    address: one.address,
    readBytesPerSecond: rate('readBytes'),
    writeBytesPerSecond: rate('writeBytes'),
    readRequestsPerSecond: rate('readRequests'),
    writeRequestsPerSecond: rate('writeRequests'),
    inFlight: one.inFlight,
  }
}

/** Undefined where nobody knows. */
function sumOf(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined)
  return known.length === 0 ? undefined : known.reduce((total, value) => total + value, 0)
}
