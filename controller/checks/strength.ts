import type { Finding } from '../model/finding.js'

/** What a figure is worth: it raises an alert, it keeps one from ending, or neither. */
export type Strength = Finding['strength'] | undefined

/** Of a figure that is bad when it is high. */
export function strengthAbove(value: number, above: number, clearBelow: number): Strength {
  if (value >= above) return 'raise'
  return value >= clearBelow ? 'keep' : undefined
}

/** Of a figure that is bad when it is low. */
export function strengthBelow(value: number, below: number, clearAbove: number): Strength {
  if (value < below) return 'raise'
  return value < clearAbove ? 'keep' : undefined
}

const rank = { raise: 2, keep: 1 } as const

function rankOf(strength: Strength): number {
  return strength === undefined ? 0 : rank[strength]
}

/** Where all have to be so: the weakest. */
export function weakest(first: Strength, ...others: readonly Strength[]): Strength {
  return others.reduce((least, one) => (rankOf(one) < rankOf(least) ? one : least), first)
}

/** Where one is enough: the strongest. */
export function strongest(strengths: readonly Strength[]): Strength {
  return strengths.reduce((most, one) => (rankOf(one) > rankOf(most) ? one : most), undefined)
}
