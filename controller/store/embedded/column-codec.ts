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
const million = 1e6

type Form = (typeof forms)[keyof typeof forms]

/** The whole number that a value comes from, and back; `seconds` is the time since the value before. */
const conversions: Readonly<
  Record<
    Exclude<Form, 0>,
    {
      readonly whole: (value: number, seconds: number) => number
      readonly value: (whole: number, seconds: number) => number
    }
  >
> = {
  [forms.whole]: { whole: (value) => value, value: (whole) => whole },
  [forms.millionths]: { whole: (value) => Math.round(value * million), value: (whole) => whole / million },
  [forms.counts]: {
    whole: (value, seconds) => Math.round(value * seconds),
    value: (whole, seconds) => whole / seconds,
  },
}

/**
 * Bytes of a column of which NaN is no value; undefined if it has none at all.
 * @param times of its rows, ascending
 * @param previousMs time of the row before the first; NaN if that is not known
 */
export function encodeColumn(column: Float64Array, times: Float64Array, previousMs: number): Buffer | undefined {
  const { values, seconds } = presentValues(column, times, previousMs)
  if (values.length === 0) return undefined
  const isSparse = values.length < column.length
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
export function decodeColumn(bytes: Buffer, times: Float64Array, previousMs: number): Float64Array {
  const input = new ByteReader(bytes)
  const flags = input.u8()
  const rows = times.length
  const bitmap = (flags & sparse) === 0 ? undefined : input.bytes(Math.ceil(rows / 8))
  const column = new Float64Array(rows).fill(NaN)
  let count = 0
  for (let row = 0; row < rows; row += 1) {
    if (bitmap !== undefined && ((bitmap[row >> 3] ?? 0) & (1 << (row & 7))) === 0) continue
    // Any number that is not NaN: it says that the row has a value.
    column[row] = 0
    count += 1
  }
  const stored = (flags & constant) === 0 ? count : Math.min(count, 1)
  const values = readValues(input, flags & 15, stored, () => presentValues(column, times, previousMs).seconds)
  const one = (flags & constant) === 0 ? undefined : values[0]
  let next = 0
  for (let row = 0; row < rows; row += 1) {
    if (Number.isNaN(column[row])) continue
    column[row] = one ?? values[next] ?? NaN
    next += 1
  }
  return column
}

interface Present {
  readonly values: Float64Array
  /** For each value the time since the value before it. */
  readonly seconds: Float64Array
}

function presentValues(column: Float64Array, times: Float64Array, previousMs: number): Present {
  const values = new Float64Array(column.length)
  const seconds = new Float64Array(column.length)
  let count = 0
  let before = previousMs
  for (let row = 0; row < column.length; row += 1) {
    const value = column[row] ?? NaN
    if (Number.isNaN(value)) continue
    const atMs = times[row] ?? NaN
    values[count] = value
    seconds[count] = (atMs - before) / 1000
    before = atMs
    count += 1
  }
  return { values: values.subarray(0, count), seconds: seconds.subarray(0, count) }
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
  const { whole, value } = conversions[form]
  const mostExceptions = values.length / 8
  const wholes = new Float64Array(values.length)
  const exceptions: number[] = []
  let last = 0
  for (let index = 0; index < values.length; index += 1) {
    const given = values[index] ?? NaN
    const time = seconds[index] ?? NaN
    const number = whole(given, time)
    if (isPackable(number) && Object.is(value(number, time), given)) last = number
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

function readValues(input: ByteReader, form: number, count: number, seconds: () => Float64Array): Float64Array {
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
  const { value } = conversions[form]
  const times = form === forms.counts ? seconds() : undefined
  for (let index = 0; index < count; index += 1) {
    values[index] = value((values[index] ?? 0) * factor, times?.[index] ?? NaN)
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
