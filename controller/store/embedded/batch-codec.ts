import { entityKinds, fieldNames, type EntityKind } from '../measurements.js'
import type { Point } from '../time-series.js'
import { InvalidBatchError, checkPoint, checkValue } from './invalid-batch.js'
import { isKeptToMillionths, toMillionths } from './precision.js'

/*
 * Points of one batch as bytes: what the worker is sent, and (compressed) what a row of `ticks` holds.
 * Names are in it, so that it can be read after measurements.ts has changed. Little endian; `text` is length + UTF-8.
 *   u8 version, u8 kinds, each: text8 kind, u8 fields, each: text8 name
 *   u32 points, each: u8 kind, text16 entity, f64 at, u8 values, each: u8 field of the kind, f64 value
 */
const version = 1
const maxBytes = 64 * 2 ** 20

interface FieldLayout {
  readonly id: number
  readonly toMillionths: boolean
}

interface KindLayout {
  readonly index: number
  readonly fields: ReadonlyMap<string, FieldLayout>
}

const layouts: ReadonlyMap<EntityKind, KindLayout> = new Map(
  entityKinds.map((kind, index) => {
    const fields = fieldNames(kind).map((name, id) => {
      return [name, { id, toMillionths: isKeptToMillionths(kind, name) }] as const
    })
    return [kind, { index, fields: new Map(fields) }]
  }),
)

const header = encodeHeader()

function encodeHeader(): Buffer {
  const text = (value: string): Buffer => Buffer.concat([Buffer.of(Buffer.byteLength(value)), Buffer.from(value)])
  const parts: Buffer[] = [Buffer.of(version, entityKinds.length)]
  for (const kind of entityKinds) {
    const names = fieldNames(kind)
    parts.push(text(kind), Buffer.of(names.length), ...names.map(text))
  }
  return Buffer.concat(parts)
}

/**
 * Checks points, rounds what is kept to millionths (precision.ts) and encodes them into bytes with an ArrayBuffer of their own, ready to be transferred.
 * @throws InvalidBatchError: unknown kind or field, a value that is not finite, a bad id or time, too large
 */
export function encodePoints(points: readonly Point[]): Uint8Array<ArrayBuffer> {
  let out = Buffer.from(new ArrayBuffer(Math.min(maxBytes, header.length + 4 + points.length * 320)))
  let at = header.copy(out)
  at = out.writeUInt32LE(points.length, at)
  for (const point of points) {
    checkPoint(point)
    const layout = layouts.get(point.entity.kind)
    if (layout === undefined) throw new InvalidBatchError(`unknown kind ${JSON.stringify(point.entity.kind)}`)
    const names = Object.keys(point.fields)
    if (names.length > layout.fields.size) throw new InvalidBatchError(`${point.entity.kind} has fewer fields`)
    const most = 14 + point.entity.id.length * 3 + names.length * 9
    if (at + most > out.length) out = enlarged(out, at + most)
    at = out.writeUInt8(layout.index, at)
    const length = out.write(point.entity.id, at + 2)
    out.writeUInt16LE(length, at)
    at = out.writeDoubleLE(point.atMs, at + 2 + length)
    at = out.writeUInt8(names.length, at)
    for (const name of names) {
      const field = layout.fields.get(name)
      if (field === undefined) throw new InvalidBatchError(`${point.entity.kind} has no field ${JSON.stringify(name)}`)
      const value = point.fields[name]
      checkValue(point, name, value)
      at = out.writeDoubleLE(field.toMillionths ? toMillionths(value) : value, out.writeUInt8(field.id, at))
    }
  }
  return new Uint8Array(out.buffer, 0, at)
}

/** How many points are in what encodePoints of this program made. */
export function pointCount(bytes: Uint8Array): number {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).readUInt32LE(header.length)
}

function enlarged(bytes: Buffer<ArrayBuffer>, needed: number): Buffer<ArrayBuffer> {
  if (needed > maxBytes) throw new InvalidBatchError(`the batch is larger than ${maxBytes} bytes`)
  const larger = Buffer.from(new ArrayBuffer(Math.min(maxBytes, needed * 2)))
  bytes.copy(larger)
  return larger
}

/** A point with its fields as ids of the field dictionary. */
export interface DecodedPoint {
  readonly kind: string
  readonly id: string
  readonly atMs: number
  readonly fields: readonly number[]
  readonly values: readonly number[]
}

/**
 * What encodePoints made. `fieldId` maps names to ids of the file's dictionary.
 * @throws Error if the bytes are not of this format
 */
export function decodePoints(bytes: Uint8Array, fieldId: (kind: string, name: string) => number): DecodedPoint[] {
  const input = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = 0
  const byte = (): number => input.readUInt8(at++)
  const text = (length: number): string => input.toString('utf8', at, (at += length))
  const found = byte()
  if (found !== version) throw new Error(`batch of unknown version ${found}`)
  const kinds = Array.from({ length: byte() }, () => {
    const kind = text(byte())
    return { kind, fields: Array.from({ length: byte() }, () => fieldId(kind, text(byte()))) }
  })
  const count = input.readUInt32LE(at)
  at += 4
  const points: DecodedPoint[] = []
  for (let index = 0; index < count; index += 1) {
    const layout = kinds[byte()]
    if (layout === undefined) throw new Error('batch names a kind that it does not list')
    const length = input.readUInt16LE(at)
    at += 2
    const id = text(length)
    const atMs = input.readDoubleLE(at)
    at += 8
    const fields: number[] = []
    const values: number[] = []
    for (let left = byte(); left > 0; left -= 1) {
      const field = layout.fields[byte()]
      if (field === undefined) throw new Error('batch names a field that it does not list')
      fields.push(field)
      values.push(input.readDoubleLE(at))
      at += 8
    }
    points.push({ kind: layout.kind, id, atMs, fields, values })
  }
  return points
}
