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
