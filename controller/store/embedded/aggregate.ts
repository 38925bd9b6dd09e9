import type { Aggregation } from '../time-series.js'

/** What is kept of many values so that every aggregation can be answered. */
export interface Aggregate {
  count: number
  sum: number
  min: number
  max: number
  last: number
}

export function emptyAggregate(): Aggregate {
  return { count: 0, sum: 0, min: Infinity, max: -Infinity, last: 0 }
}

/** Values in the order of time; NaN is no value. */
export function addColumn(into: Aggregate, values: Iterable<number>): void {
  for (const value of values) if (!Number.isNaN(value)) addValue(into, value)
}

export function addValue(into: Aggregate, value: number): void {
  into.count += 1
  into.sum += value
  if (value < into.min) into.min = value
  if (value > into.max) into.max = value
  into.last = value
}

/** `later` is of later times than what was added so far. */
export function addAggregate(into: Aggregate, later: Readonly<Aggregate>): void {
  if (later.count === 0) return
  into.count += later.count
  into.sum += later.sum
  into.min = Math.min(into.min, later.min)
  into.max = Math.max(into.max, later.max)
  into.last = later.last
}

/** Undefined if no value was added. */
export function resultOf(aggregate: Readonly<Aggregate>, aggregation: Aggregation): number | undefined {
  if (aggregate.count === 0) return undefined
  switch (aggregation) {
    case 'mean':
      return aggregate.sum / aggregate.count
    case 'min':
    case 'max':
    case 'last':
    case 'sum':
      return aggregate[aggregation]
  }
}
