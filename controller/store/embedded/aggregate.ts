import type { Aggregation } from '../time-series.js'
import { addToSketch, exactQuantile, sketchBucket, sketchQuantile, type Sketch } from './sketch.js'

/** What is kept of many values so that an aggregation can be answered. */
export interface Aggregate {
  count: number
  sum: number
  min: number
  max: number
  last: number
  /** Only where a quantile is asked for. */
  readonly distribution: Distribution | undefined
}

/** How values are distributed: the values themselves or, as soon as some are known from a sketch only, a sketch. */
export class Distribution {
  #values: number[] = []
  #sketch: Map<number, number> | undefined

  addValue(value: number): void {
    if (this.#sketch === undefined) this.#values.push(value)
    else addToSketch(this.#sketch, sketchBucket(value), 1)
  }

  addSketch(sketch: Sketch): void {
    const own = this.#asSketch()
    for (const [bucket, count] of sketch) addToSketch(own, bucket, count)
  }

  quantile(share: number): number | undefined {
    return this.#sketch === undefined ? exactQuantile(this.#values, share) : sketchQuantile(this.#sketch, share)
  }

  #asSketch(): Map<number, number> {
    if (this.#sketch !== undefined) return this.#sketch
    const sketch = new Map<number, number>()
    for (const value of this.#values) addToSketch(sketch, sketchBucket(value), 1)
    this.#values = []
    return (this.#sketch = sketch)
  }
}

export function emptyAggregate(aggregation?: Aggregation): Aggregate {
  const distribution = aggregation === 'p95' ? new Distribution() : undefined
  return { count: 0, sum: 0, min: Infinity, max: -Infinity, last: 0, distribution }
}

/** Values in the order of time; NaN is no value. */
export function addColumn(into: Aggregate, values: Float64Array): void {
  let { count, sum, min, max, last } = into
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index] ?? NaN
    if (Number.isNaN(value)) continue
    count += 1
    sum += value
    if (value < min) min = value
    if (value > max) max = value
    last = value
    into.distribution?.addValue(value)
  }
  into.count = count
  into.sum = sum
  into.min = min
  into.max = max
  into.last = last
}

export function addValue(into: Aggregate, value: number): void {
  into.count += 1
  into.sum += value
  if (value < into.min) into.min = value
  if (value > into.max) into.max = value
  into.last = value
  into.distribution?.addValue(value)
}

/** Undefined if no value was added. */
export function resultOf(aggregate: Readonly<Aggregate>, aggregation: Aggregation): number | undefined {
  if (aggregate.count === 0) return undefined
  switch (aggregation) {
    case 'mean':
      return aggregate.sum / aggregate.count
    case 'p95':
      return aggregate.distribution?.quantile(0.95)
    case 'min':
    case 'max':
    case 'last':
    case 'sum':
      return aggregate[aggregation]
  }
}
