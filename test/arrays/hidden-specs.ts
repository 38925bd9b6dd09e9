import type { Dice } from './dice.js'
import type { Destage, HiddenSpec } from './hidden-array.js'

const MB = 1e6

/** The caches and drains of the nine combinations. */
export const caches = [50 * MB, 140 * MB, 400 * MB] as const
export const drains = [4 * MB, 11 * MB, 32 * MB] as const

/** An array that empties its cache all the time. */
export function plainSpec(dice: Dice, cacheBytes: number, drainBytesPerSecond: number): HiddenSpec {
  return {
    cacheBytes,
    drainBytesPerSecond,
    destage: { kind: 'always' },
    wireBytesPerSecond: dice.sized(55, 110) * MB,
    overwriteShare: 0,
    smallCost: dice.between(1.5, 4),
    readSeconds: dice.between(0.002, 0.006),
    baseWriteMs: dice.sized(0.7, 2.2),
    baseReadMs: dice.sized(2, 8),
    queueBytes: dice.sized(200_000, 2_000_000),
    queueShare: dice.between(0.35, 0.7),
  }
}

export const policies = ['watermark', 'when-idle', 'bursts', 'proportional', 'overwrites'] as const
export type Policy = (typeof policies)[number]

/** One that does it another way, of any size. */
export function oddSpec(dice: Dice, policy: Policy): HiddenSpec {
  const plain = plainSpec(dice, dice.sized(50, 400) * MB, dice.sized(4, 32) * MB)
  if (policy === 'overwrites') return { ...plain, overwriteShare: dice.between(0.2, 0.5) }
  return { ...plain, destage: destageOf(dice, policy) }
}

function destageOf(dice: Dice, policy: Exclude<Policy, 'overwrites'>): Destage {
  switch (policy) {
    case 'watermark': {
      const high = dice.between(0.4, 0.8)
      return { kind: policy, high, low: high - dice.between(0.1, 0.3) }
    }
    case 'when-idle':
      return { kind: policy, afterSeconds: dice.between(1, 8) }
    case 'bursts':
      return { kind: policy, everySeconds: dice.between(5, 20), share: dice.between(0.4, 0.7) }
    case 'proportional':
      return { kind: policy }
  }
}
