import type { ArrayObservation } from '../model/observation.js'
import type { Point } from '../store/time-series.js'
import { merge, reconsider, unread, whyNot, type CapabilityChange, type Metrics, type Readings } from './absence.js'
import type { Contradictions } from './contradictions.js'
import { advanceOf, type Counted } from './counted.js'
import type { MachineMoment } from './machine-figures.js'
import type { Interval } from './rates.js'
import { ioReadings } from './readings.js'

/** More than one report can name. */
const mostArrays = 2048

/** What one host exchanges with each array, by its own counters. */
export class ArrayFigures {
  readonly #metrics = new Map<string, Metrics>()
  readonly #counted = new Map<string, Counted>()

  constructor(private readonly contradictions: Contradictions) {}

  /** By key of the array. */
  get metrics(): ReadonlyMap<string, Metrics> {
    return this.#metrics
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
    if (of !== undefined) Object.assign(readings, arrayReadings(of))
    for (const [field, value] of Object.entries(array.levels)) if (value !== undefined) readings[field] = value
    const { capabilities, hostId } = hello
    if (whyNot('array-counters', capabilities) !== undefined) {
      this.contradictions.add('array', Object.keys(readings))
      return []
    }
    const old = this.#metrics.get(key) ?? unread('array', capabilities)
    const { metrics, stored, refused } = merge('array', old, readings, at, { capabilities, defaultSource: 'machine' })
    this.contradictions.add('array', refused)
    this.#metrics.set(key, metrics)
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
  }
}

function arrayReadings(of: Interval): Readings {
  const io = ioReadings(of)
  return Object.fromEntries(Object.entries(io).filter(([field]) => !/^(flush|outOf)/.test(field)))
}
