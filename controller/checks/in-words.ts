import { formatMoment } from '../../common/units.js'

/** `a`, `a and b`, `a, b and c`, `a, b, c and 4 more`. */
export function named(names: readonly string[]): string {
  const shown = names.slice(0, 3)
  const last = names.length > shown.length ? `${names.length - shown.length} more` : shown.pop()
  return shown.length === 0 ? (last ?? '') : `${shown.join(', ')} and ${last ?? ''}`
}

export function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0
}

/** `1.5 ms`, `31 ms`, `2.5 s`: how long requests take. */
export function inTime(ms: number): string {
  return ms < 1000 ? `${rounded(ms)} ms` : `${rounded(ms / 1000)} s`
}

/** `14:03:20 UTC`: a moment of today. */
export function inClock(atMs: number): string {
  return `${formatMoment(atMs).slice(11, 19)} UTC`
}

/** `0.4%`, `31%`. */
export function inPercent(share: number): string {
  return `${rounded(share * 100)}%`
}

function rounded(value: number): number {
  return Number(value.toFixed(value < 10 ? 1 : 0))
}
