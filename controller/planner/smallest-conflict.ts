import type { RuleName } from './rules.js'

/**
 * A set of rules that together let nothing through, none of which can be left out: the deletion filter. Which of several such sets it is depends
 * on the order: what comes first is left out first.
 * @param candidates rules that are asked, those first whose part is least worth telling
 * @param isPossible whether there is a way if these are not asked
 * @returns undefined: there is no way even if none of them is asked
 */
export function smallestConflict(
  candidates: readonly RuleName[],
  isPossible: (ignored: ReadonlySet<RuleName>) => boolean,
): RuleName[] | undefined {
  if (!isPossible(new Set(candidates))) return undefined
  const ignored = new Set<RuleName>()
  for (const rule of candidates) {
    ignored.add(rule)
    // Without it there is a way: it is part of what stands in it.
    if (isPossible(ignored)) ignored.delete(rule)
  }
  return candidates.filter((rule) => !ignored.has(rule))
}
