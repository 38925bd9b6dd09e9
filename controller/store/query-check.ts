import { isField, type EntityKind } from './measurements.js'

/** @throws Error naming the field that the kind does not have */
export function checkFields(kind: EntityKind, fields: readonly string[]): void {
  for (const field of fields)
    if (!isField(kind, field)) throw new Error(`${kind} has no field ${JSON.stringify(field)}`)
}

/** @throws Error if it is no width of a step */
export function checkStep(stepMs: number): void {
  if (!(Number.isSafeInteger(stepMs) && stepMs >= 0))
    throw new Error(`step must be 0 or more whole milliseconds, got ${stepMs}`)
}

const endOfTime = 300_000_000_000_000

/** Points have whole milliseconds: the window in whole numbers that holds the same ones. @throws Error if a time is no number */
export function wholeWindow({ fromMs, toMs }: { readonly fromMs: number; readonly toMs: number }): {
  fromMs: number
  toMs: number
} {
  if (Number.isNaN(fromMs) || Number.isNaN(toMs)) throw new Error('a time must be a number')
  const whole = (ms: number): number => Math.ceil(Math.min(Math.max(ms, 0), endOfTime))
  return { fromMs: whole(fromMs), toMs: whole(toMs) }
}
