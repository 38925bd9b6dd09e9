import { groupBy } from '../../common/group-by.js'
import type { ExportObservation } from '../model/observation.js'
import type { ExportedLun, ExportSession, Metric } from '../model/snapshot.js'
import { storageSeries } from '../model/storage-series.js'
import type { Point } from '../store/time-series.js'
import { whyNot } from './absence.js'
import type { Contradictions } from './contradictions.js'
import { advance, neverCounted, type Counted } from './counted.js'
import type { MachineMoment } from './machine-figures.js'
import { longestIntervalMs, perSecond, type Interval } from './rates.js'

const rates = ['readBytes', 'writeBytes', 'readRequests', 'writeRequests'] as const

/** What others do to the LUNs that one host exports. */
export class ExportFigures {
  #luns: readonly ExportedLun[] | undefined
  #counted = new Map<string, Counted>()
  #toldAt = -Infinity

  constructor(private readonly contradictions: Contradictions) {}

  get inSnapshot(): readonly ExportedLun[] | undefined {
    return this.#luns
  }

  /** Its capabilities say that it exports nothing any more. */
  forget(): void {
    this.#luns = undefined
    this.#counted = new Map()
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
