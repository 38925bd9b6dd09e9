import { measurements, type EntityKind } from '../measurements.js'

const million = 1e6
/** Beyond this a double has no millionths. */
const largest = 2 ** 50 / million

type Unit = (typeof measurements)[EntityKind]['fields'] extends infer Fields
  ? Fields extends Record<string, { readonly unit: infer One }>
    ? One
    : never
  : never

/**
 * Times, shares and CPU use are kept to a millionth of their unit: a nanosecond of a latency, a microsecond of CPU time in a
 * second. More than that is noise of the clock, and noise does not compress. Bytes and counts are whole; rates are
 * kept as they are, for they come from whole numbers and have to give them back.
 */
const keptToMillionths: ReadonlySet<Unit> = new Set<Unit>(['ms', 's', 'cores', 'fraction', 'count'])

export function isKeptToMillionths(kind: EntityKind, field: string): boolean {
  const fields: Readonly<Record<string, { readonly unit: Unit }>> = measurements[kind].fields
  const unit = fields[field]?.unit
  return unit !== undefined && keptToMillionths.has(unit)
}

export function toMillionths(value: number): number {
  if (Math.abs(value) > largest) return value
  // Adding 0: -0 would be another number.
  return Math.round(value * million) / million + 0
}
