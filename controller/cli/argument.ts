import { InvalidArgumentError } from 'commander'

import { parseDurationMs, parseSizeBytes } from '../../common/units.js'

/** Parsers of option values. They throw InvalidArgumentError, which says what was expected. */

export function countArgument(most: number): (text: string) => number {
  return (text) => {
    const count = Number(text)
    if (/^\d+$/u.test(text) && count >= 1 && count <= most) return count
    throw new InvalidArgumentError(`Expected a whole number from 1 to ${most}.`)
  }
}

/** The number of a version. */
export function versionArgument(text: string): number {
  if (/^[1-9]\d{0,11}$/u.test(text)) return Number(text)
  throw new InvalidArgumentError('Expected the number of a version, as the list shows it.')
}

/** Seconds, as small as a tenth. */
export function secondsArgument(text: string): number {
  const seconds = Number(text)
  if (/^\d+(?:\.\d+)?$/u.test(text) && seconds >= 0.1 && seconds <= 86_400) return seconds
  throw new InvalidArgumentError('Expected seconds, from 0.1 to 86400.')
}

/** Words separated by commas, each one of those allowed. */
export function listArgument<Word extends string>(allowed: readonly Word[]): (text: string) => Word[] {
  return (text) =>
    text.split(',').map((word) => {
      const found = allowed.find((one) => one === word.trim())
      if (found !== undefined) return found
      throw new InvalidArgumentError(`Expected some of ${allowed.join(',')}; got ${word}.`)
    })
}

/** A moment in milliseconds since the epoch: a date, a time with its zone, or how long ago (`7d`). */
export function momentArgument(now: () => number): (text: string) => number {
  return (text) => {
    const ago = parseDurationMs(text)
    if (ago !== undefined) return now() - ago
    const form = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/u
    const atMs = form.test(text) ? Date.parse(text) : NaN
    if (!Number.isNaN(atMs)) return atMs
    throw new InvalidArgumentError('Expected 2026-03-01 (UTC), 2026-03-01T09:50:00Z, or how long ago, such as 7d.')
  }
}

/** A size with its unit; checked here, sent as it was written. */
export function sizeArgument(text: string): string {
  if (parseSizeBytes(text) !== undefined) return text
  throw new InvalidArgumentError('Expected a size with its unit, such as 512MiB or 2GiB.')
}

/** A duration with its unit; checked here, sent as it was written. */
export function durationArgument(text: string): string {
  if (parseDurationMs(text) !== undefined) return text
  throw new InvalidArgumentError('Expected a duration with its unit, such as 30m or 1h.')
}

/**
 * Lets `--watch` stand before anything: commander would take the next word as its value even where that is a command or a name.
 * What follows `--watch` counts as its value only if it is a number.
 */
export function settleWatch(words: readonly string[], defaultSeconds: number): string[] {
  const end = words.indexOf('--')
  return words.map((word, at) => {
    const option = word === '--watch' && (end === -1 || at < end)
    return option && !/^\d+(?:\.\d+)?$/u.test(words[at + 1] ?? '') ? `--watch=${defaultSeconds}` : word
  })
}
