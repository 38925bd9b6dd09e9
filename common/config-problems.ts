import { z } from 'zod'

import type { ConfigProblem } from './config-error.js'
import { nearest } from './nearest.js'

/** What a schema found wrong, in words for those who write the file. */

interface Checked {
  /** What stood in the file. */
  readonly value: unknown
  readonly lineOf: (path: readonly PropertyKey[]) => number | undefined
  readonly schema: z.ZodType
}

export function problemsOf(issue: z.core.$ZodIssue, { value, lineOf, schema }: Checked): ConfigProblem[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => {
      const path = [...issue.path, key]
      const known = keysAt(schema, issue.path)
      return {
        key: path.join('.'),
        line: lineOf(path),
        expected: known.length === 0 ? 'a known key' : `a known key (${choice(key, known)})`,
        got: `unknown key ${JSON.stringify(key)}`,
      }
    })
  }
  const got = valueAt(value, issue.path)
  return [{ key: issue.path.join('.'), line: lineOf(issue.path), expected: expectation(issue, got), got: shown(got) }]
}

/** A text where a list belongs is also held against the list's length: that it is no list is enough. */
export function withoutBoundsOfOtherTypes(issues: readonly z.core.$ZodIssue[]): readonly z.core.$ZodIssue[] {
  const placeOf = ({ path }: z.core.$ZodIssue): string => JSON.stringify(path.map(String))
  const wrongType = new Set(issues.filter(({ code }) => code === 'invalid_type').map(placeOf))
  return issues.filter(
    (issue) => (issue.code !== 'too_big' && issue.code !== 'too_small') || !wrongType.has(placeOf(issue)),
  )
}

/** What a value should have been, in words. */
export function expectation(issue: z.core.$ZodIssue, got?: unknown): string {
  switch (issue.code) {
    case 'invalid_type':
      // YAML makes numbers of digits, and true and false of some words.
      if (issue.expected === 'string' && (typeof got === 'number' || typeof got === 'boolean')) return 'text, in quotes'
      return typeWords[issue.expected] ?? issue.expected
    case 'invalid_value':
      return `one of ${choice(got, issue.values.map(String))}`
    case 'invalid_union':
      return 'options' in issue && Array.isArray(issue.options)
        ? `one of ${issue.options.filter((option) => option !== undefined).join(', ')}`
        : issue.message
    case 'too_small':
      return `${issue.inclusive === false ? 'more than' : 'at least'} ${counted(issue.minimum, issue.origin)}`
    case 'too_big':
      return `at most ${counted(issue.maximum, issue.origin)}`
    default:
      return issue.message
  }
}

const typeWords: Readonly<Record<string, string>> = {
  object: 'keys with values',
  array: 'a list',
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
}

const mostChoices = 12
const mostNearest = 3

/** All that could stand there; of many those that are meant perhaps. */
function choice(got: unknown, words: readonly string[]): string {
  if (words.length <= mostChoices) return words.join(', ')
  const like = nearest(typeof got === 'string' ? got : '', words, mostNearest)
  return like.length === 0 ? `${words.length} names` : `${words.length} names, perhaps ${like.join(' or ')}`
}

/** The keys that a schema knows below a path; none where what stands in the file decides. */
function keysAt(schema: unknown, path: readonly PropertyKey[]): string[] {
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodOptional || schema instanceof z.ZodPrefault) {
    return keysAt(schema.unwrap(), path)
  }
  if (schema instanceof z.ZodPipe) return keysAt(schema.in, path)
  const [first, ...rest] = path
  if (schema instanceof z.ZodArray) return first === undefined ? [] : keysAt(schema.element, rest)
  if (!(schema instanceof z.ZodObject)) return []
  if (first === undefined) return Object.keys(schema.shape)
  return keysAt(Reflect.get(schema.shape, first), rest)
}

/** A bound with what it counts; that of a number counts nothing. */
function counted(bound: number | bigint, origin: string): string {
  if (origin === 'string') return `${bound} character${bound === 1 ? '' : 's'}`
  if (origin === 'array') return `${bound} ${bound === 1 ? 'entry' : 'entries'}`
  return String(bound)
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let at = value
  for (const key of path) {
    if (typeof at !== 'object' || at === null) return undefined
    at = Reflect.get(at, key)
  }
  return at
}

/** Problems are logged and told to others: what is before the host of an address may be a password. */
const credentials = /\/\/[^\s/@"]*@/g

function shown(value: unknown): string {
  // A key without a value is null.
  if (value === undefined || value === null) return 'nothing'
  const text = typeof value === 'number' ? String(value) : JSON.stringify(value).replaceAll(credentials, '//…@')
  return text.length > 80 ? `${text.slice(0, 77)}...` : text
}
