import { constants, crc32, deflateRawSync, inflateRawSync } from 'node:zlib'

import { ColumnBlock } from './column-block.js'

/*
 * A block as bytes. Each column is compressed by itself, so that one can be read without the others. Little endian.
 *   u32 crc of what follows, u8 version, u32 rows, u32 bytes of times, u16 columns,
 *   each column: u16 field, u8 form, u32 bytes;  times;  columns
 * times   f64 of the first, then the change of the step from row to row, zigzag varint: a byte each on a steady beat
 * column  [bitmap of rows that have a value, if not all do], then the values: one for all, or f64s with the n-th bytes of all
 *         values together (alike ones meet), deflated or, where that is no gain, as they are
 */
const version = 1
const fixedHeader = 15
const columnHeader = 7
const form = { constant: 1, deflated: 2, sparse: 4 } as const

export function encodeChunk(block: ColumnBlock, from: number, to: number): Buffer {
  const times = encodeTimes(block.times(from, to))
  const columns: { field: number; form: number; bytes: Buffer }[] = []
  for (const field of block.fields) {
    const values = block.column(field, from, to)
    const encoded = values === undefined ? undefined : encodeColumn(values)
    if (encoded !== undefined) columns.push({ field, ...encoded })
  }
  const header = Buffer.alloc(fixedHeader + columns.length * columnHeader)
  let at = header.writeUInt8(version, 4)
  at = header.writeUInt32LE(to - from, at)
  at = header.writeUInt32LE(times.length, at)
  at = header.writeUInt16LE(columns.length, at)
  for (const column of columns) {
    at = header.writeUInt16LE(column.field, at)
    at = header.writeUInt8(column.form, at)
    at = header.writeUInt32LE(column.bytes.length, at)
  }
  const chunk = Buffer.concat([header, times, ...columns.map((column) => column.bytes)])
  chunk.writeUInt32LE(crc32(chunk.subarray(4)), 0)
  return chunk
}

/**
 * Reads a chunk back; of the columns only the asked ones, or all.
 * @throws Error if the bytes are damaged
 */
export function decodeChunk(chunk: Buffer, wanted?: ReadonlySet<number>): ColumnBlock {
  if (chunk.length < fixedHeader || crc32(chunk.subarray(4)) !== chunk.readUInt32LE(0)) {
    throw new Error('a chunk of points is damaged (checksum)')
  }
  if (chunk.readUInt8(4) !== version) throw new Error(`a chunk of points has the unknown version ${chunk.readUInt8(4)}`)
  const rows = chunk.readUInt32LE(5)
  const timesLength = chunk.readUInt32LE(9)
  const columnCount = chunk.readUInt16LE(13)
  let entry = fixedHeader
  let at = fixedHeader + columnCount * columnHeader
  const times = decodeTimes(chunk.subarray(at, at + timesLength), rows)
  at += timesLength
  const columns = new Map<number, Float64Array>()
  for (let index = 0; index < columnCount; index += 1) {
    const field = chunk.readUInt16LE(entry)
    const length = chunk.readUInt32LE(entry + 3)
    if (wanted === undefined || wanted.has(field)) {
      columns.set(field, decodeColumn(chunk.subarray(at, at + length), chunk.readUInt8(entry + 2), rows))
    }
    entry += columnHeader
    at += length
  }
  return ColumnBlock.of(times, columns)
}

function encodeTimes(times: Float64Array): Buffer {
  const out = Buffer.alloc(8 + times.length * 9)
  let at = out.writeDoubleLE(times[0] ?? 0, 0)
  let last = times[0] ?? 0
  let lastStep = 0
  for (const time of times.subarray(1)) {
    const step = time - last
    const change = step - lastStep
    let rest = change < 0 ? -2 * change - 1 : 2 * change
    while (rest >= 128) {
      out[at++] = (rest % 128) + 128
      rest = Math.floor(rest / 128)
    }
    out[at++] = rest
    last = time
    lastStep = step
  }
  return out.subarray(0, at)
}

function decodeTimes(bytes: Buffer, rows: number): Float64Array {
  const times = new Float64Array(rows)
  if (rows === 0) return times
  let time = bytes.readDoubleLE(0)
  times[0] = time
  let at = 8
  let step = 0
  for (let row = 1; row < rows; row += 1) {
    let value = 0
    let scale = 1
    let byte = bytes.readUInt8(at++)
    while (byte >= 128) {
      value += (byte - 128) * scale
      scale *= 128
      byte = bytes.readUInt8(at++)
    }
    value += byte * scale
    step += value % 2 === 0 ? value / 2 : -(value + 1) / 2
    time += step
    times[row] = time
  }
  return times
}

/** Undefined if the column has no value at all. */
function encodeColumn(column: Float64Array): { form: number; bytes: Buffer } | undefined {
  const values = column.filter((value) => !Number.isNaN(value))
  const first = values[0]
  if (first === undefined) return undefined
  const sparse = values.length < column.length
  const bitmap = sparse ? [bitmapOf(column)] : []
  const sparseForm = sparse ? form.sparse : 0
  if (values.every((value) => Object.is(value, first))) {
    return { form: form.constant | sparseForm, bytes: Buffer.concat([...bitmap, planes(values.subarray(0, 1))]) }
  }
  const raw = planes(values)
  const deflated = deflateRawSync(raw, { level: constants.Z_BEST_SPEED })
  return deflated.length < raw.length
    ? { form: form.deflated | sparseForm, bytes: Buffer.concat([...bitmap, deflated]) }
    : { form: sparseForm, bytes: Buffer.concat([...bitmap, raw]) }
}

function decodeColumn(bytes: Buffer, columnForm: number, rows: number): Float64Array {
  const bitmapLength = (columnForm & form.sparse) === 0 ? 0 : Math.ceil(rows / 8)
  const bitmap = bytes.subarray(0, bitmapLength)
  const body = bytes.subarray(bitmapLength)
  const values = unplaned((columnForm & form.deflated) === 0 ? body : inflateRawSync(body))
  const constant = (columnForm & form.constant) === 0 ? undefined : values[0]
  if (bitmapLength === 0) return constant === undefined ? values : new Float64Array(rows).fill(constant)
  const column = new Float64Array(rows).fill(NaN)
  let next = 0
  for (let row = 0; row < rows; row += 1) {
    if (((bitmap[row >> 3] ?? 0) & (1 << (row & 7))) === 0) continue
    column[row] = constant ?? values[next] ?? NaN
    next += 1
  }
  return column
}

function bitmapOf(column: Float64Array): Buffer {
  const bitmap = Buffer.alloc(Math.ceil(column.length / 8))
  for (const [row, value] of column.entries()) {
    if (!Number.isNaN(value)) bitmap[row >> 3] = (bitmap[row >> 3] ?? 0) | (1 << (row & 7))
  }
  return bitmap
}

/** First bytes of all values, then second bytes, and so on. */
function planes(values: Float64Array): Buffer {
  const input = new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
  const out = Buffer.alloc(input.length)
  const count = values.length
  for (let plane = 0; plane < 8; plane += 1) {
    for (let index = 0; index < count; index += 1) out[plane * count + index] = input[index * 8 + plane] ?? 0
  }
  return out
}

function unplaned(bytes: Buffer): Float64Array {
  const count = bytes.length / 8
  const values = new Float64Array(count)
  const out = new Uint8Array(values.buffer)
  for (let plane = 0; plane < 8; plane += 1) {
    for (let index = 0; index < count; index += 1) out[index * 8 + plane] = bytes[plane * count + index] ?? 0
  }
  return values
}
