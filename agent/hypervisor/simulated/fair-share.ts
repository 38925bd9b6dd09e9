/**
 * Max-min fair sharing: the level up to which everyone is served. Who wants less gets all of it, the others get the level.
 * @returns Infinity if all fits
 */
export function fairLevel(wants: readonly number[], capacity: number): number {
  let total = 0
  for (const want of wants) total += want
  if (total <= capacity) return Infinity
  let left = Math.max(0, capacity)
  let open = wants.length
  for (const want of [...wants].sort((a, b) => a - b)) {
    const level = left / open
    if (want > level) return level
    left -= want
    open -= 1
  }
  // Only rounding leads here: the sum was a hair above the capacity.
  return Infinity
}
