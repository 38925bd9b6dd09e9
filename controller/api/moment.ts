import { z } from 'zod'

import { parseDurationMs, parseSizeBytes } from '../../common/units.js'

/** A point in time as a query gives it: fixed, or so many milliseconds before now. */
export type Moment = { readonly atMs: number } | { readonly beforeNowMs: number }

const latestMs = 8.64e15 // the last moment that a Date can hold

/** `now`, `-1h`, or milliseconds since the epoch; undefined if it is none of these. */
export function parseMoment(text: string): Moment | undefined {
  if (text === 'now') return { beforeNowMs: 0 }
  if (text.startsWith('-')) {
    const ms = parseDurationMs(text.slice(1))
    return ms === undefined || ms > latestMs ? undefined : { beforeNowMs: ms }
  }
  const ms = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN
  return ms <= latestMs ? { atMs: ms } : undefined
}

export function resolveMoment(moment: Moment, nowMs: number): number {
  return 'atMs' in moment ? moment.atMs : Math.max(0, nowMs - moment.beforeNowMs)
}

function parsed<T>(
  expected: string,
  parse: (text: string) => T | undefined,
): z.ZodPipe<z.ZodString, z.ZodTransform<T, string>> {
  return z
    .string()
    .max(100)
    .describe(expected)
    .transform((text, context) => {
      const value = parse(text)
      if (value !== undefined) return value
      context.addIssue({ code: 'custom', message: expected })
      return z.NEVER
    })
}

/** Query parameters with units, shared by the routes. */
export const moment = parsed('milliseconds since the epoch, now, or a time back such as -1h', parseMoment)

/** Milliseconds, plain or with a unit. */
export const step = parsed('milliseconds or a duration such as 10s; 0 for the points as stored', (text) => {
  const ms = /^\d{1,12}$/.test(text) ? Number(text) : parseDurationMs(text)
  return ms === undefined || ms > latestMs ? undefined : Math.round(ms)
})

/** A time to last, from a minute up to 30 days. */
export const lifetime = parsed('a duration from 1m to 30d, such as 1h', (text) => {
  const ms = parseDurationMs(text)
  return ms === undefined || ms < 60_000 || ms > 30 * 86_400_000 ? undefined : Math.round(ms)
})

export const memorySize = parsed('a size such as 512MiB or 2GB', (text) => {
  const bytes = parseSizeBytes(text)
  return bytes === undefined || bytes > Number.MAX_SAFE_INTEGER ? undefined : bytes
})

/** A whole number in a query, within bounds. */
export function count(most: number): z.ZodPipe<z.ZodString, z.ZodTransform<number, string>> {
  return parsed(`a whole number from 1 to ${most}`, (text) => {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : 0
    return value >= 1 && value <= most ? value : undefined
  })
}
