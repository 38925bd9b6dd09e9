import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { encodePacket, packetMaxBytes, PacketSplitter, type Packet } from './packet.js'
import { XdrError } from './xdr.js'

const word = fc.nat(2 ** 32 - 1)
const packets: fc.Arbitrary<Packet[]> = fc.array(
  fc.record({
    program: word,
    version: word,
    procedure: word,
    type: word,
    serial: word,
    status: word,
    payload: fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes)),
  }),
  { maxLength: 6 },
)

function lengthWord(length: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(length)
  return bytes
}

describe('PacketSplitter', () => {
  it('finds the same packets however the stream is cut', () => {
    fc.assert(
      fc.property(packets, fc.array(fc.integer({ min: 1, max: 50 })), (sent, cuts) => {
        const stream = Buffer.concat(sent.map(encodePacket))
        const splitter = new PacketSplitter()
        const got: Packet[] = []
        let at = 0
        for (const size of [...cuts, stream.length]) {
          got.push(...splitter.push(stream.subarray(at, at + size)))
          at += size
        }
        expect(got).toEqual(sent)
      }),
    )
  })

  it('copes with single bytes', () => {
    const packet = { program: 1, version: 1, procedure: 2, type: 1, serial: 3, status: 0, payload: Buffer.from('abcd') }
    const splitter = new PacketSplitter()
    const got = [...encodePacket(packet)].flatMap((byte) => splitter.push(Buffer.from([byte])))
    expect(got).toEqual([packet])
  })

  it.each([0, 27, packetMaxBytes + 1, 0xff_ff_ff_ff])('refuses a length of %s at once', (length) => {
    expect(() => new PacketSplitter().push(lengthWord(length))).toThrow(XdrError)
  })

  it('waits for a large packet without making room for it first', () => {
    const before = process.memoryUsage().arrayBuffers
    const splitters = Array.from({ length: 50 }, () => {
      const splitter = new PacketSplitter()
      expect(splitter.push(lengthWord(packetMaxBytes))).toEqual([])
      return splitter
    })
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(packetMaxBytes)
    expect(splitters).toHaveLength(50)
  })

  it('never hangs or throws anything else on random bytes', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 100 })), (chunks) => {
        const splitter = new PacketSplitter()
        const error = errorOf(() => chunks.map((chunk) => splitter.push(Buffer.from(chunk))))
        expect(error === undefined || error instanceof XdrError).toBe(true)
      }),
    )
  })
})

function errorOf(work: () => unknown): unknown {
  try {
    work()
    return undefined
  } catch (error) {
    return error
  }
}
