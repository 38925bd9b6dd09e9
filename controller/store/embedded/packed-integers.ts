import type { ByteReader, ByteWriter } from './byte-stream.js'

/*
 * Whole numbers in as few bits as they need ("frame of reference"): of each 32 the least, and by how much each is above it, all
 * in the same width. Numbers that follow each other closely are stored as differences.
 *   u8 form (1: differences); signed first, if differences; each 32: signed least, u8 width, the bits
 *   signed: varint of 2n, or of -2n - 1 if n is negative
 */
const blockLength = 32
const differences = 1

/** Larger numbers are not packed: their differences must stay exact. */
export const maxPacked = 2 ** 50

/** Whether a number can be packed. -0 is another number than 0. */
export function isPackable(value: number): boolean {
  return Number.isInteger(value) && Math.abs(value) <= maxPacked && !Object.is(value, -0)
}

/** Values must be packable. How many there are is for the caller to know. */
export function writeIntegers(out: ByteWriter, values: ArrayLike<number>): void {
  const direct = Float64Array.from(values)
  const steps = new Float64Array(Math.max(0, direct.length - 1))
  for (let index = 0; index < steps.length; index += 1) steps[index] = (direct[index + 1] ?? 0) - (direct[index] ?? 0)
  const first = direct[0]
  if (first !== undefined && bitsOf(steps) < bitsOf(direct)) {
    out.u8(differences)
    writeSigned(out, first)
    writeBlocks(out, steps)
  } else {
    out.u8(0)
    writeBlocks(out, direct)
  }
}

/** @throws Error if the bytes are damaged */
export function readIntegers(input: ByteReader, count: number): Float64Array {
  const values = new Float64Array(count)
  if (input.u8() !== differences) {
    readBlocks(input, values, 0)
    return values
  }
  let value = readSigned(input)
  values[0] = value
  readBlocks(input, values, 1)
  for (let index = 1; index < count; index += 1) {
    value += values[index] ?? 0
    values[index] = value
  }
  return values
}

function writeSigned(out: ByteWriter, value: number): void {
  out.varint(value < 0 ? -2 * value - 1 : 2 * value)
}

function readSigned(input: ByteReader): number {
  const value = input.varint()
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2
}

interface Frame {
  readonly least: number
  readonly width: number
}

function frameOf(values: Float64Array, from: number): Frame {
  let least = Infinity
  let most = -Infinity
  const to = Math.min(from + blockLength, values.length)
  for (let index = from; index < to; index += 1) {
    const value = values[index] ?? 0
    if (value < least) least = value
    if (value > most) most = value
  }
  return { least, width: widthOf(most - least) }
}

function widthOf(value: number): number {
  return value < 2 ** 32 ? 32 - Math.clz32(value) : 64 - Math.clz32(Math.floor(value / 2 ** 32))
}

function bitsOf(values: Float64Array): number {
  let bits = 0
  for (let from = 0; from < values.length; from += blockLength) {
    const { least, width } = frameOf(values, from)
    bits += 8 + 8 * Math.ceil((widthOf(Math.abs(least)) + 1) / 7) + width * Math.min(blockLength, values.length - from)
  }
  return bits
}

function writeBlocks(out: ByteWriter, values: Float64Array): void {
  for (let from = 0; from < values.length; from += blockLength) {
    const { least, width } = frameOf(values, from)
    writeSigned(out, least)
    out.u8(width)
    // Bits that do not fill a byte yet: at most 7 + 16 of them.
    let bits = 0
    let count = 0
    const to = Math.min(from + blockLength, values.length)
    for (let index = from; index < to; index += 1) {
      let value = (values[index] ?? 0) - least
      for (let left = width; left > 0; left -= 16) {
        const low = value % 65_536
        value = (value - low) / 65_536
        bits |= low << count
        count += Math.min(left, 16)
        for (; count >= 8; count -= 8) {
          out.u8(bits & 255)
          bits >>>= 8
        }
      }
    }
    if (count > 0) out.u8(bits)
  }
}

/** Fills the values from one of them on. */
function readBlocks(input: ByteReader, values: Float64Array, first: number): void {
  for (let from = first; from < values.length; from += blockLength) {
    const least = readSigned(input)
    const width = input.u8()
    const to = Math.min(from + blockLength, values.length)
    if (width > 53) throw new Error('a width is damaged')
    const at = input.skip(Math.ceil(((to - from) * width) / 8))
    if (width === 0) values.fill(least, from, to)
    else if (width <= narrow) readNarrow(input.input, at, { values, from, to, least, width })
    else readWide(input.input, at, { values, from, to, least, width })
  }
}

interface Packed {
  readonly values: Float64Array
  readonly from: number
  readonly to: number
  readonly least: number
  readonly width: number
}

/** Bits left over from a byte, 7 at most, and those of a number of this width fit into 32. */
const narrow = 24

function readNarrow(bytes: Uint8Array, start: number, { values, from, to, least, width }: Packed): void {
  const mask = (1 << width) - 1
  let at = start
  let bits = 0
  let count = 0
  for (let index = from; index < to; index += 1) {
    for (; count < width; count += 8) bits |= (bytes[at++] ?? 0) << count
    values[index] = (bits & mask) + least
    bits >>>= width
    count -= width
  }
}

/** In parts of 16 bits. */
function readWide(bytes: Uint8Array, start: number, { values, from, to, least, width }: Packed): void {
  let at = start
  let bits = 0
  let count = 0
  for (let index = from; index < to; index += 1) {
    let value = 0
    let scale = 1
    for (let left = width; left > 0; left -= 16) {
      const take = Math.min(left, 16)
      for (; count < take; count += 8) bits |= (bytes[at++] ?? 0) << count
      value += (bits & ((1 << take) - 1)) * scale
      scale *= 65_536
      bits >>>= take
      count -= take
    }
    values[index] = value + least
  }
}
