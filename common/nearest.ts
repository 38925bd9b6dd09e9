/** Words that somebody may have meant who wrote another: those that begin like it, and those that differ little; the most like it first. */
export function nearest(word: string, words: readonly string[], most: number): string[] {
  return words
    .map((one) => ({ one, distance: distanceOf(word.toLowerCase(), one.toLowerCase()) }))
    .filter(({ distance }) => distance <= word.length / 2)
    .toSorted((a, b) => a.distance - b.distance)
    .slice(0, most)
    .map(({ one }) => one)
}

function distanceOf(a: string, b: string): number {
  return a !== '' && (a.startsWith(b) || b.startsWith(a)) ? 0 : editDistance(a, b)
}

/** Letters to add, drop or change to make one of the other (Levenshtein). */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at)
  for (const [atA, charA] of a.split('').entries()) {
    const next = [atA + 1]
    for (const [atB, charB] of b.split('').entries()) {
      const changed = (row[atB] ?? 0) + (charA === charB ? 0 : 1)
      next.push(Math.min(changed, (row[atB + 1] ?? 0) + 1, (next[atB] ?? 0) + 1))
    }
    row = next
  }
  return row.at(-1) ?? 0
}
