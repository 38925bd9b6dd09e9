import { setImmediate as nextTurn } from 'node:timers/promises'

import { status, type ServerDuplexStream } from '@grpc/grpc-js'

import { pause } from '../../common/lifecycle.js'
import type { Log } from '../../common/log.js'
import { FromAgent, type Hello, type ToAgent } from '../../proto/gen/headroom/v1/agent.js'
import type { Report } from '../../proto/gen/headroom/v1/report.js'
import type { AgentLink, CommandDesk } from '../commands/command-desk.js'
import type { Applied } from '../fleet/apply-report.js'
import type { Fleet } from '../fleet/fleet.js'
import type { FleetInput, ReportObservation } from '../model/observation.js'
import type { AgentQuotas } from './agent-quotas.js'
import { maySpeakFor, type AgentRegistry, type AgentRow } from './agent-registry.js'
import { admittedInventory, admittedReport, type Admitted } from './entity-budget.js'
import { ClockOffset, setOnBetween, type ClockReading } from './clock-offset.js'
import { auditMarksFromWire, commandUpdateFromWire, rulesFromWire } from './command-from-wire.js'
import { FieldCheck } from './field-check.js'
import { clockFromWire, hostsFromWire, inventoryFromWire, wireLimits } from './from-wire.js'
import { eachMessage, endWith, refusal } from './grpc-refusal.js'
import type { IngestMetrics } from './ingest-metrics.js'
import type { ClaimedHost } from './join-tokens.js'
import { hasFewParts } from './message-parts.js'
import type { OpenSession, OpenSessions, SessionEnd } from './open-sessions.js'
import type { RefusalNotes, Speaker } from './refusal-notes.js'
import { reportFromWire } from './report-from-wire.js'
import type { RememberedHosts } from './remembered-from-wire.js'
import type { ReportWriter } from './report-writer.js'
import { SessionOutbox } from './session-outbox.js'
import { areApart } from './settings-rounds.js'
import {
  ackToWire,
  auditHeadToWire,
  cancelToWire,
  commandToWire,
  settingsToWire,
  updateAckToWire,
  welcomeToWire,
  type Intervals,
} from './to-wire.js'

export interface SessionContext {
  /** Messages come as bytes: they are read when it is their turn. */
  readonly call: ServerDuplexStream<Buffer, ToAgent>
  readonly agent: AgentRow
  /** Key of the authority that issued the agent's certificate. */
  readonly issuerKeyHash: string
  /** Whether the authorities have changed since this agent was told them, or since its certificate was issued. */
  readonly renewalDue: boolean
  readonly fleet: Fleet
  readonly writer: ReportWriter
  readonly registry: AgentRegistry
  readonly metrics: IngestMetrics
  readonly notes: RefusalNotes
  readonly quotas: AgentQuotas
  readonly log: Log
  readonly now: () => number
  readonly intervals: () => Intervals
  readonly sessions: OpenSessions
  readonly remembered: RememberedHosts
  /** What sends commands and hears of them; absent: there are none. */
  readonly commands?: Pick<CommandDesk, 'attach' | 'detach' | 'update' | 'auditHead'>
  /** How long a session may stay without its hello. */
  readonly helloWithinMs?: number
}

const nothing: Applied = { points: [], events: [] }
const defaultHelloWithinMs = 10_000
/** An answer that took longer is not worth a word: the agent's network, not its clock, is at fault. */
const longestAnswerMs = 60_000

const sessionEnds = {
  'newer-session': [status.ABORTED, 'a newer session of this agent took over'],
  'agent-revoked': [status.PERMISSION_DENIED, 'this agent was revoked'],
  'grants-changed': [status.ABORTED, 'the hosts that this agent may speak for have changed'],
  'other-authority': [status.UNAUTHENTICATED, 'the authority of the certificate is trusted no more'],
} as const satisfies Record<SessionEnd, readonly [status, string]>

