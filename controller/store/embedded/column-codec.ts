import { ByteReader, ByteWriter } from './byte-stream.js'
import { isPackable, readIntegers, writeIntegers } from './packed-integers.js'

/*
 * One column of a chunk. Most values come from whole numbers, in one of these forms:
 *   whole       they are whole
 *   millionths  whole numbers of millionths: what precision.ts makes of times, shares and CPU use
 *   counts      whole numbers of bytes or requests, divided by the seconds since the value before: rates
 * Each form is taken only for values that come out of it bit by bit; the few that do not are stored beside, as they are.
 *   u8 form | sparse | constant;  [bitmap of rows that have a value];
 *   varint factor, varint exceptions, exceptions: row among the values (integers), f64s;  the whole numbers over the factor
 *   form as-is: f64s
 */
const forms = { asIs: 0, whole: 1, millionths: 2, counts: 3 } as const
const sparse = 16
const constant = 32

type Form = (typeof forms)[keyof typeof forms]

/** A value is a whole number divided by this; undefined: by the seconds since the value before. */
const divisors: Readonly<Record<Exclude<Form, 0>, number | undefined>> = {
  [forms.whole]: 1,
  [forms.millionths]: 1e6,
  [forms.counts]: undefined,
}

/** When the rows of columns were, ascending, and for each how long after the one before; `previousMs` is NaN if that is not known. */
export class RowTimes {
  #seconds: Float64Array | undefined

  constructor(
    readonly times: Float64Array,
    readonly previousMs: number,
  ) {}

