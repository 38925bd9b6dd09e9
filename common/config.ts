import { readFileSync } from 'node:fs'
import { isMap, isNode, isScalar, LineCounter, parseDocument, visit, type Document, type YAMLError } from 'yaml'
import { z } from 'zod'

import { errorCode } from './error-code.js'
import { ConfigError, type ConfigProblem } from './config-error.js'
import { problemsOf, withoutBoundsOfOtherTypes } from './config-problems.js'
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
        ...yamlFault(error, text),
      })),
    )
  }
  const value = plainValue(document, lines, file) ?? {}
  const result = schema.safeParse(value)
  const lineOf: LineOf = (path) => lineIn(path, document, lines)
  if (result.success) return { value: result.data, lineOf }
  throw new ConfigError(
    file,
    withoutBoundsOfOtherTypes(result.error.issues).flatMap((issue) => problemsOf(issue, { value, lineOf, schema })),
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

/** In words for those who write the file, where the parser's are for those who write programs. */
function yamlFault({ code, message, pos: [start] }: YAMLError, text: string): Pick<ConfigProblem, 'expected' | 'got'> {
  const [first = code] = message.split('\n')
  const column = / at line \d+(, column \d+):?$/.exec(first)?.[1]?.slice(2) ?? ''
  const at = column === '' ? '' : ` (${column})`
  switch (code) {
    case 'MULTIPLE_DOCS':
      return { expected: 'one document', got: 'another after ---' }
    case 'DUPLICATE_KEY':
      return { expected: 'each key once', got: `${/^[^\s:,}]+/.exec(text.slice(start))?.[0] ?? 'one'} again${at}` }
    case 'TAB_AS_INDENT':
      return { expected: 'spaces before a key', got: `a tab${at}` }
    default:
      return { expected: 'valid YAML', got: `${wordsOf(first)}${at}` }
  }
}

function wordsOf(fault: string): string {
  const what = fault.replace(/ at line \d+, column \d+:?$/, '')
  const [, opened] = /^Flow (map|sequence) in block collection must be/.exec(what) ?? []
  if (opened === undefined) return what
  return opened === 'map' ? 'a { that is not closed by a }' : 'a [ that is not closed by a ]'
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
