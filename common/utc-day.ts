/** `2026-11-29`: the day of a moment by UTC. @param at ms since 1970 */
export function utcDay(at: number): string {
  return new Date(at).toISOString().slice(0, 10)
}
