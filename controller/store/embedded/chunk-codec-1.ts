import { inflateRawSync } from 'node:zlib'

import { ColumnBlock } from './column-block.js'

/*
 * Chunks of files up to schema version 2, for reading only. The checksum is checked by the caller. Little endian.
 *   u32 crc of what follows, u8 version, u32 rows, u32 bytes of times, u16 columns,
 *   each column: u16 field, u8 form, u32 bytes;  times;  columns
 * times   f64 of the first, then the change of the step from row to row, zigzag varint
 * column  [bitmap of rows that have a value, if not all do], then the values: one for all, or f64s with the n-th bytes of all
 *         values together, deflated or as they are
 */
const fixedHeader = 15
const columnHeader = 7
const form = { constant: 1, deflated: 2, sparse: 4 } as const

/** Reads a chunk; of the columns only the asked ones, or all. */
export function decodeChunk1(chunk: Buffer, wanted?: ReadonlySet<number>): ColumnBlock {
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

function unplaned(bytes: Buffer): Float64Array {
  const count = bytes.length / 8
  const values = new Float64Array(count)
  const out = new Uint8Array(values.buffer)
  for (let plane = 0; plane < 8; plane += 1) {
    for (let index = 0; index < count; index += 1) out[index * 8 + plane] = bytes[plane * count + index] ?? 0
  }
  return values
}
