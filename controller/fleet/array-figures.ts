import type { ArrayObservation } from '../model/observation.js'
import type { Exchanged, WriteCache } from '../model/snapshot.js'
import type { Point } from '../store/time-series.js'
import { merge, reconsider, unread, whyNot, type CapabilityChange, type Metrics, type Readings } from './absence.js'
import type { Contradictions } from './contradictions.js'
import { advanceOf, type Counted } from './counted.js'
import { exchangedAfter } from './exchanged.js'
import type { MachineMoment } from './machine-figures.js'
import type { Interval } from './rates.js'
import { ioReadings } from './readings.js'

/** More than one report can name. */
const mostArrays = 2048

/** What one host exchanges with each array, by its own counters. */
export class ArrayFigures {
  readonly #metrics = new Map<string, Metrics>()
  readonly #counted = new Map<string, Counted>()
  readonly #exchanged = new Map<string, Exchanged>()
  readonly #writeCaches = new Map<string, WriteCache>()

  constructor(private readonly contradictions: Contradictions) {}

  /** By key of the array. */
  get metrics(): ReadonlyMap<string, Metrics> {
    return this.#metrics
  }

  /** With the moment of the last reading; undefined of an array whose counters were not read twice. */
  exchange(key: string): { readonly at: number; readonly exchanged: Exchanged } | undefined {
    const exchanged = this.#exchanged.get(key)
    const at = this.#counted.get(key)?.read?.at
    return exchanged === undefined || at === undefined ? undefined : { at, exchanged }
  }

  /** Whether it has told totals of the array, not only of its canary or its cache. */
  counts(key: string): boolean {
    return this.#counted.get(key)?.read !== undefined
  }

  writeCache(key: string): WriteCache | undefined {
    return this.#writeCaches.get(key)
  }

  /** The host can measure other things than before. */
  reconsider(change: CapabilityChange): void {
    for (const [key, metrics] of this.#metrics) this.#metrics.set(key, reconsider('array', metrics, change))
  }

  /** Returns what is worth storing. */
  observe(array: ArrayObservation, { hello, bootId, at }: MachineMoment): Point[] {
    const { key, runId, totals } = array
    const readings: Record<string, number | null> = {}
    const of = advanceOf(this.#counted, key, { at, runId: `${bootId}/${runId}`, totals })
    const [oldest] = this.#counted.keys()
    if (this.#counted.size > mostArrays && oldest !== undefined) this.#forget(oldest)
    if (of !== undefined) {
      Object.assign(readings, arrayReadings(of))
      this.#exchanged.set(key, exchangedAfter(this.#exchanged.get(key), of))
    }
    for (const [field, value] of Object.entries(array.levels)) if (value !== undefined) readings[field] = value
    const { capabilities, hostId } = hello
    if (array.writeCache === undefined) this.#writeCaches.delete(key)
    else this.#writeCaches.set(key, array.writeCache)
    if (whyNot('array-counters', capabilities) !== undefined) {
      const counted = Object.keys(readings).filter((field) => !isOfCanary(field))
      this.contradictions.add('array', counted)
      for (const field of counted) delete readings[field]
      if (Object.keys(readings).length === 0) return []
    }
    const old = this.#metrics.get(key) ?? unread('array', capabilities)
    const { metrics, stored, refused } = merge('array', old, readings, at, { capabilities, defaultSource: 'machine' })
    this.contradictions.add('array', refused)
    this.#metrics.set(key, { ...metrics, ...canaryState(metrics, readings) })
    if (Object.keys(stored).length === 0) return []
    return [{ entity: { kind: 'array', id: `${key}/${hostId}` }, atMs: at, fields: stored }]
  }

  /** A host that tells of its arrays tells of all of them: the others have no figures of now. @returns those */
  keep(keys: ReadonlySet<string>): readonly string[] {
    const gone = [...this.#metrics.keys()].filter((key) => !keys.has(key))
    for (const key of gone) this.#forget(key)
    return gone
  }

  #forget(key: string): void {
    this.#metrics.delete(key)
    this.#counted.delete(key)
    this.#exchanged.delete(key)
    this.#writeCaches.delete(key)
  }
}

function isOfCanary(field: string): boolean {
  return field.startsWith('canary')
}

/** While its write is late there is no time of it, and nothing is late that came back. */
function canaryState(metrics: Metrics, readings: Readings): Metrics {
  if (readings['canaryOverdueMs'] !== undefined) return { canaryMs: { absent: 'its write has not come back' } }
  const overdue = metrics['canaryOverdueMs']
  const wasOverdue = overdue !== undefined && 'value' in overdue
  return wasOverdue || readings['canaryMs'] !== undefined
    ? { canaryOverdueMs: { absent: 'its write is not late' } }
    : {}
}

function arrayReadings(of: Interval): Readings {
  const io = ioReadings(of)
  return Object.fromEntries(Object.entries(io).filter(([field]) => !/^(flush|outOf)/.test(field)))
}
