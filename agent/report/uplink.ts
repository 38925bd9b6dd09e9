import { Client, Metadata, type ClientDuplexStream } from '@grpc/grpc-js'

import { Backoff } from '../../common/backoff.js'
import { pause } from '../../common/lifecycle.js'
import { LimitedLog } from '../../common/limited-log.js'
import type { Log } from '../../common/log.js'
import { controllerServerName } from '../../common/tls.js'
import { AgentService, ToAgent, type Welcome } from '../../proto/gen/headroom/v1/agent.js'
import type { AllowRule } from '../../common/allow-rules.js'
import { callEndOf, type CallEnd } from './call-end.js'
import type { CertificateRequest } from './certificate-request.js'
import { auditMarksFromWire, commandFromWire } from './command-from-wire.js'
import { auditHeadToWire, commandUpdateToWire, type HeadToTell, type UpdateToTell } from './command-to-wire.js'
import { Credential } from './credential.js'
import { channelCredentials } from './enrol.js'
import type { Identity } from './identity.js'
import type { CommandSpec } from '../commands/command-record.js'
import type { ClockReading } from './machine-clock.js'
import type { DiskSpool, SpoolEntry } from './disk-spool.js'
import type { SpoolSet } from './spool-set.js'
import { encodeMessage, helloToWire, type Introduction } from './to-wire.js'

/** Intervals that the controller asks for, milliseconds; undefined leaves the agent's own. */
export interface AskedIntervals {
  readonly stateMs: number | undefined
  readonly fastMs: number | undefined
  readonly blockMs: number | undefined
  readonly guestMemoryMs: number | undefined
  readonly inventoryMs: number | undefined
}

/** What runs commands and tells of them. Absent: none are run. */
export interface CommandPort {
  readonly allow: readonly AllowRule[]
  /** Names of programs that read or write much. */
  readonly bulkPrograms?: readonly string[]
  /** A session is open: everything that is not acked is to be told again. */
  begin(clockOffsetMs: number): void
  receive(spec: CommandSpec): void
  /** What came as a command was none. */
  malformed(): void
  cancel(id: string, actor: string): void
  acked(id: string, revision: number): void
  /** Where the controller's audit log stands, and what it has seen of ours. */
  heard(marks: ReturnType<typeof auditMarksFromWire>): void
  /** The next that is to be told; undefined: nothing now. */
  nextUpdate(): UpdateToTell | undefined
  nextHead(): HeadToTell | undefined
}

export interface UplinkOptions {
  readonly address: string
  readonly dataDir: string
  readonly version: string
  readonly spools: SpoolSet
  /** Hosts as they are now: asked for at each new session. */
  readonly introductions: () => readonly Introduction[]
  /** Encoded inventories by host, sent after each welcome. */
  readonly inventories: () => ReadonlyMap<string, Buffer>
  readonly onSettings: (asked: AskedIntervals) => void
  readonly commands?: CommandPort | undefined
  /** Made in this process if absent. */
  readonly certificateRequest?: (() => Promise<CertificateRequest>) | undefined
  /** Reads this machine's clock against the time since its boot; says nothing if absent. */
  readonly clock?: (() => ClockReading) | undefined
  readonly log: Log
  readonly now: () => number
  /** How often the certificate's age is looked at; an hour if absent. */
  readonly checkRenewalMs?: number
  /** The least time between two tries where only a person can help; a minute if absent. */
  readonly holdMs?: number
}

type NextReport = SpoolEntry & { readonly spoolId: string }

