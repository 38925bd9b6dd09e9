import { XdrError } from './xdr.js'

/**
 * Framing of libvirt's RPC: a length that includes itself, six words of header, a payload in XDR.
 * Source of the numbers: libvirt's virnetprotocol.x and virkeepaliveprotocol.x.
 */
export interface Packet {
  readonly program: number
  readonly version: number
  readonly procedure: number
  readonly type: number
  readonly serial: number
  readonly status: number
  readonly payload: Buffer
}

export const remoteProgram = 0x20008086
export const keepAliveProgram = 0x6b656570
export const protocolVersion = 1

export const packetType = { call: 0, reply: 1, message: 2 } as const
export const packetStatus = { ok: 0, error: 1 } as const
export const keepAliveProcedure = { ping: 1, pong: 2 } as const

const lengthBytes = 4
const headerBytes = 28
/** libvirt's VIR_NET_MESSAGE_MAX, and the length word that it does not count. */
export const packetMaxBytes = 33_554_432 + lengthBytes

export function encodePacket(packet: Packet): Buffer {
  const { payload } = packet
  const bytes = Buffer.allocUnsafe(headerBytes + payload.length)
  const words = [
    bytes.length,
    packet.program,
    packet.version,
    packet.procedure,
    packet.type,
    packet.serial,
    packet.status,
  ]
  for (const [index, word] of words.entries()) bytes.writeUInt32BE(word, index * 4)
  payload.copy(bytes, headerBytes)
  return bytes
}

/** Cuts a stream of bytes into packets. Holds at most one unfinished packet, and only bytes that really came. */
export class PacketSplitter {
  #chunks: Buffer[] = []
  #held = 0

  /** @throws XdrError if a length is impossible; the stream is lost then */
  push(chunk: Buffer): Packet[] {
    this.#chunks.push(chunk)
    this.#held += chunk.length
    const packets: Packet[] = []
    for (;;) {
      const length = this.#peekLength()
      if (length === undefined || this.#held < length) return packets
      const all = this.#chunks.length === 1 ? this.#chunks[0] : undefined
      const bytes = all ?? Buffer.concat(this.#chunks)
      packets.push(decode(bytes.subarray(0, length)))
      this.#chunks = bytes.length > length ? [bytes.subarray(length)] : []
      this.#held = bytes.length - length
    }
  }

  #peekLength(): number | undefined {
    if (this.#held < lengthBytes) return undefined
    const first = this.#chunks[0]
    if (first !== undefined && first.length < lengthBytes) this.#chunks = [Buffer.concat(this.#chunks)]
    const length = this.#chunks[0]?.readUInt32BE(0) ?? 0
    if (length < headerBytes || length > packetMaxBytes) throw new XdrError(`a packet of ${length} bytes`)
    return length
  }
}

function decode(bytes: Buffer): Packet {
  return {
    program: bytes.readUInt32BE(4),
    version: bytes.readUInt32BE(8),
    procedure: bytes.readUInt32BE(12),
    type: bytes.readUInt32BE(16),
    serial: bytes.readUInt32BE(20),
    status: bytes.readUInt32BE(24),
    payload: bytes.subarray(headerBytes),
  }
}
