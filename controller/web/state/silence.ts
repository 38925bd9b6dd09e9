/** When a poll first found the state behind, and at which revision it was; undefined: it was up to date. */
export type Behind = { readonly revision: number; readonly since: number } | undefined

/** A change takes a moment on its way. Polls may be closer together than that. */
const patienceMs = 3000

/**
 * Watches a stream that is open and says nothing (a proxy may hold such a connection for ever): polls know more than the state, which did
 * not move in between. `mine`: revision of the state, `theirs`: of the poll; `now` in ms.
 */
export function judgeSilence(
  before: Behind,
  mine: number,
  theirs: number,
  now: number,
): { readonly behind: Behind; readonly dead: boolean } {
  if (theirs <= mine) return { behind: undefined, dead: false }
  if (before?.revision !== mine) return { behind: { revision: mine, since: now }, dead: false }
  const dead = now - before.since >= patienceMs
  return { behind: dead ? undefined : before, dead }
}
