import { groupBy } from '../../common/group-by.js'
import { patternTest } from '../../common/pattern.js'

/** Tests of patterns that were asked for lately: those of policies and silences are few, and asked for again and again. */
const tests = new Map<string, (text: string) => boolean>()
const mostTests = 1000
const longestKept = 200

export function matchesPattern(pattern: string, text: string): boolean {
  const known = tests.get(pattern)
  if (known !== undefined) return known(text)
  const test = patternTest(pattern)
  if (tests.size >= mostTests) tests.clear()
  if (pattern.length <= longestKept) tests.set(pattern, test)
  return test(text)
}

/** A rule that matches, and the first of its patterns that does. */
export interface Match {
  readonly rule: number
  readonly pattern: number
}

/** Gives all rules that match, in their order. */
export type Matcher = (text: string) => readonly Match[]

/** Texts whose answer is kept; names of a large fleet. */
const mostKept = 100_000

const none: readonly Match[] = []

/** Makes ready to find the rules for many texts: names without `*` are looked up, patterns are tried in order, and answers are kept. */
export function matcherOf(rules: readonly { readonly match: readonly string[] }[]): Matcher {
  const named: (Match & { readonly text: string })[] = []
  const wild: (Match & { readonly test: (text: string) => boolean })[] = []
  for (const [rule, { match }] of rules.entries()) {
    for (const [pattern, text] of match.entries()) {
      if (text.includes('*')) wild.push({ rule, pattern, test: patternTest(text) })
      else named.push({ rule, pattern, text })
    }
  }
  const exact = groupBy(named, ({ text }) => text)
  const kept = new Map<string, readonly Match[]>()
  return (text) => {
    const before = kept.get(text)
    if (before !== undefined) return before
    const found = [...(exact.get(text) ?? []), ...wild.filter((one) => one.test(text))]
    if (kept.size >= mostKept) kept.clear()
    const matches = found.length === 0 ? none : firstOfEachRule(found)
    kept.set(text, matches)
    return matches
  }
}

function firstOfEachRule(found: readonly Match[]): readonly Match[] {
  const ordered = found.toSorted((a, b) => a.rule - b.rule || a.pattern - b.pattern)
  return ordered
    .filter(({ rule }, at) => rule !== ordered[at - 1]?.rule)
    .map(({ rule, pattern }) => ({ rule, pattern }))
}
