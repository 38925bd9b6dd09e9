import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'

import {
  encodePacket,
  keepAliveProcedure,
  keepAliveProgram,
  packetStatus,
  packetType,
  PacketSplitter,
  protocolVersion,
  remoteProgram,
  type Packet,
} from '../../agent/hypervisor/libvirt/packet.js'
import { procedure } from '../../agent/hypervisor/libvirt/procedures.js'
import { XdrWriter } from '../../agent/hypervisor/libvirt/xdr.js'

/** What the daemon does with a call: answers with this payload, fails, or keeps silent. */
export type Answer = Buffer | { readonly code: number; readonly message: string } | 'silence'

export interface FakeDaemon {
  readonly path: string
  readonly connections: Socket[]
  readonly calls: Packet[]
  readonly pongs: Packet[]
  /** Answers a call that was met with silence. */
  answer(call: Packet, answer: Exclude<Answer, 'silence'>): void
  stop(): Promise<void>
}

/** A peer that speaks libvirt's framing on a real socket and behaves as badly as a test wants. */
export async function startFakeDaemon(
  answerOf: (call: Packet) => Answer = answerOpening,
  onConnect: (socket: Socket) => void = () => undefined,
  { answersPings = false }: { readonly answersPings?: boolean } = {},
): Promise<FakeDaemon> {
  const directory = await mkdtemp(path.join(tmpdir(), 'headroom-fake-libvirt-'))
  const connections: Socket[] = []
  const calls: Packet[] = []
  const pongs: Packet[] = []
  const from = new Map<Packet, Socket>()
  const reply = (call: Packet, answer: Exclude<Answer, 'silence'>): void => {
    from.get(call)?.write(encodeReply(call, answer))
  }
  const server = createServer((socket) => {
    connections.push(socket)
    socket.on('error', () => undefined)
    const splitter = new PacketSplitter()
    socket.on('data', (chunk) => {
      for (const packet of splitter.push(chunk)) {
        if (packet.program === keepAliveProgram) {
          pongs.push(packet)
          if (packet.procedure === keepAliveProcedure.ping && answersPings) socket.write(pong)
          continue
        }
        calls.push(packet)
        from.set(packet, socket)
        const answer = answerOf(packet)
        if (answer !== 'silence') reply(packet, answer)
      }
    })
    onConnect(socket)
  })
  const file = path.join(directory, 'sock')
  server.listen(file)
  await once(server, 'listening')
  return {
    path: file,
    connections,
    calls,
    pongs,
    answer: reply,
    stop: async () => {
      for (const socket of connections) socket.destroy()
      server.close()
      await once(server, 'close')
      await rm(directory, { recursive: true, force: true })
    },
  }
}

const pong = encodePacket({
  program: keepAliveProgram,
  version: protocolVersion,
  procedure: keepAliveProcedure.pong,
  type: packetType.message,
  serial: 0,
  status: packetStatus.ok,
  payload: Buffer.alloc(0),
})

/** Lets any client in and says yes to all it asks at first. */
export function answerOpening(call: Packet): Answer {
  if (call.procedure === procedure.authList)
    return new XdrWriter().array([0], (writer, type) => writer.int(type)).bytes()
  if (call.procedure === procedure.supportsFeature) return new XdrWriter().bool(true).bytes()
  return Buffer.alloc(0)
}

export function encodeReply(call: Packet, answer: Exclude<Answer, 'silence'>): Buffer {
  const isError = !Buffer.isBuffer(answer)
  return encodePacket({
    program: remoteProgram,
    version: protocolVersion,
    procedure: call.procedure,
    type: packetType.reply,
    serial: call.serial,
    status: isError ? packetStatus.error : packetStatus.ok,
    payload: isError ? encodeError(answer) : answer,
  })
}

function encodeError({ code, message }: { code: number; message: string }): Buffer {
  const writer = new XdrWriter().int(code).int(10)
  return writer.optional(message, (inner, text) => inner.string(text)).bytes()
}
