import { addValue, emptyAggregate, resultOf } from '../embedded/aggregate.js'
import { exactQuantile } from '../embedded/sketch.js'
import type { Aggregation } from '../time-series.js'

/** What a roll-up keeps of the values of one field in one window: at least one. Fields of a roll-up are `<field>_<stat>`. */
export interface Summary {
  readonly count: number
  readonly mean: number
  readonly min: number
  readonly max: number
  readonly last: number
  readonly p95: number
}
export type Stat = keyof Summary
export const stats = ['count', 'mean', 'min', 'max', 'last', 'p95'] as const satisfies readonly Stat[]

/** Values and summaries in the order of time, for one aggregation over all of them. */
export class Gathered {
  readonly #sums = emptyAggregate()
  readonly #values: number[] = []
  readonly #summaries: Summary[] = []

  constructor(private readonly aggregation: Aggregation) {}

  addValue(value: number): void {
    addValue(this.#sums, value)
    if (this.aggregation === 'p95') this.#values.push(value)
  }

  addSummary(summary: Summary): void {
    const { count, mean, min, max, last } = summary
    const sums = this.#sums
    sums.count += count
    sums.sum += mean * count
    sums.min = Math.min(sums.min, min)
    sums.max = Math.max(sums.max, max)
    sums.last = last
    if (this.aggregation === 'p95') this.#summaries.push(summary)
  }

  /** Undefined if nothing was added. */
  result(): number | undefined {
    if (this.aggregation !== 'p95') return resultOf(this.#sums, this.aggregation)
    return this.#summaries.length === 0 ? exactQuantile(this.#values, 0.95) : this.#estimatedP95()
  }

  /**
   * Nearest rank in a mixture: of each window nine tenths of the values at its mean (or at its p95, if that is lower), a twentieth at
   * its p95 and a twentieth at its maximum. Exact for one window and for windows that are alike. The p95 of all lies between the least
   * and the greatest p95 of the parts, and so does the estimate.
   */
  #estimatedP95(): number | undefined {
    const weighted = this.#values.map((value) => ({ value, weight: 1 }))
    for (const { count, mean, p95, max } of this.#summaries) {
      weighted.push(
        { value: Math.min(mean, p95), weight: count * 0.9 },
        { value: p95, weight: count * 0.05 },
        { value: max, weight: count * 0.05 },
      )
    }
    weighted.sort((a, b) => a.value - b.value)
    const parts = emptyAggregate()
    for (const { p95 } of this.#summaries) addValue(parts, p95)
    for (const value of this.#values) addValue(parts, value)
    // A little less, so that rounding does not pass over the rank.
    const rank = this.#sums.count * 0.95 * (1 - 1e-9)
    let through = 0
    for (const { value, weight } of weighted) {
      through += weight
      if (through >= rank) return Math.min(parts.max, Math.max(parts.min, value))
    }
    return undefined
  }
}

const needed = {
  mean: ['count', 'mean'],
  sum: ['count', 'mean'],
  min: ['count', 'min'],
  max: ['count', 'max'],
  last: ['count', 'last'],
  p95: ['count', 'mean', 'max', 'p95'],
} as const satisfies Record<Aggregation, readonly Stat[]>

/** What has to be known of a window for an aggregation. */
export function neededStats(aggregation: Aggregation): readonly Stat[] {
  return needed[aggregation]
}

/** Fields of a roll-up: `<field>_<stat>`. */
export function rolledUpFields(fields: Readonly<Record<string, Summary>>): [name: string, value: number][] {
  return Object.entries(fields).flatMap(([field, summary]) =>
    stats.map((stat): [string, number] => [`${field}_${stat}`, summary[stat]]),
  )
}

/** A summary of what is known, for an aggregation that needs no more; undefined if the window had no values. */
export function summaryOf(known: Readonly<Partial<Record<Stat, number>>>): Summary | undefined {
  if (known.count === undefined || known.count === 0) return undefined
  return { count: known.count, mean: 0, min: 0, max: 0, last: 0, p95: 0, ...known }
}
