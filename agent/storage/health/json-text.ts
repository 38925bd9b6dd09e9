import { propertyOf } from '../../../common/property-of.js'

/**
 * JSON of a program that is not ours. Each value is looked at before it is used: what is not as expected is absent, never 0. (A schema library
 * would cost the agent more memory than all its collectors.)
 */
export type Json = unknown

/** @throws Error that says whose text it is */
export function parseJson(whose: string, text: string): Json {
  try {
    return JSON.parse(text)
  } catch (error) {
    const begins = text.trim().slice(0, 60)
    throw new Error(`${whose}: expected JSON, got ${begins === '' ? 'nothing' : JSON.stringify(begins)}`, {
      cause: error,
    })
  }
}

/** A member of an object; undefined for anything else. */
export function at(value: Json, ...path: readonly string[]): Json {
  let found = value
  for (const key of path) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, key)) return undefined
    found = propertyOf(found, key)
  }
  return found
}

/** The items of a list; undefined if it is none. */
export function listOf(value: Json, most: number): readonly Json[] | undefined {
  return Array.isArray(value) ? value.slice(0, most) : undefined
}

/** One line of printable text, cut; empty for anything else. */
export function textOf(value: Json, most = 128): string {
  if (typeof value !== 'string') return ''
  return value
    .replaceAll(/[\s\p{Cc}]+/gu, ' ')
    .trim()
    .slice(0, most)
}

/** A whole number from 0 to 2^53 − 1, as a number or in digits; undefined for anything else. */
export function countOf(value: Json): number | undefined {
  const number = typeof value === 'string' && /^\d{1,16}$/.test(value.trim()) ? Number(value) : value
  return typeof number === 'number' && Number.isSafeInteger(number) && number >= 0 ? number : undefined
}

/** A number from 0 to `most`, as a number or in decimal digits; undefined for anything else. */
export function realOf(value: Json, most: number): number | undefined {
  const number = typeof value === 'string' && /^\d{1,16}(?:\.\d{1,16})?$/.test(value.trim()) ? Number(value) : value
  return typeof number === 'number' && Number.isFinite(number) && number >= 0 && number <= most ? number : undefined
}

export function boolOf(value: Json): boolean | undefined {
  return typeof value === 'boolean' ? value : undefined
}

/** The properties that are there. */
export function known<T extends object>(fields: T): { [Key in keyof T]?: Exclude<T[Key], undefined> } {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- fromEntries forgets the keys; only undefined values went.
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [Key in keyof T]?: Exclude<T[Key], undefined>
  }
}
