import type { Duplex } from 'node:stream'

import { HypervisorUnavailable } from '../hypervisor.js'
import type { Endpoint } from './endpoint.js'
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
} from './packet.js'
import { CallAbandoned, readError, type LateEnd } from './rpc-error.js'
import { XdrReader } from './xdr.js'

export interface CallOptions {
  /** Milliseconds from now, waiting for a free request included. */
  readonly deadlineMs?: number
  readonly signal?: AbortSignal
}

/** Whatever can make a call: a connection, or a part of one that belongs to one VM for a while. */
export interface Caller {
  /**
   * @returns the reply's payload
   * @throws LibvirtError, CallAbandoned, HypervisorUnavailable, XdrError
   */
  call(procedure: number, args: Buffer, options?: CallOptions): Promise<XdrReader>
}

export interface ConnectionOptions {
  readonly endpoint: Endpoint
  /** Requests that may be open at once. libvirtd reads no more from a client that has `max_client_requests` (5) open. */
  readonly maxInFlight?: number
  readonly deadlineMs?: number
  readonly keepAliveMs?: number
  /** An event that the daemon sends by itself. */
  readonly onMessage?: (procedure: number, payload: XdrReader) => void
}

interface Pending {
  readonly serial: number
  readonly bytes: Buffer
  readonly answered: (payload: XdrReader) => void
  readonly failed: (error: Error) => void
}

const maxWaiting = 4096
/** Unanswered keep-alive intervals after which the daemon counts as gone. */
const silentIntervals = 3

/**
 * One connection to a libvirt daemon. Calls beyond `maxInFlight` wait in order (at most 4096); one that was
 * abandoned keeps its place until the daemon answers it. When the connection ends, all that is pending is rejected.
 */
export class RpcConnection implements Caller {
  readonly #socket: Duplex
  readonly #options: Required<Omit<ConnectionOptions, 'onMessage'>> & Pick<ConnectionOptions, 'onMessage'>
  readonly #splitter = new PacketSplitter()
  readonly #inFlight = new Map<number, Pending>()
  /** Of those, the ones that nobody waits for any more. */
  readonly #abandoned = new Set<number>()
  #waiting: Pending[] = []
  #serial = 0
  #silent = 0
  #ended: Error | undefined
  readonly #keepAlive: NodeJS.Timeout
  /** Resolves, with the reason, when the connection has ended. */
  readonly ended: Promise<Error>
  readonly #end: (error: Error) => void

