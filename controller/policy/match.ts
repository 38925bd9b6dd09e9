/** True if `text` is `pattern`, where each `*` stands for any characters. Case matters. Linear in practice: no regular expression that could run away. */
export function matchesPattern(pattern: string, text: string): boolean {
  const pieces = pattern.split('*')
  const first = pieces[0] ?? ''
  if (pieces.length === 1) return text === pattern
  const last = pieces[pieces.length - 1] ?? ''
  if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false
  let at = first.length
  const end = text.length - last.length
  for (const piece of pieces.slice(1, -1)) {
    const found = text.indexOf(piece, at)
    if (found === -1 || found + piece.length > end) return false
    at = found + piece.length
  }
  return true
}

/** Gives the index of the first rule one of whose patterns matches, or undefined. */
export type FirstMatch = (text: string) => number | undefined

/** Texts whose answer is kept; names of a large fleet. */
const mostKept = 100_000

/**
 * Makes ready to find the first rule for many texts: names without `*` are looked up, patterns are tried in order, and
 * answers are kept.
 */
export function firstMatch(rules: readonly { readonly match: readonly string[] }[]): FirstMatch {
  const exact = new Map<string, number>()
  const patterns: { readonly pattern: string; readonly rule: number }[] = []
  for (const [rule, { match }] of rules.entries()) {
    for (const pattern of match) {
      if (pattern.includes('*')) patterns.push({ pattern, rule })
      else if (!exact.has(pattern)) exact.set(pattern, rule)
    }
  }
  const kept = new Map<string, number | undefined>()
  return (text) => {
    if (kept.has(text)) return kept.get(text)
    const named = exact.get(text) ?? Infinity
    const found = patterns.find(({ pattern, rule }) => rule >= named || matchesPattern(pattern, text))
    const rule = Math.min(named, found?.rule ?? Infinity)
    if (kept.size >= mostKept) kept.clear()
    kept.set(text, rule === Infinity ? undefined : rule)
    return kept.get(text)
  }
}

/** True if every text that `narrow` matches is matched by `wide` too. */
export function coversPattern(wide: string, narrow: string): boolean {
  // A `*` of the narrow one is a character that only a `*` of the wide one matches.
  return matchesPattern(wide, narrow)
}
