import { type Look, paragraph } from './look.js'

/** Notes under a table, after an empty line: what a reader must know about the rows above. */
export function notes(texts: readonly (string | undefined)[], look: Look): string[] {
  const given = texts.filter((text) => text !== undefined)
  return given.length === 0 ? [] : ['', ...given.flatMap((text) => paragraph(text, look, 'dim'))]
}

/** Says that figures come from a simulation; rows may be simulated in part. */
export function simulatedNote(rows: readonly { readonly simulated: boolean }[], what: string): string | undefined {
  const simulated = rows.filter((row) => row.simulated).length
  if (simulated === 0) return undefined
  return simulated === rows.length ? `simulated: no real ${what}` : `simulated: ${simulated} of ${rows.length} ${what}`
}

/** For tables whose rows do not say themselves whether they are simulated. */
export const simulatedFleet = 'simulated: at least one host of this fleet is not real'

export function staleNote(stale: number): string | undefined {
  return stale === 0
    ? undefined
    : `stale: last known values of ${stale} VM${stale === 1 ? '' : 's'} whose host is silent or that could not be read`
}
