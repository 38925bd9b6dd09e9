/**
 * A test for texts: each `*` of the pattern stands for any characters. Case matters. Linear in practice: no regular expression that
 * could run away.
 */
export function patternTest(pattern: string): (text: string) => boolean {
  const [first = '', ...pieces] = pattern.split('*')
  const last = pieces.pop()
  if (last === undefined) return (text) => text === pattern
  return (text) => {
    if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false
    let at = first.length
    const end = text.length - last.length
    for (const piece of pieces) {
      const found = text.indexOf(piece, at)
      if (found === -1 || found + piece.length > end) return false
      at = found + piece.length
    }
    return true
  }
}

/**
 * As above, and a `*` stands for no dot: for names of hosts, in which what stands behind a dot says whose they are. `hv*` is `hv1`, and not
 * `hv1.example.net`; `*.example.org` is `hv1.example.org`. A lone `*` is every name without dots.
 */
export function labelPatternTest(pattern: string): (text: string) => boolean {
  const labels = pattern.split('.').map(patternTest)
  return (text) => {
    const names = text.split('.')
    return names.length === labels.length && labels.every((test, at) => test(names[at] ?? ''))
  }
}
