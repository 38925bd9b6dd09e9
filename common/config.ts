import { readFileSync } from 'node:fs'
import { isMap, isNode, isScalar, LineCounter, parseDocument, visit, type Document } from 'yaml'
import { z } from 'zod'

import { errorCode } from './error-code.js'
import { ConfigError, type ConfigProblem } from './config-error.js'
import { parseDurationMs, parseRateBytesPerSecond, parseShare, parseSizeBytes } from './units.js'

/** A duration with its unit (`15s`), as milliseconds. */
export const duration = withUnit(parseDurationMs, 'a duration such as 15s, 10m or 3d')

/** A size with its unit (`2GiB`), as bytes. */
export const size = withUnit(parseSizeBytes, 'a size such as 512MiB or 2GB')

/** A rate with its unit (`25MB/s`), as bytes a second. */
export const rate = withUnit(parseRateBytesPerSecond, 'a rate such as 25MB/s')

/** A share in per cent (`5%`), as a number from 0 to 1. */
export const share = withUnit(parseShare, 'a share from 0% to 100%')

/** Takes anything, so that a bare `10` is told what is missing: the unit. */
function withUnit(
  parse: (text: string) => number | undefined,
  expected: string,
): z.ZodPipe<z.ZodUnknown, z.ZodTransform<number>> {
  return z.unknown().transform((value, context) => {
    const parsed = typeof value === 'string' ? parse(value) : undefined
    if (parsed !== undefined) return parsed
    context.addIssue({ code: 'custom', message: expected })
    return z.NEVER
  })
}

/** Line of the key with that path, or of what is nearest above it; undefined where neither is in the file. */
export type LineOf = (path: readonly PropertyKey[]) => number | undefined

/**
 * Parses YAML against a strict schema. An empty text means all defaults.
 * @throws ConfigError naming key, line, expectation and value of every problem
 */
export function parseConfig<Schema extends z.ZodType>(text: string, schema: Schema, file: string): z.output<Schema> {
  return parseConfigWithLines(text, schema, file).value
}

/**
 * The same, with the lines of the keys.
 * @throws ConfigError
 */
export function parseConfigWithLines<Schema extends z.ZodType>(
  text: string,
  schema: Schema,
  file: string,
): { readonly value: z.output<Schema>; readonly lineOf: LineOf } {
  const lines = new LineCounter()
  // Tags such as !!binary make values that no configuration has: unresolved, they are told of as warnings.
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, resolveKnownTags: false })
  const faults = [...document.errors, ...document.warnings]
  if (faults.length > 0) {
    throw new ConfigError(
      file,
      faults.map((error) => ({
        key: '',
        line: error.linePos?.[0].line,
        expected: 'valid YAML',
        got: error.message.split('\n')[0] ?? error.code,
      })),
    )
  }
  const value = plainValue(document, lines, file) ?? {}
  const result = schema.safeParse(value)
  const lineOf: LineOf = (path) => lineIn(path, document, lines)
  if (result.success) return { value: result.data, lineOf }
  throw new ConfigError(
    file,
    result.error.issues.flatMap((issue) => problemsOf(issue, value, lineOf)),
  )
}

/**
 * Reads and parses a configuration file; a missing one means all defaults unless `required`.
 * @throws ConfigError
 */
export function loadConfig<Schema extends z.ZodType>(
  file: string,
  schema: Schema,
  { required = true }: { required?: boolean } = {},
): z.output<Schema> {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if (!required && isMissing(error)) text = ''
    else {
      const got = error instanceof Error ? error.message : String(error)
      throw new ConfigError(file, [{ key: '', line: undefined, expected: 'a readable file', got }])
    }
  }
  return parseConfig(text, schema, file)
}

/** @throws ConfigError: an alias without its anchor, or so many of them that they are an attack */
function plainValue(document: Document, lines: LineCounter, file: string): unknown {
  try {
    return document.toJS()
  } catch (error) {
    const got = error instanceof Error ? error.message : String(error)
    throw new ConfigError(file, [{ key: '', line: lineOfLooseAlias(document, lines), expected: 'valid YAML', got }])
  }
}

function lineOfLooseAlias(document: Document, lines: LineCounter): number | undefined {
  let line: number | undefined
  visit(document, {
    Alias: (_key, alias) => {
      if (alias.resolve(document) !== undefined || alias.range === undefined || alias.range === null) return undefined
      line = lines.linePos(alias.range[0]).line
      return visit.BREAK
    },
  })
  return line
}

function isMissing(error: unknown): boolean {
  return errorCode(error) === 'ENOENT'
}

function problemsOf(issue: z.core.$ZodIssue, value: unknown, lineOf: LineOf): ConfigProblem[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => {
      const path = [...issue.path, key]
      return {
        key: path.join('.'),
        line: lineOf(path),
        expected: 'a known key',
        got: `unknown key ${JSON.stringify(key)}`,
      }
    })
  }
  return [
    {
      key: issue.path.join('.'),
      line: lineOf(issue.path),
      expected: expectation(issue),
      got: shown(valueAt(value, issue.path)),
    },
  ]
}

/** A bound with what it counts; that of a number counts nothing. */
function counted(bound: number | bigint, origin: string): string {
  if (origin === 'string') return `${bound} character${bound === 1 ? '' : 's'}`
  if (origin === 'array') return `${bound} ${bound === 1 ? 'entry' : 'entries'}`
  return String(bound)
}

/** What a value should have been, in words. */
export function expectation(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.expected
    case 'invalid_value':
      return `one of ${issue.values.map((value) => String(value)).join(', ')}`
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

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let at = value
  for (const key of path) {
    if (typeof at !== 'object' || at === null) return undefined
    at = Reflect.get(at, key)
  }
  return at
}

function shown(value: unknown): string {
  if (value === undefined) return 'nothing'
  const text = typeof value === 'number' ? String(value) : JSON.stringify(value)
  return text.length > 80 ? `${text.slice(0, 77)}...` : text
}

function lineIn(path: readonly PropertyKey[], document: Document, lines: LineCounter): number | undefined {
  for (let depth = path.length; depth >= 0; depth -= 1) {
    const start = startOf(path.slice(0, depth), document)
    if (start !== undefined) return lines.linePos(start).line
  }
  return undefined
}

function startOf(path: readonly PropertyKey[], document: Document): number | undefined {
  if (path.length === 0) return document.contents?.range?.[0]
  const parent: unknown = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true)
  const last = path.at(-1)
  if (isMap(parent)) {
    const key = parent.items.map((pair) => pair.key).find((one) => isScalar(one) && one.value === last)
    if (isNode(key)) return key.range?.[0]
  }
  const node: unknown = document.getIn(path, true)
  return isNode(node) ? node.range?.[0] : undefined
}
