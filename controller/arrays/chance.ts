/** Seeded chance as plain data: who draws keeps the seed that follows. */
export interface Chance {
  seed: number
}

/** From 0 to 1; the generator is mulberry32. */
export function uniform(chance: Chance): number {
  chance.seed = (chance.seed + 0x6d2b79f5) | 0
  let mixed = Math.imul(chance.seed ^ (chance.seed >>> 15), 1 | chance.seed)
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
}

/** Of mean 0 and deviation 1; Box and Muller's transform. */
export function normal(chance: Chance): number {
  const radius = Math.sqrt(-2 * Math.log(1 - uniform(chance)))
  return radius * Math.cos(2 * Math.PI * uniform(chance))
}

/** The same text gives the same seed; FNV-1a. */
export function seedOf(text: string): number {
  let hash = 0x811c9dc5
  for (const letter of text) hash = Math.imul(hash ^ (letter.codePointAt(0) ?? 0), 0x01000193)
  return hash | 0
}

/**
 * Which of the weighted to keep, as many as there are: systematic resampling, which keeps each as often as its weight says, give or take
 * one (Carpenter, Clifford and Fearnhead, 1999). Weights need not add up to 1, but have to be above 0 somewhere.
 */
export function resampled(weights: readonly number[], chance: Chance): number[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  const stride = total / weights.length
  let next = uniform(chance) * stride
  let sum = 0
  const kept: number[] = []
  for (const [index, weight] of weights.entries()) {
    sum += weight
    while (next < sum && kept.length < weights.length) {
      kept.push(index)
      next += stride
    }
  }
  const last = kept.at(-1) ?? 0
  while (kept.length < weights.length) kept.push(last)
  return kept
}