  private constructor(socket: Duplex, options: ConnectionOptions) {
    this.#socket = socket
    this.#options = { maxInFlight: 4, deadlineMs: 5000, keepAliveMs: 5000, ...options }
    let end: (error: Error) => void = () => undefined
    this.ended = new Promise((resolve) => {
      end = resolve
    })
    this.#end = end
    const { name } = options.endpoint
    socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    socket.on('error', (error) => this.#finish(`the connection to ${name} failed: ${error.message}`, error))
    socket.on('close', () => this.#finish(`${name} closed the connection`))
    this.#keepAlive = setInterval(() => this.#checkLife(), this.#options.keepAliveMs)
    this.#keepAlive.unref()
  }

  /** @throws HypervisorDenied, HypervisorUnavailable */
  static async connect(options: ConnectionOptions): Promise<RpcConnection> {
    return new RpcConnection(await options.endpoint.dial(), options)
  }

  get open(): boolean {
    return this.#ended === undefined
  }

  /** Every place is held by a call that was abandoned: nothing more gets through until one is answered. */
  get isClogged(): boolean {
    return this.#abandoned.size >= this.#options.maxInFlight
  }

  call(procedure: number, args: Buffer, options: CallOptions = {}): Promise<XdrReader> {
    const { deadlineMs = this.#options.deadlineMs, signal } = options
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) return reject(this.#ended)
      if (signal?.aborted === true) return reject(new CallAbandoned('aborted', Promise.resolve('lost'), 'aborted'))
      if (this.#waiting.length >= maxWaiting)
        return reject(new HypervisorUnavailable(`${maxWaiting} calls are waiting`))

      this.#serial = (this.#serial % 0x7f_ff_ff_ff) + 1
      const serial = this.#serial
      let endLate: (end: LateEnd) => void = () => undefined
      const late = new Promise<LateEnd>((resolveLate) => {
        endLate = resolveLate
      })
      let settled = false
      const abandon = (why: 'timeout' | 'aborted'): void => {
        if (settled) return
        settle()
        // One that was never sent is simply taken back.
        const before = this.#waiting.length
        this.#waiting = this.#waiting.filter((other) => other !== pending)
        if (this.#waiting.length < before) endLate('failed')
        else this.#abandoned.add(serial)
        const message = why === 'timeout' ? `no answer within ${Math.round(deadlineMs)} ms` : 'aborted'
        reject(new CallAbandoned(why, late, message))
      }
      // Once more around the event loop: after a pause of our own, the answer may lie unread in the socket.
      const timer = setTimeout(() => setImmediate(() => abandon('timeout')), Math.max(0, deadlineMs))
      const onAbort = (): void => abandon('aborted')
      signal?.addEventListener('abort', onAbort, { once: true })
      const settle = (): void => {
        settled = true
        clearTimeout(timer)
        signal?.removeEventListener('abort', onAbort)
      }
      const header = {
        program: remoteProgram,
        version: protocolVersion,
        type: packetType.call,
        status: packetStatus.ok,
      }
      const pending: Pending = {
        serial,
        bytes: encodePacket({ ...header, procedure, serial, payload: args }),
        answered: (payload) => {
          settle()
          endLate('answered')
          resolve(payload)
        },
        failed: (error) => {
          settle()
          endLate(this.#ended === undefined ? 'failed' : 'lost')
          reject(error)
        },
      }
      this.#waiting.push(pending)
      this.#sendWaiting()
    })
  }

  close(): void {
    this.#finish('the connection was closed')
  }

  #sendWaiting(): void {
    while (this.#inFlight.size < this.#options.maxInFlight) {
      const next = this.#waiting.shift()
      if (next === undefined) return
      this.#inFlight.set(next.serial, next)
      this.#socket.write(next.bytes)
    }
  }

  #receive(chunk: Buffer): void {
    this.#silent = 0
    try {
      for (const packet of this.#splitter.push(chunk)) this.#handle(packet)
    } catch (error) {
      this.#finish('the daemon sent what is no libvirt message', error)
    }
  }

  #handle(packet: Packet): void {
    if (packet.program === keepAliveProgram) {
      if (packet.procedure === keepAliveProcedure.ping) this.#sendKeepAlive(keepAliveProcedure.pong)
      return
    }
    if (packet.program !== remoteProgram) return
    const payload = new XdrReader(packet.payload)
    if (packet.type === packetType.message) {
      this.#options.onMessage?.(packet.procedure, payload)
      return
    }
    const pending = packet.type === packetType.reply ? this.#inFlight.get(packet.serial) : undefined
    if (pending === undefined) return
    // Read first: if it is malformed, the call ends with the connection.
    const error = packet.status === packetStatus.ok ? undefined : readError(payload)
    this.#inFlight.delete(packet.serial)
    this.#abandoned.delete(packet.serial)
    if (error === undefined) pending.answered(payload)
    else pending.failed(error)
    this.#sendWaiting()
  }

  #checkLife(): void {
    this.#silent += 1
    if (this.#silent > silentIntervals) this.#finish('the daemon gives no sign of life')
    else this.#sendKeepAlive(keepAliveProcedure.ping)
  }

  #sendKeepAlive(procedure: number): void {
    this.#socket.write(
      encodePacket({
        program: keepAliveProgram,
        version: protocolVersion,
        procedure,
        type: packetType.message,
        serial: 0,
        status: packetStatus.ok,
        payload: Buffer.alloc(0),
      }),
    )
  }

  #finish(message: string, cause?: unknown): void {
    if (this.#ended !== undefined) return
    const error = new HypervisorUnavailable(message, { cause })
    this.#ended = error
    clearInterval(this.#keepAlive)
    this.#socket.destroy()
    const pending = [...this.#inFlight.values(), ...this.#waiting]
    this.#inFlight.clear()
    this.#waiting = []
    for (const call of pending) call.failed(error)
    this.#end(error)
  }
}
