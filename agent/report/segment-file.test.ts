import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { decodeSegment, encodeRecord, recordBytes } from './segment-file.js'

const reports = fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 20 })

function segmentOf(bodies: readonly Uint8Array[]): Buffer {
  return Buffer.concat(bodies.map((body, index) => encodeRecord(index + 1, Buffer.from(body))))
}

describe('a segment', () => {
  it('gives back what was put in', () => {
    fc.assert(
      fc.property(reports, (bodies) => {
        const { records, damagedBytes } = decodeSegment(segmentOf(bodies))
        expect(records.map(({ seq, report }) => [seq, [...report]])).toEqual(
          bodies.map((body, index) => [index + 1, [...body]]),
        )
        expect(damagedBytes).toBe(0)
      }),
    )
  })

  it('cut at any byte gives the whole records before the cut', () => {
    const bodies = [Buffer.from('one'), Buffer.from('two'), Buffer.from('three')]
    const file = segmentOf(bodies)
    const ends = bodies.reduce<number[]>((all, body) => [...all, (all.at(-1) ?? 0) + recordBytes(body)], [])
    for (let length = 0; length <= file.length; length += 1) {
      const whole = ends.filter((end) => end <= length).length
      const { records, damagedBytes } = decodeSegment(file.subarray(0, length))
      expect([records.length, damagedBytes]).toEqual([whole, length - (ends[whole - 1] ?? 0)])
    }
  })

  it('with any bit turned gives no changed record', () => {
    const file = segmentOf([Buffer.from('alpha'), Buffer.from('beta')])
    for (let bit = 0; bit < file.length * 8; bit += 1) {
      const turned = Buffer.from(file)
      turned[bit >> 3] = (turned[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      const texts = decodeSegment(turned).records.map(({ report }) => report.toString())
      expect(['alpha,beta'.startsWith(texts.join(','))]).toEqual([true])
      expect(texts.length).toBeLessThan(2)
    }
  })

  it('of random bytes is damage, not a crash', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        const { records, damagedBytes } = decodeSegment(Buffer.from(bytes))
        expect(damagedBytes + records.reduce((sum, { report }) => sum + recordBytes(report), 0)).toBe(bytes.length)
      }),
    )
  })
})
