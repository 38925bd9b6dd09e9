import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { counter, readTypedParameters, text, type ParameterValue } from './typed-parameters.js'
import { XdrError, XdrReader, XdrWriter } from './xdr.js'

/** One value of each of the seven types, as libvirt encodes it, and what it becomes. */
const samples: [number, (writer: XdrWriter) => XdrWriter, ParameterValue][] = [
  [1, (writer) => writer.int(-5), -5n],
  [2, (writer) => writer.uint(4_000_000_000), 4_000_000_000n],
  [3, (writer) => writer.hyper(-(2n ** 60n)), -(2n ** 60n)],
  [4, (writer) => writer.unsignedHyper(2n ** 64n - 1n), 2n ** 64n - 1n],
  [5, (writer) => writer.double(0.25), 0.25],
  [6, (writer) => writer.bool(true), true],
  [7, (writer) => writer.string('vnet0'), 'vnet0'],
]

describe('typed parameters', () => {
  it('are read in all seven types', () => {
    const bytes = new XdrWriter()
      .array(samples, (writer, [type, write]) => write(writer.string(`p${type}`).int(type)))
      .bytes()
    expect([...readTypedParameters(new XdrReader(bytes), 16)]).toEqual(
      samples.map(([type, , value]) => [`p${type}`, value]),
    )
  })

  it.each([0, 8, -1])('of type %i cannot be read', (type) => {
    const bytes = new XdrWriter().uint(1).string('p').int(type).hyper(0n).bytes()
    expect(() => readTypedParameters(new XdrReader(bytes), 16)).toThrow(XdrError)
  })

  it('beyond the limit are refused', () => {
    const bytes = new XdrWriter().array([1, 2, 3], (writer) => writer.string('p').int(1).int(0)).bytes()
    expect(() => readTypedParameters(new XdrReader(bytes), 2)).toThrow(XdrError)
  })

  it('never do more than fail on random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const error = errorOf(() => readTypedParameters(new XdrReader(Buffer.from(bytes)), 262_144))
        expect(error === undefined || error instanceof XdrError).toBe(true)
      }),
    )
  })
})

it('counters are whole, known and not negative', () => {
  const parameters = new Map<string, ParameterValue>([
    ['good', 5n],
    ['unknown', -1n],
    ['real', 0.5],
    ['name', 'x'],
  ])
  expect(['good', 'unknown', 'real', 'name', 'missing'].map((name) => counter(parameters, name))).toEqual([
    5n,
    undefined,
    undefined,
    undefined,
    undefined,
  ])
  expect([text(parameters, 'name'), text(parameters, 'good')]).toEqual(['x', undefined])
})

function errorOf(work: () => unknown): unknown {
  try {
    work()
    return undefined
  } catch (error) {
    return error
  }
}
