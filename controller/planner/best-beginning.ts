/**
 * The first of these steps, as many as gain most together.
 * @param gained what is gained, costs taken off, once each step is done with all before it
 * @returns none if that is not above `least`; of two that gain alike the shorter
 */
export function bestBeginning<T>(steps: readonly T[], gained: readonly number[], least: number): readonly T[] {
  const most = Math.max(...gained)
  return most > least ? steps.slice(0, gained.indexOf(most) + 1) : []
}
