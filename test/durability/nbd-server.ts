import { createServer, type Socket } from 'node:net'

import type { VolatileDisk } from './volatile-disk.js'

/**
 * Serves a disk on a unix socket by the protocol of network block devices: fixed newstyle handshake, simple replies.
 * https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md
 */
export interface NbdServer {
  close(): Promise<void>
}

const magic = Buffer.from('NBDMAGIC')
const optionMagic = Buffer.from('IHAVEOPT')
const optionReplyMagic = 0x3e889045565a9n
const requestMagic = 0x25609513
const replyMagic = 0x67446698

const handshakeFlags = { fixedNewstyle: 1, noZeroes: 2 } as const
const options = { exportName: 1, abort: 2, info: 6, go: 7 } as const
const optionReplies = { ack: 1, info: 3, unsupported: 0x8000_0001 } as const
/** Has flags, can flush. */
const transmissionFlags = 0b101
const commands = { read: 0, write: 1, disconnect: 2, flush: 3 } as const
const einval = 22

export async function serveDisk(disk: VolatileDisk, socketPath: string): Promise<NbdServer> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    serve(socket, disk).catch((error: unknown) => {
      // The kernel's side hung up: that is how every round ends.
      socket.destroy(error instanceof Error ? error : undefined)
    })
    socket.on('error', () => undefined)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(socketPath, () => resolve())
  })
  return {
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy()
        server.close(() => resolve())
      }),
  }
}

async function serve(socket: Socket, disk: VolatileDisk): Promise<void> {
  const input = new ByteReader(socket)
  socket.write(Buffer.concat([magic, optionMagic, u16(handshakeFlags.fixedNewstyle | handshakeFlags.noZeroes)]))
  const clientFlags = (await input.take(4)).readUInt32BE()
  if (!(await haggle(input, socket, { disk, zeroes: (clientFlags & handshakeFlags.noZeroes) === 0 }))) return
  for (;;) {
    const head = await input.take(28)
    if (head.readUInt32BE() !== requestMagic) throw new Error('not a request')
    const command = head.readUInt16BE(6)
    const handle = head.subarray(8, 16)
    const offset = Number(head.readBigUInt64BE(16))
    const length = head.readUInt32BE(24)
    const answer = (error: number, data: Buffer = Buffer.alloc(0)): void => {
      socket.write(Buffer.concat([u32(replyMagic), u32(error), handle, data]))
    }
    switch (command) {
      case commands.read:
        answer(0, disk.read(offset, length))
        break
      case commands.write:
        disk.write(offset, await input.take(length))
        answer(0)
        break
      case commands.flush:
        disk.flush()
        answer(0)
        break
      case commands.disconnect:
        socket.end()
        return
      default:
        answer(einval)
    }
  }
}

/** Goes through the client's options. False if it only asked. */
async function haggle(
  input: ByteReader,
  socket: Socket,
  { disk, zeroes }: { readonly disk: VolatileDisk; readonly zeroes: boolean },
): Promise<boolean> {
  const size = Buffer.alloc(8)
  size.writeBigUInt64BE(BigInt(disk.sizeBytes))
  for (;;) {
    const head = await input.take(16)
    if (!head.subarray(0, 8).equals(optionMagic)) throw new Error('not an option')
    const option = head.readUInt32BE(8)
    await input.take(head.readUInt32BE(12))
    const reply = (type: number, data: Buffer = Buffer.alloc(0)): void => {
      const magicBytes = Buffer.alloc(8)
      magicBytes.writeBigUInt64BE(optionReplyMagic)
      socket.write(Buffer.concat([magicBytes, u32(option), u32(type), u32(data.length), data]))
    }
    switch (option) {
      case options.exportName:
        socket.write(Buffer.concat([size, u16(transmissionFlags), Buffer.alloc(zeroes ? 124 : 0)]))
        return true
      case options.abort:
        reply(optionReplies.ack)
        socket.end()
        return false
      case options.info:
      case options.go:
        reply(optionReplies.info, Buffer.concat([u16(0), size, u16(transmissionFlags)]))
        reply(optionReplies.ack)
        if (option === options.go) return true
        break
      default:
        reply(optionReplies.unsupported)
    }
  }
}

/** Bytes of a socket by count. */
class ByteReader {
  #chunks: Buffer[] = []
  #bytes = 0
  #wanted:
    | { readonly count: number; readonly give: (bytes: Buffer) => void; readonly fail: (error: Error) => void }
    | undefined
  #over: Error | undefined

  constructor(socket: Socket) {
    socket.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk)
      this.#bytes += chunk.length
      this.#serve()
    })
    socket.on('close', () => {
      this.#over = new Error('the connection is closed')
      this.#wanted?.fail(this.#over)
    })
  }

  /** One call at a time. @throws Error when the connection has ended */
  take(count: number): Promise<Buffer> {
    return new Promise((give, fail) => {
      if (this.#over !== undefined) fail(this.#over)
      this.#wanted = { count, give, fail }
      this.#serve()
    })
  }

  #serve(): void {
    const wanted = this.#wanted
    if (wanted === undefined || this.#bytes < wanted.count) return
    const all = this.#chunks.length === 1 ? this.#chunks[0] : Buffer.concat(this.#chunks)
    if (all === undefined) return
    const rest = all.subarray(wanted.count)
    this.#chunks = rest.length === 0 ? [] : [rest]
    this.#bytes = rest.length
    this.#wanted = undefined
    wanted.give(all.subarray(0, wanted.count))
  }
}

function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16BE(value)
  return bytes
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
