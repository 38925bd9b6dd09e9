/** Units in configuration and on screens: `15s`, `2GiB`. The only place where they are parsed and printed. */

const durationMs = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, y: 31_536_000_000 } as const
const sizeBytes = {
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
} as const

export const MiB = sizeBytes.MiB
export const GiB = sizeBytes.GiB

function parseWithUnits(text: string, units: Readonly<Record<string, number>>): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([A-Za-z]+)$/.exec(text.trim())
  const unit = match?.[2] ?? ''
  // Own keys only: "5constructor" is no duration.
  const factor = Object.hasOwn(units, unit) ? units[unit] : undefined
  if (match?.[1] === undefined || factor === undefined) return undefined
  const value = Number(match[1]) * factor
  return Number.isFinite(value) ? value : undefined
}

/** Milliseconds of `15s`, `10m`, `1.5h`, `3d`; undefined if it is no duration. */
export function parseDurationMs(text: string): number | undefined {
  return parseWithUnits(text, durationMs)
}

/** Whole bytes of `512MiB`, `2GB`; undefined if it is no size. */
export function parseSizeBytes(text: string): number | undefined {
  const bytes = parseWithUnits(text, sizeBytes)
  return bytes === undefined ? undefined : Math.round(bytes)
}

/** Bytes a second of `25MB/s`; undefined if it is no rate. */
export function parseRateBytesPerSecond(text: string): number | undefined {
  const trimmed = text.trim()
  return trimmed.endsWith('/s') ? parseSizeBytes(trimmed.slice(0, -2)) : undefined
}

/** 0.05 of `5%`; undefined if it is no share of something. */
export function parseShare(text: string): number | undefined {
  const percent = Number(/^(\d+(?:\.\d+)?)\s*%$/.exec(text.trim())?.[1])
  return percent <= 100 ? percent / 100 : undefined
}

/** A size that is parsed to exactly that many bytes: `512MiB`, `1500KB`, `7B`. */
export function exactSize(bytes: number): string {
  return exactly(bytes, sizeBytes)
}

/** A rate that is parsed to exactly that many bytes a second: `25MB/s`. */
export function exactRate(bytesPerSecond: number): string {
  return `${exactSize(bytesPerSecond)}/s`
}

/** A duration that is parsed to exactly that many milliseconds: `90s`, `3d`. */
export function exactDuration(ms: number): string {
  return exactly(ms, durationMs)
}

/** A share that is parsed to exactly that: `6.25%`. */
export function exactShare(share: number): string {
  // 0.07 * 100 is 7.000000000000001.
  return `${Number((share * 100).toPrecision(15))}%`
}

/** In the largest unit that makes it a whole number; in the smallest where none does, and for 0. */
function exactly(value: number, units: Readonly<Record<string, number>>): string {
  const ascending = Object.entries(units).toSorted(([, a], [, b]) => a - b)
  const whole = value === 0 ? [] : ascending.filter(([, factor]) => value % factor === 0)
  const [unit, factor] = whole.at(-1) ?? ascending[0] ?? ['', 1]
  return `${value / factor}${unit}`
}

const binarySteps = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const
const decimalSteps = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const

function scaled(value: number, base: number, steps: readonly string[]): string {
  const sign = value < 0 ? '-' : ''
  let rest = Math.abs(value)
  let step = 0
  while (rest >= base && step < steps.length - 1) {
    rest /= base
    step += 1
  }
  let shown = rounded(rest, step)
  // 1023.99 KiB rounds to 1024 KiB: that is 1 MiB.
  if (shown >= base && step < steps.length - 1) {
    step += 1
    shown = rounded(rest / base, step)
  }
  return `${sign}${shown} ${steps[step] ?? ''}`
}

function rounded(value: number, step: number): number {
  return Number(value.toFixed(step === 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2))
}

/** `1.5 GiB`: memory. */
export function formatMemory(bytes: number): string {
  return scaled(bytes, 1024, binarySteps)
}

/** `1.5 GB`: disks and transfers. */
export function formatBytes(bytes: number): string {
  return scaled(bytes, 1000, decimalSteps)
}

/** `12.3 MB/s`. */
export function formatRate(bytesPerSecond: number): string {
  return `${formatBytes(bytesPerSecond)}/s`
}

/** `3d 4h`, `5m 10s`, `250ms`: the two largest parts. */
export function formatDuration(ms: number): string {
  if (ms < 999.5) return `${Math.round(ms)}ms`
  const parts: string[] = []
  let rest = Math.floor(Math.round(ms) / 1000)
  for (const [unit, seconds] of [
    ['d', 86_400],
    ['h', 3600],
    ['m', 60],
    ['s', 1],
  ] as const) {
    const count = Math.floor(rest / seconds)
    rest -= count * seconds
    if (count > 0) parts.push(`${count}${unit}`)
    if (parts.length === 2) break
  }
  return parts.join(' ')
}

/** `2012-01-15T00:00:00Z`: a moment in a sentence. */
export function formatMoment(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 19)}Z`
}
