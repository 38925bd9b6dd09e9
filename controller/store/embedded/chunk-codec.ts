import { ByteWriter } from './byte-stream.js'
import { sealed, unsealed } from './checked-bytes.js'
import { decodeChunk1 } from './chunk-codec-1.js'
import { decodeColumn, encodeColumn, RowTimes } from './column-codec.js'
import { ColumnBlock } from './column-block.js'
import { readIntegers, writeIntegers } from './packed-integers.js'

/*
 * A block as bytes. Each column is packed by itself, so that one can be read without the others. Little endian.
 *   u32 crc of what follows, u8 version, varint rows, varint milliseconds from the row before to the first (0: not known),
 *   f64 first time, steps from row to row (integers), varint columns, each column: varint field, varint bytes, column-codec.ts
 */
const version = 2

/** A longer silence says nothing about the rates after it. */
const longestLeadMs = 3_600_000

/**
 * Rows `from` to `to` (exclusive) of a block.
 * @param previousMs time of the series' row before them; -Infinity if there is none or it is not known
 */
export function encodeChunk(block: ColumnBlock, from: number, to: number, previousMs = -Infinity): Buffer {
  const times = block.times(from, to)
  const firstMs = times[0] ?? 0
  const known = previousMs < firstMs && firstMs - previousMs <= longestLeadMs
  const leadMs = known ? firstMs - previousMs : 0
  const rows = new RowTimes(times, previousOf(firstMs, leadMs))
  const columns: { readonly field: number; readonly bytes: Buffer }[] = []
  for (const field of block.fields) {
    const values = block.column(field, from, to)
    const bytes = values === undefined ? undefined : encodeColumn(values, rows)
    if (bytes !== undefined) columns.push({ field, bytes })
  }
  const out = new ByteWriter(4096)
  out.u32(0)
  out.u8(version)
  out.varint(times.length)
  out.varint(leadMs)
  out.f64(firstMs)
  writeIntegers(
    out,
    times.subarray(1).map((time, index) => time - (times[index] ?? 0)),
  )
  out.varint(columns.length)
  for (const { field, bytes } of columns) {
    out.varint(field)
    out.varint(bytes.length)
    out.bytes(bytes)
  }
  return sealed(out)
}

/**
 * Reads a chunk back; of the columns only the asked ones, or all.
 * @throws Error if the bytes are damaged
 */
export function decodeChunk(chunk: Buffer, wanted?: ReadonlySet<number>): ColumnBlock {
  const input = unsealed(chunk, 'a chunk of points')
  const found = input.u8()
  if (found === 1) return decodeChunk1(chunk, wanted)
  if (found !== version) throw new Error(`a chunk of points has the unknown version ${found}`)
  const rows = input.varint()
  const leadMs = input.varint()
  const times = new Float64Array(rows)
  times[0] = input.f64()
  const steps = readIntegers(input, Math.max(0, rows - 1))
  for (let row = 1; row < rows; row += 1) times[row] = (times[row - 1] ?? 0) + (steps[row - 1] ?? 0)
  const columns = new Map<number, Float64Array>()
  const rowTimes = new RowTimes(times, previousOf(times[0] ?? 0, leadMs))
  for (let left = input.varint(); left > 0; left -= 1) {
    const field = input.varint()
    if (wanted?.has(field) === false) input.skip(input.varint())
    else columns.set(field, decodeColumn(input.block(), rowTimes))
  }
  return ColumnBlock.of(times, columns)
}

function previousOf(firstMs: number, leadMs: number): number {
  return leadMs === 0 ? NaN : firstMs - leadMs
}