  get seconds(): Float64Array {
    return (this.#seconds ??= secondsBetween(this.times, this.previousMs))
  }
}

/** Bytes of a column of which NaN is no value; undefined if it has none at all. */
export function encodeColumn(column: Float64Array, rows: RowTimes): Buffer | undefined {
  const values = present(column, column)
  if (values.length === 0) return undefined
  const isSparse = values.length < column.length
  const seconds = isSparse ? new RowTimes(present(rows.times, column), rows.previousMs).seconds : rows.seconds
  const isConstant = allSame(values)
  const stored = isConstant ? values.subarray(0, 1) : values
  const found = bestForm(stored, seconds)
  const out = new ByteWriter()
  out.u8((found?.form ?? forms.asIs) | (isSparse ? sparse : 0) | (isConstant ? constant : 0))
  if (isSparse) out.bytes(bitmapOf(column))
  if (found === undefined) for (const value of stored) out.f64(value)
  else writeWhole(out, stored, found)
  return out.finished()
}

/** @throws Error if the bytes are damaged */
export function decodeColumn(bytes: Buffer, rows: RowTimes): Float64Array {
  const input = new ByteReader(bytes)
  const flags = input.u8()
  if ((flags & sparse) === 0) return readPresent(input, flags, rows)
  const { times, previousMs } = rows
  const which = rowsIn(input.bytes(Math.ceil(times.length / 8)), times.length)
  const ownTimes = new Float64Array(which.length)
  for (let index = 0; index < which.length; index += 1) ownTimes[index] = times[which[index] ?? 0] ?? NaN
  const values = readPresent(input, flags, new RowTimes(ownTimes, previousMs))
  const column = new Float64Array(times.length).fill(NaN)
  for (let index = 0; index < which.length; index += 1) column[which[index] ?? 0] = values[index] ?? NaN
  return column
}

/** A value for each of the rows. */
function readPresent(input: ByteReader, flags: number, rows: RowTimes): Float64Array {
  const { length } = rows.times
  if ((flags & constant) === 0) return readValues(input, flags & 15, length, rows)
  const [value] = readValues(input, flags & 15, Math.min(length, 1), rows)
  return new Float64Array(length).fill(value ?? NaN)
}

function rowsIn(bitmap: Uint8Array, length: number): Uint32Array {
  const rows = new Uint32Array(length)
  let count = 0
  for (let row = 0; row < length; row += 1) {
    if (((bitmap[row >> 3] ?? 0) & (1 << (row & 7))) === 0) continue
    rows[count] = row
    count += 1
  }
  return rows.subarray(0, count)
}

/** For each time that since the one before. */
function secondsBetween(times: Float64Array, previousMs: number): Float64Array {
  const seconds = new Float64Array(times.length)
  let before = previousMs
  for (let index = 0; index < times.length; index += 1) {
    const atMs = times[index] ?? NaN
    seconds[index] = (atMs - before) / 1000
    before = atMs
  }
  return seconds
}

/** Those of the numbers whose rows have a value. */
function present(numbers: Float64Array, column: Float64Array): Float64Array {
  const found = new Float64Array(column.length)
  let count = 0
  for (let row = 0; row < column.length; row += 1) {
    if (Number.isNaN(column[row])) continue
    found[count] = numbers[row] ?? NaN
    count += 1
  }
  return found.subarray(0, count)
}

function allSame(values: Float64Array): boolean {
  for (const value of values) if (!Object.is(value, values[0])) return false
  return true
}

interface Found {
  readonly form: Exclude<Form, 0>
  readonly wholes: Float64Array
  /** Rows among the values that the form does not give back. */
  readonly exceptions: readonly number[]
}

/** The form that suits the most values, if it suits nearly all. */
function bestForm(values: Float64Array, seconds: Float64Array): Found | undefined {
  let best: Found | undefined
  for (const form of [forms.whole, forms.millionths, forms.counts] as const) {
    const found = tryForm(form, values, seconds)
    if (found === undefined) continue
    if (best === undefined || found.exceptions.length < best.exceptions.length) best = found
    if (found.exceptions.length === 0) break
  }
  return best
}

function tryForm(form: Exclude<Form, 0>, values: Float64Array, seconds: Float64Array): Found | undefined {
  const divisor = divisors[form]
  const mostExceptions = values.length / 8
  const wholes = new Float64Array(values.length)
  const exceptions: number[] = []
  let last = 0
  for (let index = 0; index < values.length; index += 1) {
    const given = values[index] ?? NaN
    const by = divisor ?? seconds[index] ?? NaN
    const whole = Math.round(given * by)
    if (isPackable(whole) && Object.is(whole / by, given)) last = whole
    else {
      exceptions.push(index)
      if (exceptions.length > mostExceptions) return undefined
    }
    wholes[index] = last
  }
  return { form, wholes, exceptions }
}

function writeWhole(out: ByteWriter, values: Float64Array, { wholes, exceptions }: Found): void {
  const factor = commonFactor(wholes)
  out.varint(factor)
  out.varint(exceptions.length)
  if (exceptions.length > 0) writeIntegers(out, exceptions)
  for (const index of exceptions) out.f64(values[index] ?? NaN)
  writeIntegers(
    out,
    wholes.map((whole) => whole / factor),
  )
}

function readValues(input: ByteReader, form: number, count: number, rows: RowTimes): Float64Array {
  if (form === forms.asIs) return Float64Array.from({ length: count }, () => input.f64())
  if (form !== forms.whole && form !== forms.millionths && form !== forms.counts) {
    throw new Error(`a column has the unknown form ${form}`)
  }
  const factor = input.varint()
  const exceptionCount = input.varint()
  if (exceptionCount > count) throw new Error('a column is damaged')
  const exceptions = exceptionCount === 0 ? [] : [...readIntegers(input, exceptionCount)]
  const others = exceptions.map((index) => ({ index, value: input.f64() }))
  const values = readIntegers(input, count)
  const divisor = divisors[form]
  const seconds = divisor === undefined ? rows.seconds : undefined
  for (let index = 0; index < count; index += 1) {
    values[index] = ((values[index] ?? 0) * factor) / (divisor ?? seconds?.[index] ?? NaN)
  }
  for (const { index, value: other } of others) values[index] = other
  return values
}

/** Memory comes in pages, I/O in sectors: what all have in common need not be stored with each. */
function commonFactor(wholes: Float64Array): number {
  let factor = 0
  for (const whole of wholes) {
    let rest = Math.abs(whole)
    if (factor !== 0 && rest % factor === 0) continue
    while (rest !== 0) [factor, rest] = [rest, factor % rest]
    if (factor === 1) return 1
  }
  return factor === 0 ? 1 : factor
}

function bitmapOf(column: Float64Array): Buffer {
  const bitmap = Buffer.alloc(Math.ceil(column.length / 8))
  for (const [row, value] of column.entries()) {
    if (!Number.isNaN(value)) bitmap[row >> 3] = (bitmap[row >> 3] ?? 0) | (1 << (row & 7))
  }
  return bitmap
}
