const mostNamed = 5
const leastShare = 0.1

/**
 * Those who make half of the work together, the busiest first; nobody if it takes many.
 * @param users `share`: 0 to 1, of the work of all
 */
export function halfOfTheWork<User extends { readonly share: number }>(users: readonly User[]): readonly User[] {
  const busiest = users
    .filter(({ share }) => share >= leastShare)
    .toSorted((a, b) => b.share - a.share)
    .slice(0, mostNamed)
  let together = 0
  const enough = busiest.findIndex(({ share }) => (together += share) >= 0.5)
  return busiest.slice(0, enough + 1)
}
