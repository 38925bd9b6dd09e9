import { ApiError, shown } from './errors.js'

/** A list's order: two texts, the second of which is unique in the list. */
export type SortKey = readonly [string, string]

export interface Page<T> {
  readonly items: readonly T[]
  readonly nextCursor: string | undefined
}

/** The position after which a list goes on, as an opaque text. */
export function encodeCursor(position: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify(position)).toString('base64url')
}

/**
 * The position in a cursor.
 * @throws ApiError cursor-invalid
 */
export function decodeCursor<T>(cursor: string, check: (value: unknown) => value is T): T {
  let value: unknown
  try {
    value = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'))
  } catch {
    value = undefined
  }
  if (check(value)) return value
  throw new ApiError('cursor-invalid', 'the cursor is not one that this list gave out', {
    field: 'cursor',
    expected: 'nextCursor of the page before',
    got: shown(cursor),
  })
}

/**
 * One page of a list that may change between pages: the first `limit` items after the cursor in the list's order. What stays in the list
 * is met exactly once, whatever comes or goes meanwhile.
 */
export function pageOf<T>(
  items: Iterable<T>,
  keyOf: (item: T) => SortKey,
  { limit, cursor }: { readonly limit: number; readonly cursor?: string | undefined },
): Page<T> {
  const after = cursor === undefined ? undefined : decodeCursor(cursor, isSortKey)
  const keyed = Array.from(items, (item) => ({ item, key: keyOf(item) }))
  const rest = after === undefined ? keyed : keyed.filter(({ key }) => compare(key, after) > 0)
  rest.sort((a, b) => compare(a.key, b.key))
  const page = rest.slice(0, limit)
  const last = page.at(-1)
  const nextCursor = rest.length > limit && last !== undefined ? encodeCursor(last.key) : undefined
  return { items: page.map(({ item }) => item), nextCursor }
}

function compare(a: SortKey, b: SortKey): number {
  if (a[0] !== b[0]) return a[0] < b[0] ? -1 : 1
  if (a[1] !== b[1]) return a[1] < b[1] ? -1 : 1
  return 0
}

function isSortKey(value: unknown): value is SortKey {
  return Array.isArray(value) && value.length === 2 && value.every((part) => typeof part === 'string')
}
