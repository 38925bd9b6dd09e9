/**
 * What a VM does with CPUs over a week, in few numbers: the highest of the hours of each part of it, where an hour is what 95 % of its past did not
 * exceed. VMs that are busy at different times go well together; the last minute says little of that.
 */
export const weekParts = 8

/** One hour of the past: its beginning and the 95 % quantile of the cores used in it. */
export interface PastHour {
  readonly atMs: number
  readonly cores: number
}

/** With fewer hours than this nothing is said of a week. */
export const leastHours = 24

const hourMs = 3_600_000
const hoursOfWeek = 168

/**
 * @param utcOffsetMinutes of the clock by which people there work
 * @returns cores by part: four of working days from midnight on, then four of weekends; undefined: too little is known. A part without figures
 * is as high as the highest.
 */
export function weekLoad(hours: readonly PastHour[], utcOffsetMinutes: number): readonly number[] | undefined {
  if (hours.length < leastHours) return undefined
  const byHour: number[][] = Array.from({ length: hoursOfWeek }, () => [])
  for (const { atMs, cores } of hours) byHour[hourOfWeek(atMs, utcOffsetMinutes)]?.push(cores)
  const parts: (number | undefined)[] = Array.from({ length: weekParts }, () => undefined)
  for (const [hour, values] of byHour.entries()) {
    const high = nearestRank(values, 0.95)
    const part = partOf(hour)
    if (high !== undefined) parts[part] = Math.max(parts[part] ?? 0, high)
  }
  const highest = Math.max(...parts.map((cores) => cores ?? 0))
  return parts.map((cores) => cores ?? highest)
}

/** Hours since midnight of Sunday. */
function hourOfWeek(atMs: number, utcOffsetMinutes: number): number {
  const hours = Math.floor((atMs + utcOffsetMinutes * 60_000) / hourMs)
  // The epoch began on a Thursday.
  return (hours + 4 * 24) % hoursOfWeek
}

function partOf(hour: number): number {
  const day = Math.floor(hour / 24)
  const isWeekend = day === 0 || day === 6
  return (isWeekend ? 4 : 0) + Math.floor((hour % 24) / 6)
}

function nearestRank(values: number[], share: number): number | undefined {
  values.sort((a, b) => a - b)
  return values[Math.max(0, Math.ceil(share * values.length) - 1)]
}

/** Where the read hours begin: whole weeks, so that each hour of the week is there as often as any other. */
export function historyFrom(now: number, weeks: number): number {
  return Math.floor(now / hourMs) * hourMs - weeks * hoursOfWeek * hourMs
}
