import type { FieldCheck } from './field-check.js'

/** `VM_STATE_REASON_IO_ERROR` as `io-error`; unspecified and unknown values as `unknown`. */
export function word(value: string, prefix: string): string {
  const name = value.startsWith(prefix) ? value.slice(prefix.length) : 'UNSPECIFIED'
  return name === 'UNSPECIFIED' ? 'unknown' : name.toLowerCase().replaceAll('_', '-')
}

/** Counts a value that only a newer agent knows; it is taken as unknown. */
export function known<Value extends string>(field: string, value: Value, check: FieldCheck): Value {
  if (value === 'UNRECOGNIZED') check.refuse(field)
  return value
}