/** One agent's stream from hello to end. Resolves when it has ended; every message is handled before the next is read. */
export async function runSession(context: SessionContext): Promise<void> {
  const { call, agent, sessions, registry, metrics, notes, quotas, helloWithinMs = defaultHelloWithinMs } = context
  const who: Speaker = { agentId: agent.id, peer: call.getPeer() }
  const log = context.log.child(who)
  const gone = new AbortController()
  call.once('close', () => gone.abort())
  let over = false
  const end = (code: status, details: string, reason?: SessionEnd): void => {
    over = true
    gone.abort()
    endWith(call, refusal(code, details, reason))
  }
  let session: Session | undefined
  const open: OpenSession = {
    agent,
    issuerKeyHash: context.issuerKeyHash,
    get refusedHosts() {
      return session?.refusedHosts ?? []
    },
    speaksFor: (hostId) => session?.speaksFor(hostId) ?? false,
    askToRenew: () => session?.askToRenew(),
    tellIntervals: (intervals) => session?.tellIntervals(intervals) ?? false,
    end: (reason) => {
      const [code, details] = sessionEnds[reason]
      end(code, details, reason)
    },
  }
  sessions.get(agent.id)?.end('newer-session')
  sessions.set(agent.id, open)
  metrics.sessions.set(sessions.size)

  const greeting = setTimeout(() => {
    notes.call('no-hello', who)
    end(status.DEADLINE_EXCEEDED, 'no hello')
  }, helloWithinMs)
  try {
    await eachMessage(call, async (bytes: Buffer) => {
      if (over) return
      const receivedAt = context.now()
      const message = read(bytes)
      if (typeof message === 'string') {
        notes.message(message, who)
        return end(status.INVALID_ARGUMENT, `the message is ${message}`)
      }
      // Nothing more is read from it meanwhile: what it has to say waits with the agent.
      const waitMs = quotas.said(agent.id, message.message?.$case === 'report' ? 'report' : 'facts', bytes.length)
      if (waitMs > 0) {
        notes.slowed(waitMs, who)
        await pause(waitMs, gone.signal)
        if (over || gone.signal.aborted) return
      }
      if (session !== undefined) return session.handle(message)
      if (message.message?.$case !== 'hello') {
        notes.call('no-hello', who)
        return end(status.FAILED_PRECONDITION, 'the first message must be hello')
      }
      clearTimeout(greeting)
      // Whoever is revoked from now on finds this session and ends it; it may have happened just before.
      if ((await registry.find(agent.id)) === undefined) return open.end('agent-revoked')
      const around = { log, who, gone: gone.signal, end }
      session = await Session.open(context, message.message.value, receivedAt, around)
    })
    if (!over) call.end()
  } catch (error) {
    if (!call.destroyed) log.error({ err: error }, 'a message of an agent could not be handled')
    end(status.INTERNAL, 'internal error of the controller')
  } finally {
    clearTimeout(greeting)
    session?.close()
    if (sessions.get(agent.id) === open) {
      sessions.delete(agent.id)
      context.fleet.apply({ type: 'agent-disconnected', agentId: agent.id }, context.now())
      log.info('agent disconnected')
    }
    metrics.sessions.set(sessions.size)
  }
}

/** A message, or why it is not one to be taken in. */
function read(bytes: Buffer): FromAgent | 'malformed' | 'too-many-parts' {
  try {
    return hasFewParts(bytes) ? FromAgent.decode(bytes) : 'too-many-parts'
  } catch {
    return 'malformed'
  }
}

/** One of the agent's spools. */
interface SpoolTrack {
  /** Its name in the writer: agents may not touch each other's. */
  readonly markId: string
  /** Of an earlier life or an outage: what it holds says nothing of the present. */
  readonly isLate: boolean
}

/** The spools that a hello names and the present one of the session, that one last, so that it wins. */
function spoolsOf(
  hello: Pick<Hello, 'spoolId' | 'backlog'>,
  agentId: string,
  check: FieldCheck,
): ReadonlyMap<string, SpoolTrack> {
  const track = (spoolId: string, isLate: boolean): readonly [string, SpoolTrack] => {
    const id = check.text('hello.spool_id', spoolId, 64)
    return [id, { markId: `${agentId}/${id}`, isLate }]
  }
  const backlog = check.list('hello.backlog', hello.backlog, wireLimits.maxSpoolsPerAgent)
  return new Map([...backlog.map(({ spoolId }) => track(spoolId, true)), track(hello.spoolId, false)])
}

/** What surrounds a session. */
interface Surroundings {
  readonly log: Log
  readonly who: Speaker
  /** Aborts when the peer is gone: nothing waits for it then. */
  readonly gone: AbortSignal
  readonly end: (code: status, details: string) => void
}

