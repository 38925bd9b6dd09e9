import { formatBytes, formatDuration, formatMemory, formatRate, GiB, MiB } from '../../../common/units.js'

/** How figures look on the page. Sizes, rates and durations come from common/units; the rest is here, once. */

/** What stands where a figure is not known. */
export const absent = '–'

export type Unit = 'memory' | 'bytes' | 'bytes/s' | '1/s' | 'ms' | 'cores' | 'fraction' | 'count'

export function formatFigure(value: number | undefined | null, unit: Unit): string {
  if (value === undefined || value === null || !Number.isFinite(value)) return absent
  switch (unit) {
    case 'memory':
      return formatMemory(value).replace('-', '−')
    case 'bytes':
      return formatBytes(value)
    case 'bytes/s':
      return formatRate(value)
    case '1/s':
      return `${threeDigits(value)}/s`
    case 'ms':
      return value >= 1000 ? `${threeDigits(value / 1000)} s` : `${threeDigits(value)} ms`
    case 'cores':
      return value.toFixed(2)
    case 'fraction':
      return `${threeDigits(value * 100)} %`
    case 'count':
      return threeDigits(value)
  }
}

/** `0`, `0.25`, `3.1`, `27`, `1830`: as many digits as a glance takes in. */
function threeDigits(value: number): string {
  const size = Math.abs(value)
  return String(Number(value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2)))
}

/** `1 GiB`, `512 MiB`: a size that was set by someone, exact to the MiB, so that sums can be checked by eye. */
export function formatSetMemory(bytes: number): string {
  const sign = bytes < 0 ? '−' : ''
  const mebibytes = Math.round(Math.abs(bytes) / MiB)
  if (mebibytes < 1024) return `${sign}${mebibytes} MiB`
  const gibibytes = (mebibytes * MiB) / GiB
  const text = String(Number(gibibytes.toFixed(2)))
  // Two decimals would call 4094 MiB "4 GiB", and it is those 2 MiB that a VM may be short of.
  const hides = Math.round(Number(text) * 1024) !== mebibytes && mebibytes < 16 * 1024
  return hides ? `${sign}${mebibytes} MiB` : `${sign}${text} GiB`
}

/** `12:03:10`, by the browser's zone; with the date when it is not the day of `now`. */
export function formatTime(at: number, now: number): string {
  const date = new Date(at)
  const clock = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
  const sameDay = date.toDateString() === new Date(now).toDateString()
  return sameDay ? clock : `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${clock}`
}

/** `12:03`, for axes. */
export function formatMinute(at: number): string {
  const date = new Date(at)
  return `${two(date.getHours())}:${two(date.getMinutes())}`
}

function two(part: number): string {
  return String(part).padStart(2, '0')
}

/** `now`, `12s ago`, `3h 5m ago`. */
export function formatAge(at: number, now: number): string {
  const age = now - at
  return age < 2000 ? 'now' : `${formatDuration(age)} ago`
}

/** `1 VM`, `3 VMs`. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`
}

/** Heat of a data rate in five steps of ten, from 10 kB/s to 100 MB/s: what a person compares is the magnitude. */
export function ioHeat(bytesPerSecond: number | undefined): number {
  if (bytesPerSecond === undefined || bytesPerSecond < 1e4) return 0
  return Math.min(5, Math.floor(Math.log10(bytesPerSecond)) - 3)
}
