import { expect, test } from 'vitest'

import { entityKinds, fieldNames } from '../measurements.js'
import type { Point } from '../time-series.js'
import { decodePoints, encodePoints } from './batch-codec.js'
import { InvalidBatchError } from './invalid-batch.js'

const names = entityKinds.flatMap((kind) => fieldNames(kind).map((name) => `${kind}.${name}`))
const fieldId = (kind: string, name: string): number => names.indexOf(`${kind}.${name}`)

function decodedOf(points: readonly Point[]): unknown {
  return decodePoints(encodePoints(points), fieldId).map(({ kind, id, atMs, fields, values }) => ({
    entity: { kind, id },
    atMs,
    fields: Object.fromEntries(fields.map((field, index) => [names[field]?.split('.')[1], values[index]])),
  }))
}

test('gives back points of every kind with all their fields', () => {
  const points = entityKinds.map((kind, index): Point => {
    const fields = Object.fromEntries(fieldNames(kind).map((name, value) => [name, value / 4]))
    return { entity: { kind, id: `${kind}/ü` }, atMs: 1_772_359_200_000 + index, fields }
  })
  expect(decodedOf(points)).toEqual(points)
  expect(decodedOf([])).toEqual([])
})

test('keeps times, shares and CPU use to the millionth, and rates and bytes as they are', () => {
  const fields = { cpuCores: 1 / 3, readLatencyMs: 2e-7, memoryBytes: 1 / 3, readBytesPerSecond: 1 / 3 }
  const kept = { cpuCores: 0.333333, readLatencyMs: 0, memoryBytes: 1 / 3, readBytesPerSecond: 1 / 3 }
  const entity = { kind: 'vm', id: 'a' } as const
  expect(decodedOf([{ entity, atMs: 1, fields }])).toEqual([{ entity, atMs: 1, fields: kept }])
})

test('grows for long ids', () => {
  const points = Array.from({ length: 50 }, (_, atMs): Point => {
    return { entity: { kind: 'vm', id: 'é'.repeat(512) }, atMs, fields: { running: 1 } }
  })
  expect(decodedOf(points)).toEqual(points)
})

test('makes bytes that own their buffer from the start, so that it can be transferred', () => {
  const bytes = encodePoints([{ entity: { kind: 'vm', id: 'a' }, atMs: 1, fields: { running: 1 } }])
  expect(bytes.byteOffset).toBe(0)
  expect(structuredClone(bytes, { transfer: [bytes.buffer] }).length).toBeGreaterThan(0)
  expect(bytes.length).toBe(0)
})

test('refuses a batch that is too large', () => {
  const point: Point = { entity: { kind: 'vm', id: 'x'.repeat(512) }, atMs: 1, fields: { running: 1 } }
  expect(() => encodePoints(Array.from({ length: 130_000 }, () => point))).toThrow(InvalidBatchError)
})

test('refuses bytes of another version', () => {
  const bytes = encodePoints([])
  bytes[0] = 9
  expect(() => decodePoints(bytes, fieldId)).toThrow('version 9')
})
