import { formatDuration, formatMemory, formatRate, MiB, parseSizeBytes } from '../../../common/units.js'
import { coresText, latencyText, percentText, perSecondText } from '../../evidence/figure-text.js'

/** Shown where a figure is not known. Never 0. */
export const absentMark = '–'

/** A figure in its unit, or the mark of an absent one. */
export function figure(value: number | undefined, format: (value: number) => string): string {
  return value === undefined || !Number.isFinite(value) ? absentMark : format(value)
}

export function memory(bytes: number | undefined): string {
  return figure(bytes, formatMemory)
}

/** Memory in a ledger, where figures have to add up: to the MiB where the usual form would round that away. */
export function ledgerMemory(bytes: number | undefined): string {
  return figure(bytes, (value) => {
    const text = formatMemory(Math.abs(value))
    const lost = Math.abs(Math.abs(value) - (parseSizeBytes(text) ?? 0))
    return lost < MiB / 2 || Math.abs(value) >= 2 ** 53 ? formatMemory(value) : `${Math.round(value / MiB)} MiB`
  })
}

export function rate(bytesPerSecond: number | undefined): string {
  return figure(bytesPerSecond, formatRate)
}

/** CPUs in use: `0.53`. */
export function cores(value: number | undefined): string {
  return figure(value, coresText)
}

/** `0.4 ms`, `12 ms`, `1.5 s`. */
export function latency(ms: number | undefined): string {
  return figure(ms, latencyText)
}

/** `4.2/s`, `310/s`. */
export function perSecond(value: number | undefined): string {
  return figure(value, perSecondText)
}

/** `12%`. */
export function percent(fraction: number | undefined): string {
  return figure(fraction, percentText)
}

/** How long ago: `3m 10s`. A moment ahead of ours (clocks differ) is `0s`. */
export function age(at: number | undefined, now: number): string {
  return figure(at, (moment) => {
    const ms = now - moment
    return ms < 1000 ? '0s' : formatDuration(ms)
  })
}

/** The sum of what is known; undefined if nothing is. */
export function sum(...values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined)
  return known.length === 0 ? undefined : known.reduce((total, value) => total + value, 0)
}

const latestMs = 8.64e15

/** `2011-04-12 10:20:30` in the time zone. */
export function clockTime(at: number | undefined, timeZone: string | undefined): string {
  return figure(at, (moment) =>
    Math.abs(moment) > latestMs
      ? absentMark
      : new Intl.DateTimeFormat('sv-SE', {
          dateStyle: 'short',
          timeStyle: 'medium',
          ...(timeZone === undefined ? {} : { timeZone }),
        }).format(moment),
  )
}
