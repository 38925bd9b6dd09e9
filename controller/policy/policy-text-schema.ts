import { z } from 'zod'

import { expectation } from '../../common/config-problems.js'

/** Names, patterns and lists of a policy file. */

/** Rules of one kind; a fleet with more single rules than this wants patterns. */
export const mostRules = 10_000
export const mostInList = 10_000
const mostPatternLength = 300
const mostStars = 20

const printable = /^(?!\s)[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+(?<!\s)$/u

/** Words for people: one line. */
export function words(most: number): z.ZodString {
  return z.string().max(most).regex(printable, 'one line of text without spaces around it')
}

export const name = words(100)

export const pattern = z
  .string()
  .max(mostPatternLength)
  .regex(printable, 'a name in which * stands for any characters, without spaces around it')
  .refine((text) => text.split('*').length - 1 <= mostStars, `at most ${mostStars} stars (*)`)

export function isName(text: string): boolean {
  return name.safeParse(text).success
}

/** True if the text can stand in a file as a pattern. */
export function isPattern(text: string): boolean {
  return pattern.safeParse(text).success
}

/** One pattern, or a list of them. */
export const patterns = z.unknown().transform((value, context): string[] => {
  const items: readonly unknown[] = Array.isArray(value) ? value : [value]
  const result = distinct(z.array(pattern).min(1).max(mostInList)).safeParse(items)
  if (result.success) return result.data
  for (const issue of result.error.issues) {
    // A single one has no place in a list.
    const path = Array.isArray(value) ? issue.path : issue.path.slice(1)
    context.addIssue({
      code: 'custom',
      path: [...path],
      message: expectation(issue, items[Number(issue.path[0])]),
      input: value,
    })
  }
  return z.NEVER
})

/** A list in which nothing is said twice. */
export function distinct<Items extends z.ZodType<readonly string[]>>(list: Items): Items {
  return list.superRefine((items, context) => {
    const before = new Set<string>()
    for (const [at, item] of items.entries()) {
      if (before.has(item))
        context.addIssue({ code: 'custom', path: [at], message: 'something that is not said before' })
      before.add(item)
    }
  })
}

/** Rules of which no two have the same name. */
export function named<Rule extends z.ZodType<{ readonly name: string }>>(
  rule: Rule,
  most = mostRules,
): z.ZodDefault<z.ZodArray<Rule>> {
  return z
    .array(rule)
    .max(most)
    .superRefine((rules, context) => {
      const seen = new Set<string>()
      for (const [at, { name }] of rules.entries()) {
        if (seen.has(name)) {
          context.addIssue({ code: 'custom', path: [at, 'name'], message: 'a name that none before it has' })
        }
        seen.add(name)
      }
    })
    .default([])
}
