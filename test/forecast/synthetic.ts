import { seededChance } from '../support/seeded-chance.js'

/** Made-up histories of a figure by days: what they are made of is known, so that a forecast of their end can be judged. */
export const kinds = [
  'level',
  'trend',
  'season',
  'trend and season',
  'shift',
  'shift, trend and season',
  'gaps, trend and season',
  'outliers',
  'slow noise',
  'random walk',
] as const

/**
 * `steps` days of a kind, of which `known` will be shown; the same for the same seed. A shift comes two weeks before their end at
 * the latest: nobody can tell one that has not been.
 */
export function synthetic(
  kind: (typeof kinds)[number],
  seed: number,
  known: number,
  steps: number,
): (number | undefined)[] {
  const chance = seededChance(seed, kind)
  const normal = () => Math.sqrt(-2 * Math.log(1 - chance())) * Math.cos(2 * Math.PI * chance())
  const noise = 1 + 4 * chance()
  const slope = /trend/.test(kind) ? (chance() - 0.35) * 0.4 : 0
  const swing = /season/.test(kind) ? 5 + 15 * chance() : 0
  const phase = Math.floor(7 * chance())
  const shiftAt = /shift/.test(kind) ? 14 + Math.floor((known - 28) * chance()) : steps
  const shift = (chance() < 0.5 ? -1 : 1) * (15 + 40 * chance())
  const gapFrom = /gaps/.test(kind) ? Math.floor(known * 0.8 * chance()) : steps
  const gapTo = gapFrom + Math.floor(5 + 25 * chance())
  let slow = 0
  let walk = 0
  return Array.from({ length: steps }, (_, step) => {
    slow = kind === 'slow noise' ? 0.9 * slow + noise * normal() : 0
    walk += kind === 'random walk' ? 0.3 * noise * normal() : 0
    const weekend = (step + phase) % 7 >= 5 ? -swing : 0
    const outlier = kind === 'outliers' && chance() < 0.03 ? 50 * normal() : 0
    const value =
      100 + slope * step + weekend + (step >= shiftAt ? shift : 0) + slow + walk + noise * normal() + outlier
    const gone = (step >= gapFrom && step < gapTo) || (/gaps/.test(kind) && chance() < 0.1)
    return gone ? undefined : value
  })
}
