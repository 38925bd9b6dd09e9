import type { Culprits, Suspect } from '../model/culprits.js'

/** Of the blame of all: from here on somebody is named, and below it is no more. */
const namedFrom = 0.1
const namedUntil = 0.05
/** Who was first stays so until another has so many times its blame. */
const firstStays = 1.5

/**
 * The suspects that are told, in an order that does not change from second to second: their owners are written to.
 * @param before what was told last
 */
export function steadied({ suspects: before }: Pick<Culprits, 'suspects'>, now: Culprits): Culprits {
  if (now.suspects.length === 0) return now
  const named = before.map(keyOf)
  const weightOf = (one: Suspect): number => one.blame * (keyOf(one) === named[0] ? firstStays : 1)
  const suspects = now.suspects
    .filter((one) => one.blame >= namedFrom || (one.blame >= namedUntil && named.includes(keyOf(one))))
    .toSorted((a, b) => weightOf(b) - weightOf(a))
  return { ...now, suspects }
}

/** The same as long as it is the same one, whoever comes to a herd or leaves it. */
function keyOf({ isHerd, members: [first] }: Suspect): string {
  return isHerd || first === undefined ? 'herd' : `${first.kind} ${first.id}`
}
