import type { Interval } from '../model/array-condition.js'

/** The middle of what all guesses say, and the bounds that leave a tenth of them out at either side; of none 0. */
export function intervalOf(values: readonly number[]): Interval {
  return intervalOver(values.length, (index) => values[index] ?? 0)
}

/** The same of what each guess comes to. */
export function intervalOver(count: number, valueAt: (index: number) => number): Interval {
  if (scratch.length < count) scratch = new Float64Array(count)
  for (let index = 0; index < count; index += 1) scratch[index] = valueAt(index)
  const middle = Math.floor(count / 2)
  const likely = ranked(middle, 0, count - 1)
  const low = ranked(Math.round(0.1 * (count - 1)), 0, middle - 1)
  const high = ranked(Math.round(0.9 * (count - 1)), middle + 1, count - 1)
  return { low, likely, high }
}

/** An array of floats is dear to make, and this is done several times a second for each box: one for all calls, none of which sees another's. */
let scratch = new Float64Array(64)

/** Moves what has this rank to its place between the bounds, smaller ones before it and larger ones behind: Hoare's "Find" (Algorithm 65, 1961). */
function ranked(rank: number, from: number, to: number): number {
  let first = from
  let last = to
  while (first < last) {
    const pivot = at(rank)
    let left = first
    let right = last
    do {
      while (at(left) < pivot) left += 1
      while (pivot < at(right)) right -= 1
      if (left > right) break
      const larger = at(left)
      scratch[left] = at(right)
      scratch[right] = larger
      left += 1
      right -= 1
    } while (left <= right)
    if (right < rank) first = left
    if (rank < left) last = right
  }
  return at(rank)
}

function at(index: number): number {
  return scratch[index] ?? 0
}
