import { SeededRandom } from '../../common/seeded-random.js'

/** Numbers from 0 to 1 that are the same for the same seed and purpose. */
export function seededChance(seed: number, purpose: string): () => number {
  const random = SeededRandom.of(seed, purpose)
  return () => random.next()
}
