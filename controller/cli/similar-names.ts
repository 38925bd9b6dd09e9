/** Up to `most` of the names that a person may have meant: they contain what was typed, or are few typing errors away. */
export function similarNames(typed: string, names: Iterable<string>, most = 3): string[] {
  const wanted = typed.toLowerCase()
  const allowed = Math.max(1, Math.floor(wanted.length / 3))
  const near = [...new Set(names)].flatMap((name) => {
    const distance =
      wanted.length > 0 && name.toLowerCase().includes(wanted) ? 0.5 : editDistance(wanted, name.toLowerCase(), allowed)
    return distance <= allowed ? [{ name, distance }] : []
  })
  return near
    .sort((a, b) => a.distance - b.distance || a.name.length - b.name.length || (a.name < b.name ? -1 : 1))
    .slice(0, most)
    .map(({ name }) => name)
}

/** Levenshtein's distance with neighbours swapped as one step (optimal string alignment); a number above `limit` where it is larger. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) > limit) return limit + 1
  let before: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row]
    for (let column = 1; column <= b.length; column += 1) {
      const same = a[row - 1] === b[column - 1]
      const steps = [
        (last[column] ?? limit) + 1,
        (current[column - 1] ?? limit) + 1,
        (last[column - 1] ?? limit) + (same ? 0 : 1),
      ]
      if (a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]) steps.push((before[column - 2] ?? limit) + 1)
      current.push(Math.min(...steps))
    }
    before = last
    last = current
  }
  return last[b.length] ?? limit + 1
}
