import { Client, Metadata, type ClientDuplexStream } from '@grpc/grpc-js'

import { Backoff } from '../../common/backoff.js'
import { pause } from '../../common/lifecycle.js'
import type { Log } from '../../common/log.js'
import { controllerServerName } from '../../common/tls.js'
import { AgentService, ToAgent } from '../../proto/gen/headroom/v1/agent.js'
import { channelCredentials, isRenewalDue, renewIdentity } from './enrol.js'
import type { Identity } from './identity.js'
import type { Spool } from './spool.js'
import { encodeMessage, helloToWire, type Introduction } from './to-wire.js'

/** Intervals that the controller asks for, milliseconds; undefined leaves the agent's own. */
export interface AskedIntervals {
  readonly stateMs: number | undefined
  readonly fastMs: number | undefined
  readonly blockMs: number | undefined
  readonly guestMemoryMs: number | undefined
  readonly inventoryMs: number | undefined
}

export interface UplinkOptions {
  readonly address: string
  readonly dataDir: string
  readonly version: string
  readonly spool: Spool<Buffer>
  /** Hosts as they are now: asked for at each new session. */
  readonly introductions: () => readonly Introduction[]
  /** Encoded inventories, sent after each welcome. */
  readonly inventories: () => readonly Buffer[]
  readonly onSettings: (asked: AskedIntervals) => void
  readonly log: Log
  readonly now: () => number
  /** How often the certificate's age is looked at; an hour if absent. */
  readonly checkRenewalMs?: number
}

const welcomeWithinMs = 15_000
const lastAcksWithinMs = 2000
const checkRenewalEveryMs = 3_600_000
/** What controllers take unless they say otherwise. */
const defaultMaxMessageBytes = 4 * 1024 * 1024

/**
 * The agent's one stream to its controller: opens it, sends the spool in order, drops what is acked, and comes back with
 * jitter when it breaks. The loop ends with `stop`.
 */
export class Uplink {
  readonly #stop = new AbortController()
  #stream: ClientDuplexStream<Buffer, ToAgent> | undefined
  #welcomed = false
  #sentSeq = 0
  #reconnects = 0
  #maxMessageBytes = defaultMaxMessageBytes
  #tooLarge = 0
  #running: Promise<unknown> | undefined
  #identity: Identity

  constructor(
    private readonly options: UplinkOptions,
    identity: Identity,
  ) {
    this.#identity = identity
  }

  start(): void {
    this.#running = Promise.all([this.#loop(), this.#renewalLoop()])
  }

  get connected(): boolean {
    return this.#welcomed
  }

  get reconnects(): number {
    return this.#reconnects
  }

  /** Messages that were larger than the controller takes: left out, or they would end every session anew. */
  get tooLarge(): number {
    return this.#tooLarge
  }

  /** Sends an inventory if a session is open; a new session asks for all of them anyway. */
  sendInventory(encoded: Buffer): void {
    if (this.#welcomed && this.#fits(encoded)) this.#stream?.write(encoded)
  }

  /** Says hello again inside the session: what the hosts can do has changed. */
  introduceAgain(): void {
    if (this.#welcomed) this.#stream?.write(this.#hello())
  }

  /** Gives what is unacked a moment to arrive, and ends. */
  async stop(): Promise<void> {
    const patience = AbortSignal.timeout(lastAcksWithinMs)
    while (this.#welcomed && this.options.spool.size > 0 && !patience.aborted) await pause(20, patience)
    this.#stop.abort()
    this.#stream?.cancel()
    await this.#running
  }

  async #loop(): Promise<void> {
    const backoff = new Backoff({ baseMs: 250, capMs: 5000 })
    const { signal } = this.#stop
    const { log, address } = this.options
    while (!signal.aborted) {
      const reason = await this.#session(backoff).catch((error: unknown) => {
        log.error({ err: error }, 'a session failed')
        return 'a fault of the agent'
      })
      if (signal.aborted) return
      this.#reconnects += 1
      const waitMs = backoff.nextMs()
      log.warn({ reason, controller: address, waitMs: Math.round(waitMs) }, 'session ended; connecting again')
      await pause(waitMs, signal)
    }
  }

  /** Renews in time, session or none: a certificate that expired in a long session could not open the next. */
  async #renewalLoop(): Promise<void> {
    const { signal } = this.#stop
    const { log, address, dataDir, now, checkRenewalMs = checkRenewalEveryMs } = this.options
    while (!signal.aborted) {
      try {
        if (isRenewalDue(this.#identity, now())) {
          this.#identity = await renewIdentity(this.#identity, { dataDir, address, signal })
          log.info('certificate renewed')
        }
      } catch (error) {
        if (!signal.aborted) log.warn({ err: error }, 'certificate could not be renewed; the present one is used on')
      }
      await pause(checkRenewalMs, signal)
    }
  }