const welcomeWithinMs = 15_000
/** A welcome that took longer says more of the way than of our clock. */
const slowWelcomeMs = 500
const lastAcksWithinMs = 2000
/** After a break in which more than this many reports gathered, they become backlog, and fresh ones go before them. */
const retireAbove = 200
/** Reports of one spool of the backlog that may be on their way at once. */
const backlogWindow = 64
/** Spools of the backlog that one hello names: as many as a controller keeps in mind for an agent. */
const mostSpoolsNamed = 256
/** What controllers take unless they say otherwise. */
const defaultMaxMessageBytes = 4 * 1024 * 1024
/** A controller that takes less than this takes nothing: it is not believed. */
const leastMaxMessageBytes = 64 * 1024
/** Of what a controller says: a welcome that names as many spools and hosts as there may be. */
const mostAnswerBytes = 256 * 1024
/** A session that ended sooner was none: the wait before the next one grows. */
const lastingSessionMs = 10_000
/** Lines about sessions that end in one way: a controller that is away ends a try every few seconds. */
const endLines = { most: 2, windowMs: 600_000, mostKeys: 32 } as const
/** Lines about what a controller should not say, in a minute. */
const oddLines = { most: 3, windowMs: 60_000, mostKeys: 10 } as const

/**
 * The agent's one stream to its controller: opens it, sends the spool in order, drops what is acked, and comes back with
 * jitter when it breaks. The loop ends with `stop`.
 */
export class Uplink {
  readonly #stop = new AbortController()
  #stream: ClientDuplexStream<Buffer, ToAgent> | undefined
  #welcomed = false
  /** Of each spool that the controller knows in this session: the last number that was sent. */
  readonly #sent = new Map<string, number>()
  /** Spools of the backlog in the last hello. */
  #named: readonly string[] = []
  /** The backlog as it was looked at last for what to name. */
  #seenBacklog: readonly DiskSpool[] = []
  #helloIsOld = false
  /** Under whose identity the present spool's reports were numbered. */
  #numberedBy: string | undefined
  /** Those that wait until the stream takes more: the newest of each host. */
  #inventories = new Map<string, Buffer>()
  /** When the first hello of the session was said, and how long its answer took; monotonic milliseconds. */
  #saidAt = 0
  #answeredAfterMs: number | undefined
  #reconnects = 0
  #maxMessageBytes = defaultMaxMessageBytes
  #tooLarge = 0
  #running: Promise<unknown> | undefined
  readonly #credential: Credential
  readonly #odd: LimitedLog
  readonly #ends: LimitedLog
  /** The session was closed to be opened with a fresh certificate. */
  #reopening = false

