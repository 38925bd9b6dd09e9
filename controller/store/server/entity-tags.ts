import { measurements, type EntityKind } from '../measurements.js'
import type { EntityKey } from '../time-series.js'

/**
 * Entities as tags of a server and back, without loss. A tag's value never holds what line protocol, label or query text could
 * take for its end: `%`, backslashes and control characters are written as `%` and two hexadecimal digits, an empty value as `%`.
 */
export interface Tag {
  readonly name: string
  readonly value: string
}

/** Where a second tag begins: at the last slash where the first value may have slashes itself, otherwise at the first. */
const firstMayHaveSlashes: ReadonlySet<EntityKind> = new Set<EntityKind>(['array'])

/** The tags of an entity. One whose id has no slash has the first tag only. */
export function tagsOf({ kind, id }: EntityKey): readonly Tag[] {
  const [first, second] = measurements[kind].tags
  const slash = firstMayHaveSlashes.has(kind) ? id.lastIndexOf('/') : id.indexOf('/')
  if (second === undefined || slash < 0) return [{ name: first, value: escaped(id) }]
  return [
    { name: first, value: escaped(id.slice(0, slash)) },
    { name: second, value: escaped(id.slice(slash + 1)) },
  ]
}

/** The id of the entity that has these tags; undefined if they are none of this program's. */
export function idOf(kind: EntityKind, tags: Readonly<Record<string, string>>): string | undefined {
  const values: string[] = []
  for (const name of measurements[kind].tags) {
    const value = tags[name]
    if (value === undefined || value === '') break
    values.push(unescaped(value))
  }
  return values.length === 0 ? undefined : values.join('/')
}

/** Labels as tags. */
export function labelTags(labels: readonly Tag[]): readonly Tag[] {
  return labels.map(({ name, value }) => ({ name, value: escaped(value) }))
}

/** A text without what could end it in a line. */
export function escaped(value: string): string {
  if (value === '') return '%'
  // oxlint-disable-next-line no-control-regex -- they are what has to go
  return value.replaceAll(/[%\\\u0000-\u001F\u007F]/g, (character) => {
    return `%${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(2, '0')}`
  })
}

/** What `escaped` was given. */
export function unescaped(value: string): string {
  if (value === '%') return ''
  return value.replaceAll(/%([0-9A-F]{2})/g, (_all, code: string) => String.fromCodePoint(Number.parseInt(code, 16)))
}