  /** One session from hello to its end; gives the reason of the end. */
  async #session(backoff: Backoff): Promise<string> {
    const { address, spool, log } = this.options
    const client = new Client(address, channelCredentials(this.#identity), {
      'grpc.ssl_target_name_override': controllerServerName,
      'grpc.keepalive_time_ms': 20_000,
      'grpc.keepalive_timeout_ms': 10_000,
      'grpc.per_rpc_retry_buffer_size': 65_536,
      'grpc.enable_retries': 0,
      'grpc.max_receive_message_length': 4 * 1024 * 1024,
    })
    const stream = client.makeBidiStreamRequest(
      AgentService.session.path,
      (encoded: Buffer) => encoded,
      (bytes: Buffer) => ToAgent.decode(bytes),
      new Metadata(),
    )
    this.#stream = stream
    const ended = new Promise<string>((resolve) => {
      stream.on('error', (error) => resolve(error.message))
      stream.on('end', () => resolve('the controller closed the stream'))
    })
    const slow = setTimeout(() => stream.cancel(), welcomeWithinMs)
    stream.on('data', (message: ToAgent) => {
      if (message.message?.$case === 'welcome') {
        clearTimeout(slow)
        backoff.reset()
        this.#maxMessageBytes = message.message.value.limits?.maxMessageBytes || defaultMaxMessageBytes
        this.#onWelcome(Number(message.message.value.lastSeq), message.message.value.refusedHostIds)
      } else this.#onMessage(message)
    })
    stream.on('drain', () => this.#pump())
    stream.write(this.#hello())
    const reason = await ended
    clearTimeout(slow)
    this.#welcomed = false
    this.#stream = undefined
    spool.onAdd(undefined)
    client.close()
    log.debug({ reason }, 'stream ended')
    return reason
  }

  #hello(): Buffer {
    const { spool, version, introductions, now } = this.options
    return encodeMessage(
      helloToWire({
        agentId: this.#identity.agentId,
        version,
        spoolId: spool.id,
        nextSeq: spool.nextSeq,
        oldestSeq: spool.oldestSeq,
        droppedReports: spool.dropped,
        wallMs: now(),
        hosts: introductions(),
      }),
    )
  }

  #onWelcome(lastSeq: number, refusedHostIds: readonly string[]): void {
    const { spool, log, inventories } = this.options
    if (refusedHostIds.length > 0)
      log.warn({ refusedHostIds }, 'the controller does not let this agent speak for these hosts')
    spool.ack(lastSeq)
    this.#sentSeq = lastSeq
    this.#welcomed = true
    for (const inventory of inventories()) this.sendInventory(inventory)
    spool.onAdd(() => this.#pump())
    log.info({ controller: this.options.address, waiting: spool.size }, 'connected')
    this.#pump()
  }

  #onMessage({ message }: ToAgent): void {
    switch (message?.$case) {
      case 'ack':
        if (message.value.spoolId === this.options.spool.id) this.options.spool.ack(Number(message.value.throughSeq))
        break
      case 'settings': {
        const { stateIntervalMs, fastIntervalMs, blockIntervalMs, guestMemoryIntervalMs, inventoryIntervalMs } =
          message.value
        this.options.onSettings({
          stateMs: stateIntervalMs || undefined,
          fastMs: fastIntervalMs || undefined,
          blockMs: blockIntervalMs || undefined,
          guestMemoryMs: guestMemoryIntervalMs || undefined,
          inventoryMs: inventoryIntervalMs || undefined,
        })
        break
      }
      case 'command':
      case 'cancel':
        // The hello allowed no verb: a controller that sends one is at fault.
        this.options.log.warn({ message: message.$case }, 'refused: this agent observes only')
        break
      case 'welcome':
      case 'updateAck':
      case undefined:
        this.options.log.debug({ message: message?.$case ?? 'unknown' }, 'message ignored')
    }
  }

  /** Writes the spool until the stream is full; `drain` goes on. */
  #pump(): void {
    const stream = this.#stream
    if (stream === undefined || !this.#welcomed) return
    while (!stream.writableNeedDrain) {
      const entry = this.options.spool.after(this.#sentSeq)
      if (entry === undefined) return
      this.#sentSeq = entry.seq
      if (this.#fits(entry.report)) stream.write(entry.report)
    }
  }

  #fits(encoded: Buffer): boolean {
    if (encoded.length <= this.#maxMessageBytes) return true
    this.#tooLarge += 1
    this.options.log.error({ bytes: encoded.length, most: this.#maxMessageBytes }, 'a message is too large: left out')
    return false
  }
}