  constructor(
    private readonly options: UplinkOptions,
    identity: Identity,
  ) {
    const { checkRenewalMs, holdMs } = options
    this.#odd = new LimitedLog(options.log, oddLines)
    this.#ends = new LimitedLog(options.log, endLines)
    this.#credential = new Credential(
      {
        dataDir: options.dataDir,
        address: options.address,
        log: options.log,
        now: options.now,
        certificateRequest: options.certificateRequest,
        ...(checkRenewalMs === undefined ? {} : { checkRenewalMs }),
        ...(holdMs === undefined ? {} : { holdMs }),
        onRenewed: () => this.#reopen(),
      },
      identity,
    )
  }

  start(): void {
    this.#running = Promise.all([this.#loop(), this.#credential.run(this.#stop.signal)])
  }

  get connected(): boolean {
    return this.#welcomed
  }

  /** Why there is no session, where it is more than a network; empty otherwise. */
  get problem(): string {
    return this.#credential.problem
  }

  get reconnects(): number {
    return this.#reconnects
  }

  /** Messages that were larger than the controller takes: left out, or they would end every session anew. */
  get tooLarge(): number {
    return this.#tooLarge
  }

  /** Sends an inventory if a session is open; a new session asks for all of them anyway. */
  sendInventory(hostId: string, encoded: Buffer): void {
    if (!this.#welcomed) return
    this.#inventories.set(hostId, encoded)
    this.#pump()
  }

  /** There is something to tell of commands. */
  tellOfCommands(): void {
    this.#pump()
  }

  /** Says hello again inside the session: what the hosts can do has changed, our clock was set, or the backlog is gone. */
  introduceAgain({ clockWasSet = false }: { readonly clockWasSet?: boolean } = {}): void {
    if (clockWasSet) this.#answeredAfterMs = undefined
    // A hello that is on its way says what was: the answer to it is waited for.
    this.#helloIsOld = true
    this.#pump()
  }

  /** Gives what is unacked a moment to arrive, and ends. */
  async stop(): Promise<void> {
    const patience = AbortSignal.timeout(lastAcksWithinMs)
    while (this.#welcomed && this.options.spools.current.size > 0 && !patience.aborted) await pause(20, patience)
    this.#stop.abort()
    this.#stream?.cancel()
    await this.#running
  }

  async #loop(): Promise<void> {
    const backoff = new Backoff({ baseMs: 250, capMs: 5000 })
    const { signal } = this.#stop
    const { log, address } = this.options
    while (!signal.aborted) {
      try {
        this.#reopening = false
        const end = (await this.#credential.prepare(signal)) ?? (await this.#session(backoff))
        if (signal.aborted) return
        if (this.#reopening) continue
        this.#reconnects += 1
        this.#ends.warn(`${end.code} ${end.reason}`, performance.now(), { end, controller: address }, 'session ended')
        await this.#credential.settle(end, signal)
      } catch (error) {
        log.error({ err: error }, 'a session failed by a fault of the agent')
      }
      await pause(backoff.nextMs(), signal)
    }
  }

  #reopen(): void {
    if (this.#stream === undefined) return
    this.#reopening = true
    this.#stream.cancel()
  }

  /** One session from hello to its end. */
  async #session(backoff: Backoff): Promise<CallEnd> {
    const { address, spools, log } = this.options
    const client = new Client(address, channelCredentials(this.#credential.identity), {
      'grpc.ssl_target_name_override': controllerServerName,
      'grpc.keepalive_time_ms': 20_000,
      'grpc.keepalive_timeout_ms': 10_000,
      'grpc.per_rpc_retry_buffer_size': 65_536,
      'grpc.enable_retries': 0,
      'grpc.max_receive_message_length': mostAnswerBytes,
    })
    const stream = client.makeBidiStreamRequest(
      AgentService.session.path,
      (encoded: Buffer) => encoded,
      (bytes: Buffer) => ToAgent.decode(bytes),
      new Metadata(),
    )
    this.#stream = stream
    const ended = new Promise<CallEnd>((resolve) => {
      stream.on('error', (error) => resolve(callEndOf(error)))
      stream.on('status', (end: unknown) => resolve(callEndOf(end)))
    })
    const slow = setTimeout(() => stream.cancel(), welcomeWithinMs)
    let welcomedAt = Infinity
    stream.on('data', (message: ToAgent) => {
      if (message.message?.$case === 'welcome' && !this.#welcomed) {
        clearTimeout(slow)
        welcomedAt = performance.now()
        const most = message.message.value.limits?.maxMessageBytes || defaultMaxMessageBytes
        this.#maxMessageBytes = Math.max(most, leastMaxMessageBytes)
        this.#onWelcome(message.message.value)
      } else this.#onMessage(message)
    })
    stream.on('drain', () => this.#pump())
    // The controller begins with its headers. Said earlier, what is in the hello, our clock above all, would be old on arrival.
    stream.once('metadata', () => {
      const { agentId } = this.#credential.identity
      // To the controller this is another agent, which has delivered none of the numbers before.
      if (this.#numberedBy !== undefined && this.#numberedBy !== agentId) spools.beginAnew()
      else spools.retire(retireAbove)
      this.#numberedBy = agentId
      this.#saidAt = performance.now()
      this.#answeredAfterMs = undefined
      stream.write(this.#hello())
    })
    const end = await ended
    clearTimeout(slow)
    if (performance.now() - welcomedAt >= lastingSessionMs) backoff.reset()
    this.#welcomed = false
    this.#stream = undefined
    spools.onAdd(undefined)
    client.close()
    log.debug({ end }, 'stream ended')
    return end
  }

  #hello(): Buffer {
    const { spools, version, introductions, now, clock } = this.options
    const { current } = spools
    const backlog = spoolsToName(spools.backlog)
    this.#named = backlog.map(({ id }) => id)
    this.#seenBacklog = spools.backlog
    return encodeMessage(
      helloToWire({
        agentId: this.#credential.identity.agentId,
        version,
        spoolId: current.id,
        nextSeq: current.nextSeq,
        oldestSeq: current.oldestSeq,
        droppedReports: spools.dropped + this.#tooLarge,
        backlog,
        wallMs: now(),
        answeredAfterMs: this.#answeredAfterMs,
        hosts: introductions(),
        allow: this.options.commands?.allow ?? [],
        bulkPrograms: this.options.commands?.bulkPrograms ?? [],
        utcOffsetMinutes: -new Date(now()).getTimezoneOffset(),
        ...(clock === undefined ? {} : { clock: clock() }),
      }),
    )
  }

  #onWelcome({ clockOffsetMs, lastSeq, refusedHostIds, backlog }: Welcome): void {
    this.#answeredAfterMs = performance.now() - this.#saidAt
    const offsetMs = Number(clockOffsetMs)
    this.#credential.welcomed(offsetMs > 0 ? Math.max(0, offsetMs - this.#answeredAfterMs) : offsetMs)
    if (offsetMs !== 0 && this.#answeredAfterMs > slowWelcomeMs) this.#helloIsOld = true
    const { spools, log, inventories } = this.options
    if (refusedHostIds.length > 0)
      log.warn({ refusedHostIds }, 'the controller does not let this agent speak for these hosts')
    this.#sent.clear()
    for (const { spoolId, throughSeq } of [{ spoolId: spools.current.id, throughSeq: lastSeq }, ...backlog]) {
      this.#begin(spoolId, Number(throughSeq))
    }
    this.#welcomed = true
    this.#inventories = new Map(inventories())
    this.options.commands?.begin(offsetMs)
    spools.onAdd(() => this.#pump())
    log.info({ controller: this.options.address, waiting: spools.size }, 'connected')
    this.#pump()
  }

  #onMessage({ message }: ToAgent): void {
    switch (message?.$case) {
      case 'ack':
        this.#onAck(message.value.spoolId, Number(message.value.throughSeq))
        break
      case 'settings': {
        if (message.value.renewCertificate) this.#credential.askToRenew()
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
      case 'command': {
        const spec = commandFromWire(message.value)
        if (spec !== undefined) this.options.commands?.receive(spec)
        else {
          this.#odd.warn('command', performance.now(), {}, 'a command that is none, left out')
          this.options.commands?.malformed()
        }
        break
      }
      case 'cancel':
        this.options.commands?.cancel(message.value.id, message.value.actor.slice(0, 200))
        break
      case 'updateAck':
        this.options.commands?.acked(message.value.id, Number(message.value.revision))
        break
      case 'auditHead':
        this.options.commands?.heard(auditMarksFromWire(message.value))
        break
      case 'welcome':
      case undefined:
        this.options.log.debug({ message: message?.$case ?? 'unknown' }, 'message ignored')
    }
  }

  /** What was not sent in this session cannot be acked in it, but for the first ack of a spool that a later hello named. */
  #onAck(spoolId: string, throughSeq: number): void {
    const sent = this.#sent.get(spoolId)
    if (sent === undefined && this.#named.includes(spoolId)) {
      this.#begin(spoolId, throughSeq)
    } else {
      if (throughSeq > (sent ?? 0))
        this.#odd.warn('ack', performance.now(), { spoolId, throughSeq, sent }, 'ack of what was not sent')
      this.options.spools.ack(spoolId, Math.min(throughSeq, sent ?? 0))
    }
    this.#pump()
  }

  /** The controller knows a spool of ours, and what is durable of it: that waits no more, and the rest can be sent. */
  #begin(spoolId: string, throughSeq: number): void {
    const { spools } = this.options
    const spool = spools.find(spoolId)
    if (spool === undefined) return
    // Of what was never numbered nothing can be durable.
    const through = Math.min(throughSeq, spool.nextSeq - 1)
    this.#sent.set(spoolId, through)
    spools.ack(spoolId, through)
  }

  /**
   * Names the next spools of the backlog when half of those that were named are gone. That there is no backlog any more is said
   * too: the controller keeps something for each spool of it.
   */
  #followBacklog(): void {
    const { backlog } = this.options.spools
    if (backlog === this.#seenBacklog) return
    this.#seenBacklog = backlog
    const ids = new Set(backlog.map(({ id }) => id))
    const waiting = this.#named.filter((id) => ids.has(id)).length
    const isDone = backlog.length === 0 && this.#named.length > 0
    if (isDone || (waiting < backlog.length && waiting <= mostSpoolsNamed / 2)) this.#helloIsOld = true
  }

  /**
   * Says what has changed before all else: it says how what follows is to be taken. A stream that is full gets none of it: the last
   * word is enough when it takes more.
   */
  #sayWhatChanged(stream: ClientDuplexStream<Buffer, ToAgent>): void {
    if (this.#helloIsOld && !stream.writableNeedDrain) {
      this.#helloIsOld = false
      stream.write(this.#hello())
    }
    for (const [hostId, encoded] of this.#inventories) {
      if (stream.writableNeedDrain) return
      this.#inventories.delete(hostId)
      if (this.#fits(encoded)) stream.write(encoded)
    }
  }

  /** Writes reports until the stream is full, the fresh ones first; `drain` and acks go on. */
  #pump(): void {
    const stream = this.#stream
    if (stream === undefined || !this.#welcomed) return
    this.#followBacklog()
    this.#sayWhatChanged(stream)
    this.#tellOfCommands(stream)
    while (!stream.writableNeedDrain) {
      const next = this.#nextReport()
      if (next === undefined) return
      const { spoolId, seq, report } = next
      if (this.#fits(report)) stream.write(report)
      // No ack would ever come for it, if it is the last of its spool.
      else this.options.spools.giveUp(spoolId, seq)
    }
  }

  /** Before reports: a person waits for it. */
  #tellOfCommands(stream: ClientDuplexStream<Buffer, ToAgent>): void {
    const { commands } = this.options
    if (commands === undefined) return
    while (!stream.writableNeedDrain) {
      const update = commands.nextUpdate()
      if (update !== undefined) {
        stream.write(encodeMessage(commandUpdateToWire(update)))
        continue
      }
      const head = commands.nextHead()
      if (head === undefined) return
      stream.write(encodeMessage(auditHeadToWire(head)))
    }
  }

  /** The backlog is sent oldest first, a window at a time, so that a fresh report never waits behind much of it. */
  #nextReport(): NextReport | undefined {
    const { current, backlog } = this.options.spools
    const fresh = this.#take(current, Infinity)
    if (fresh !== undefined) return fresh
    for (const spool of backlog) {
      const late = this.#take(spool, backlogWindow)
      if (late !== undefined) return late
    }
    return undefined
  }

  #take(spool: DiskSpool, window: number): NextReport | undefined {
    const sent = this.#sent.get(spool.id)
    if (sent === undefined || sent - spool.oldestSeq + 1 >= window) return undefined
    const entry = spool.after(sent)
    if (entry === undefined) return undefined
    this.#sent.set(spool.id, entry.seq)
    return { spoolId: spool.id, ...entry }
  }

  #fits(encoded: Buffer): boolean {
    if (encoded.length <= this.#maxMessageBytes) return true
    this.#tooLarge += 1
    this.options.log.error({ bytes: encoded.length, most: this.#maxMessageBytes }, 'a message is too large: left out')
    return false
  }
}

/**
 * The oldest, and the newest: the controller has to know that what was the present in the session before is backlog now, since its
 * reports go on from there.
 */
function spoolsToName(backlog: readonly DiskSpool[]): readonly DiskSpool[] {
  if (backlog.length <= mostSpoolsNamed) return backlog
  return [...backlog.slice(0, mostSpoolsNamed - 1), ...backlog.slice(-1)]
}