class Session {
  readonly #outbox: SessionOutbox<ToAgent>
  #hostIds: ReadonlySet<string> = new Set()
  #refusedHosts: readonly ClaimedHost[] = []
  #settingsRevision = 0
  /** As the agent was told last. */
  #intervals: Intervals | undefined
  #hello: Hello
  #clock: ClockOffset | undefined
  #spools: ReadonlyMap<string, SpoolTrack> = new Map()
  /** By spool: ends the acks of it. */
  readonly #unsubscribes = new Map<string, () => void>()
  #rules: ReturnType<typeof rulesFromWire> = { allow: [], utcOffsetMinutes: 0, verbs: new Map() }
  readonly #link: AgentLink
  /** How the agent's clock stood at its last hello. */
  #reading: ClockReading = { boot: 0, baseMs: 0 }

  private constructor(
    private readonly context: SessionContext,
    /** Of its present reports, as the first hello of the session says. */
    private readonly presentSpoolId: string,
    private readonly around: Surroundings,
    hello: Hello,
  ) {
    this.#hello = hello
    this.#outbox = new SessionOutbox(context.call)
    this.#link = {
      agentId: context.agent.id,
      rules: () => this.#rules,
      speaksFor: (hostId) => this.#hostIds.has(hostId),
      send: (command, how) => this.#outbox.send(commandToWire(command, how)),
      cancel: (id, actor) => this.#outbox.say(`cancel ${id}`, cancelToWire(id, actor)),
      ack: (id, revision) => this.#outbox.say(`update ${id}`, updateAckToWire(id, revision)),
      tellHead: (marks) => this.#outbox.say('head', auditHeadToWire(marks)),
    }
  }

  static async open(context: SessionContext, hello: Hello, receivedAt: number, around: Surroundings): Promise<Session> {
    const { writer } = context
    const check = new FieldCheck()
    const session = new Session(context, hello.spoolId, around, hello)
    const { granted, refused } = await session.#introduce(hello, receivedAt, check)
    session.#noteMissing(hello)
    const durable = [...session.#spools].map(([spoolId, { markId, isLate }]) => {
      return { spoolId, isLate, throughSeq: writer.lastDurable(markId) }
    })
    session.#outbox.send(
      welcomeToWire({
        clockOffsetMs: session.#offsetMs,
        lastSeq: durable.find((spool) => !spool.isLate)?.throughSeq ?? 0,
        refusedHostIds: refused,
        backlog: durable.filter((spool) => spool.isLate),
      }),
    )
    session.#sendSettings(context.intervals(), { renewCertificate: context.renewalDue })
    session.#followSpools()
    context.commands?.attach(session.#link)
    around.log.info({ hosts: granted, version: hello.version, offsetMs: session.#offsetMs }, 'agent connected')
    return session
  }

  get refusedHosts(): readonly ClaimedHost[] {
    return this.#refusedHosts
  }

  speaksFor(hostId: string): boolean {
    return this.#hostIds.has(hostId)
  }

  askToRenew(): void {
    this.#sendSettings(this.context.intervals(), { renewCertificate: true })
  }

  tellIntervals(intervals: Intervals): boolean {
    if (this.#outbox.isBehind || !areApart(this.#intervals, intervals)) return false
    this.#sendSettings(intervals, { renewCertificate: false })
    return true
  }

  /**
   * Reports that the agent let go because they were acked, and of which the store knows nothing: it lost them, or an older one was put in
   * its place.
   */
  #noteMissing({ spoolId, oldestSeq, droppedReports }: Hello): void {
    const { writer, notes } = this.context
    const markId = this.#spools.get(spoolId)?.markId
    if (markId === undefined) return
    // Those that it dropped for want of room it tells of itself.
    const missing = Number(oldestSeq) - 1 - writer.lastDurable(markId) - Number(droppedReports)
    if (missing > 0) notes.missingReports(missing, this.around.who)
  }

  /** Acks for the spools that are named now, and no more for others. @returns those that are new */
  #followSpools(): readonly (readonly [spoolId: string, track: SpoolTrack])[] {
    for (const [spoolId, unsubscribe] of this.#unsubscribes) {
      if (this.#spools.has(spoolId)) continue
      unsubscribe()
      this.#unsubscribes.delete(spoolId)
      this.#outbox.forget(`spool ${spoolId}`)
    }
    const added = [...this.#spools].filter(([spoolId]) => !this.#unsubscribes.has(spoolId))
    for (const [spoolId, { markId }] of added) {
      const ack = (seq: number): void => this.#outbox.say(`spool ${spoolId}`, ackToWire(spoolId, seq))
      this.#unsubscribes.set(spoolId, this.context.writer.onDurable(markId, ack))
    }
    return added
  }

  /** Says it all anew inside the session. The first ack of a spool tells the agent that it is known here now. */
  async #introduceAgain(hello: Hello): Promise<void> {
    await this.#introduce(hello, this.context.now(), new FieldCheck())
    for (const [spoolId, { markId }] of this.#followSpools()) {
      this.#outbox.say(`spool ${spoolId}`, ackToWire(spoolId, this.context.writer.lastDurable(markId)))
    }
  }

  #sendSettings(intervals: Intervals, asked: { readonly renewCertificate: boolean }): void {
    this.#settingsRevision += 1
    this.#intervals = intervals
    this.#outbox.send(settingsToWire(this.#settingsRevision, intervals, asked))
  }

  /**
   * Takes in who the agent speaks for and what its clock says. A later hello in the same session says that its hosts can do
   * other things now, that its clock was set, or which spools of its backlog wait: those delivered are named no more, and of
   * many some only when others are gone.
   */
  async #introduce(
    hello: Hello,
    receivedAt: number,
    check: FieldCheck,
  ): Promise<{ readonly granted: readonly string[]; readonly refused: readonly string[] }> {
    const { agent, registry, notes, call } = this.context
    const claimed = hostsFromWire(hello, check)
    const others = agent.hosts === 'any' ? await registry.list() : []
    // A newer session of this agent may have begun meanwhile: what this one heard is old.
    if (call.destroyed) throw new Error('the agent is gone')
    const granted = claimed.filter((host) => maySpeakFor(agent, host.hostId, others))
    const refused = claimed.filter((host) => !granted.includes(host)).map((host) => host.hostId)
    if (refused.length > 0) notes.hosts(refused, this.around.who)
    this.#refusedHosts = claimed.filter((host) => !granted.includes(host))
    this.#hello = hello
    this.#spools = spoolsOf({ spoolId: this.presentSpoolId, backlog: hello.backlog }, agent.id, check)
    this.#compareClocks(hello, receivedAt, check)
    this.#hostIds = new Set(granted.map((host) => host.hostId))
    this.#rules = rulesFromWire(hello, check)
    await this.#keep(() => this.context.remembered.keepOnly(agent.id, this.#hostIds))
    if (call.destroyed) throw new Error('the agent is gone')
    const version = check.text('hello.version', hello.version, 64)
    const droppedReports = check.count('hello.dropped_reports', hello.droppedReports)
    this.context.notes.fields(check, this.around.who)
    const { id: agentId, name } = agent
    const clockOffsetMs = this.#offsetMs
    const [spoolId = ''] = [...this.#spools].find(([, spool]) => !spool.isLate) ?? []
    const backlog = [...this.#spools].filter(([, spool]) => spool.isLate).map(([id]) => id)
    this.#apply({
      type: 'agent-connected',
      agentId,
      name,
      version,
      hosts: granted,
      clockOffsetMs,
      spoolId,
      backlog,
      ...(droppedReports === undefined ? {} : { droppedReports }),
    })
    return { granted: granted.map((host) => host.name), refused }
  }

  #compareClocks(hello: Hello, receivedAt: number, check: FieldCheck): void {
    const differenceMs = receivedAt - (check.count('hello.wall_ms', hello.wallMs) ?? receivedAt)
    const answeredAfterMs = check.real('hello.answered_after_ms', hello.answeredAfterMs, longestAnswerMs)
    this.#reading = clockFromWire(hello, check)
    if (this.#clock === undefined || answeredAfterMs === undefined) this.#clock = new ClockOffset(differenceMs)
    else this.#clock.again(differenceMs, answeredAfterMs)
  }

  /** Controller's clock minus agent's, milliseconds. */
  get #offsetMs(): number {
    return this.#clock?.ms ?? 0
  }

  async handle({ message }: FromAgent): Promise<void> {
    switch (message?.$case) {
      case 'report':
        await this.#report(message.value)
        break
      case 'inventory': {
        const check = new FieldCheck()
        const wire = message.value
        const at = (check.count('inventory.at_ms', wire.atMs) ?? this.context.now()) + this.#offsetMs
        const inventory = inventoryFromWire(wire, check, Math.max(0, Math.min(at, this.context.now())))
        this.context.notes.fields(check, this.around.who)
        if (inventory === undefined || !this.#granted(inventory.hostId)) break
        const { agent, quotas } = this.context
        const admitted = this.#admitted(admittedInventory(inventory, quotas.admitted(agent.id)))
        this.#apply({ type: 'inventory', agentId: agent.id, inventory: admitted })
        await this.#keep(() => this.context.remembered.remember(agent, this.#hello, wire, inventory.at))
        break
      }
      case 'hello':
        await this.#introduceAgain(message.value)
        break
      case 'commandUpdate': {
        const check = new FieldCheck()
        const update = commandUpdateFromWire(message.value, check)
        this.context.notes.fields(check, this.around.who)
        if (update !== undefined) await this.#keep(async () => this.context.commands?.update(this.#link, update))
        break
      }
      case 'auditHead': {
        const check = new FieldCheck()
        const marks = auditMarksFromWire(message.value, check)
        this.context.notes.fields(check, this.around.who)
        await this.#keep(async () => this.context.commands?.auditHead(this.#link, marks))
        break
      }
      case undefined:
        // Unknown to this version, or out of place: counted, not fatal, so that a newer agent can talk to us.
        this.#refuseField('message.unknown')
    }
  }

  close(): void {
    this.context.commands?.detach(this.#link)
    for (const unsubscribe of this.#unsubscribes.values()) unsubscribe()
    this.#unsubscribes.clear()
  }

  async #report(wire: Report): Promise<void> {
    const { writer, metrics, now, agent, notes, quotas } = this.context
    const { who, gone, end } = this.around
    const check = new FieldCheck()
    // It may have been made before the clock was set to what the hello says.
    const offsetMs = this.#offsetMs + setOnBetween(clockFromWire(wire, check), this.#reading)
    const report = reportFromWire(wire, check, { offsetMs, now: now() })
    this.context.notes.fields(check, this.around.who)
    if (report === undefined) return
    const spool = this.#spools.get(report.spoolId)
    if (spool === undefined) return this.#refuseField('report.spool_id')
    const { markId, isLate } = spool
    // One late report in a turn of the loop: hellos, fresh reports and the API come in between, however much is late.
    if (isLate) await nextTurn()
    if (!writer.isKnown(markId) && !quotas.mayBeginSpool(agent.id)) {
      notes.call('too-many-spools', who)
      return end(status.RESOURCE_EXHAUSTED, 'too many new spools')
    }
    while (writer.check(markId, report.seq) === 'busy') {
      // Nothing more is read from this agent meanwhile: its spool keeps what comes.
      await pause(100, gone)
      if (gone.aborted) return
    }
    if (writer.check(markId, report.seq) === 'duplicate') {
      metrics.duplicates.inc()
      this.#outbox.say(`spool ${report.spoolId}`, ackToWire(report.spoolId, writer.lastDurable(markId)))
      return
    }
    const applied = this.#granted(report.hostId)
      ? this.#apply({ type: 'report', agentId: agent.id, report: this.#withoutSurplus(report), isLate })
      : nothing
    metrics.reports.inc({ lane: isLate ? 'late' : report.lane })
    writer.add(markId, report.seq, applied)
  }

  /** A report without the things and events that are more than an agent may tell of. */
  #withoutSurplus(whole: ReportObservation): ReportObservation {
    const { quotas, notes, agent } = this.context
    const report = this.#admitted(admittedReport(whole, quotas.admitted(agent.id)))
    if (quotas.mayTell(agent.id, report.events.length)) return report
    notes.events(report.events.length, this.around.who)
    return { ...report, events: [] }
  }

  #admitted<Told>({ told, leftOut }: Admitted<Told>): Told {
    if (leftOut > 0) this.context.notes.entities(leftOut, this.around.who)
    return told
  }

  #refuseField(field: string): void {
    const check = new FieldCheck()
    check.refuse(field)
    this.context.notes.fields(check, this.around.who)
  }

  /** A fault of ours in one message must neither end the session nor make the agent send it for ever. */
  #apply(input: FleetInput): Applied {
    try {
      return this.context.fleet.apply(input, this.context.now())
    } catch (error) {
      this.context.metrics.faults.inc()
      this.around.log.error({ err: error, input: input.type }, 'what an agent said could not be applied')
      return nothing
    }
  }

  /** What is kept for the next start is a convenience: without it the agents tell it all again. */
  async #keep(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      this.around.log.warn({ err: error }, 'what an agent told could not be kept')
    }
  }

  #granted(hostId: string): boolean {
    if (this.#hostIds.has(hostId)) return true
    this.#refuseField('host_id.not-granted')
    return false
  }
}
