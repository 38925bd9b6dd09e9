import type { Interval } from '../model/array-condition.js'

/** The middle of what all guesses say, and the bounds that leave a tenth of them out at either side; of none 0. */
export function intervalOf(values: readonly number[]): Interval {
  const copy = copies.length === values.length ? copies : new Float64Array(values.length)
  for (let index = 0; index < values.length; index += 1) copy[index] = values[index] ?? 0
  return intervalWithin(copy)
}

/** All models have as many guesses: one after the other is put in order here. */
const copies = new Float64Array(64)

/** The same, without a copy: what it is given is put into another order. */
export function intervalWithin(values: Float64Array): Interval {
  const last = values.length - 1
  const middle = Math.floor(values.length / 2)
  const likely = ranked(values, middle, 0, last)
  const low = ranked(values, Math.round(0.1 * last), 0, middle - 1)
  const high = ranked(values, Math.round(0.9 * last), middle + 1, last)
  return { low, likely, high }
}

/** Moves what has this rank to its place between the bounds, smaller ones before it and larger ones behind: Hoare's "Find" (Algorithm 65, 1961). */
function ranked(values: Float64Array, rank: number, from: number, to: number): number {
  let first = from
  let last = to
  while (first < last) {
    const pivot = values[rank] ?? 0
    let left = first
    let right = last
    do {
      while ((values[left] ?? pivot) < pivot) left += 1
      while (pivot < (values[right] ?? pivot)) right -= 1
      if (left > right) break
      const larger = values[left] ?? 0
      values[left] = values[right] ?? 0
      values[right] = larger
      left += 1
      right -= 1
    } while (left <= right)
    if (right < rank) first = left
    if (rank < left) last = right
  }
  return values[rank] ?? 0
}
