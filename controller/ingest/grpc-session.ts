import { status, type ServerDuplexStream } from '@grpc/grpc-js'

import { pause } from '../../common/lifecycle.js'
import type { Log } from '../../common/log.js'
import type { FromAgent, Hello, ToAgent } from '../../proto/gen/headroom/v1/agent.js'
import type { Report } from '../../proto/gen/headroom/v1/report.js'
import type { Applied, Fleet } from '../fleet/fleet.js'
import type { FleetInput } from '../model/observation.js'
import { maySpeakFor, type AgentRegistry, type AgentRow } from './agent-registry.js'
import { FieldCheck } from './field-check.js'
import { hostsFromWire, inventoryFromWire, wireLimits } from './from-wire.js'
import { eachMessage, endWith, refusal } from './grpc-refusal.js'
import { countRefusals, type IngestMetrics } from './ingest-metrics.js'
import type { ClaimedHost } from './join-tokens.js'
import type { OpenSession, OpenSessions, SessionEnd } from './open-sessions.js'
import { reportFromWire } from './report-from-wire.js'
import type { RememberedHosts } from './remembered-from-wire.js'
import type { ReportWriter } from './report-writer.js'
import { ackToWire, settingsToWire, welcomeToWire, type Intervals } from './to-wire.js'

export interface SessionContext {
  readonly call: ServerDuplexStream<FromAgent, ToAgent>
  readonly agent: AgentRow
  /** Key of the authority that issued the agent's certificate. */
  readonly issuerKeyHash: string
  /** Whether the authorities have changed since this agent was told them, or since its certificate was issued. */
  readonly renewalDue: boolean
  readonly fleet: Fleet
  readonly writer: ReportWriter
  readonly registry: AgentRegistry
  readonly metrics: IngestMetrics
  readonly log: Log
  readonly now: () => number
  readonly intervals: () => Intervals
  readonly sessions: OpenSessions
  readonly remembered: RememberedHosts
  /** How long a session may stay without its hello. */
  readonly helloWithinMs?: number
}

const nothing: Applied = { points: [], events: [] }
const defaultHelloWithinMs = 10_000
/** Clocks this close are taken as equal: the message itself took time. */
const sameClockMs = 2000

const sessionEnds = {
  'newer-session': [status.ABORTED, 'a newer session of this agent took over'],
  'agent-revoked': [status.PERMISSION_DENIED, 'this agent was revoked'],
  'grants-changed': [status.ABORTED, 'the hosts that this agent may speak for have changed'],
  'other-authority': [status.UNAUTHENTICATED, 'the authority of the certificate is trusted no more'],
} as const satisfies Record<SessionEnd, readonly [status, string]>

/** One agent's stream from hello to end. Resolves when it has ended; every message is handled before the next is read. */
export async function runSession(context: SessionContext): Promise<void> {
  const { call, agent, sessions, registry, metrics, helloWithinMs = defaultHelloWithinMs } = context
  const log = context.log.child({ agentId: agent.id, peer: call.getPeer() })
  let over = false
  const end = (code: status, details: string, reason?: SessionEnd): void => {
    over = true
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
    end: (reason) => {
      const [code, details] = sessionEnds[reason]
      end(code, details, reason)
    },
  }
  sessions.get(agent.id)?.end('newer-session')
  sessions.set(agent.id, open)
  metrics.sessions.set(sessions.size)

  const greeting = setTimeout(() => end(status.DEADLINE_EXCEEDED, 'no hello'), helloWithinMs)
  try {
    await eachMessage(call, async (message: FromAgent) => {
      if (over) return
      if (session !== undefined) return session.handle(message)
      if (message.message?.$case !== 'hello') return end(status.FAILED_PRECONDITION, 'the first message must be hello')
      clearTimeout(greeting)
      // Whoever is revoked from now on finds this session and ends it; it may have happened just before.
      if ((await registry.find(agent.id)) === undefined) return open.end('agent-revoked')
      session = await Session.open(context, message.message.value, log)
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

/** One of the agent's spools. */
interface SpoolTrack {
  /** Its name in the writer: agents may not touch each other's. */
  readonly markId: string
  /** Of an earlier life or an outage: what it holds says nothing of the present. */
  readonly isLate: boolean
}

/** The spools that a hello names, the present one last, so that it wins. */
function spoolsOf(hello: Hello, agentId: string, check: FieldCheck): ReadonlyMap<string, SpoolTrack> {
  const track = (spoolId: string, isLate: boolean): readonly [string, SpoolTrack] => {
    const id = check.text('hello.spool_id', spoolId, 64)
    return [id, { markId: `${agentId}/${id}`, isLate }]
  }
  const backlog = check.list('hello.backlog', hello.backlog, wireLimits.maxSpoolsPerAgent)
  return new Map([...backlog.map(({ spoolId }) => track(spoolId, true)), track(hello.spoolId, false)])
}

class Session {
  readonly #ended = new AbortController()
  #hostIds: ReadonlySet<string> = new Set()
  #refusedHosts: readonly ClaimedHost[] = []
  #settingsRevision = 0
  #hello: Hello
  /** Controller's clock minus agent's, milliseconds. */
  #offsetMs = 0

  private constructor(
    private readonly context: SessionContext,
    private readonly spools: ReadonlyMap<string, SpoolTrack>,
    private readonly log: Log,
    hello: Hello,
  ) {
    this.#hello = hello
    // The peer may be gone while a message is still being handled: nothing waits for it then.
    context.call.once('close', () => this.#ended.abort())
  }

  static async open(context: SessionContext, hello: Hello, log: Log): Promise<Session> {
    const { call, writer } = context
    const check = new FieldCheck()
    const spools = spoolsOf(hello, context.agent.id, check)
    const session = new Session(context, spools, log, hello)
    const { granted, refused } = await session.#introduce(hello, check)
    const durable = [...spools].map(([spoolId, { markId, isLate }]) => {
      return { spoolId, isLate, throughSeq: writer.lastDurable(markId) }
    })
    call.write(
      welcomeToWire({
        clockOffsetMs: session.#offsetMs,
        lastSeq: durable.find((spool) => !spool.isLate)?.throughSeq ?? 0,
        refusedHostIds: refused,
        backlog: durable.filter((spool) => spool.isLate),
      }),
    )
    session.#sendSettings({ renewCertificate: context.renewalDue })
    const unsubscribes = [...spools].map(([spoolId, { markId }]) =>
      writer.onDurable(markId, (seq) => call.write(ackToWire(spoolId, seq))),
    )
    session.#unsubscribe = () => {
      for (const unsubscribe of unsubscribes) unsubscribe()
    }
    log.info({ hosts: granted, version: hello.version, offsetMs: session.#offsetMs }, 'agent connected')
    return session
  }

  #unsubscribe: () => void = () => undefined

  get refusedHosts(): readonly ClaimedHost[] {
    return this.#refusedHosts
  }

  speaksFor(hostId: string): boolean {
    return this.#hostIds.has(hostId)
  }

  askToRenew(): void {
    this.#sendSettings({ renewCertificate: true })
  }

  #sendSettings(asked: { readonly renewCertificate: boolean }): void {
    if (this.context.call.writableEnded || this.context.call.destroyed) return
    this.#settingsRevision += 1
    this.context.call.write(settingsToWire(this.#settingsRevision, this.context.intervals(), asked))
  }

  /**
   * Takes in who the agent speaks for and what its clock says. A later hello in the same session says that its hosts can do
   * other things now, or that its clock was set.
   */
  async #introduce(
    hello: Hello,
    check: FieldCheck,
  ): Promise<{ readonly granted: readonly string[]; readonly refused: readonly string[] }> {
    const { agent, registry, metrics, now, call } = this.context
    const difference = now() - (check.count('hello.wall_ms', hello.wallMs) ?? now())
    const claimed = hostsFromWire(hello, check)
    const others = agent.hosts === 'any' ? await registry.list() : []
    // A newer session of this agent may have begun meanwhile: what this one heard is old.
    if (call.destroyed) throw new Error('the agent is gone')
    const granted = claimed.filter((host) => maySpeakFor(agent, host.hostId, others))
    const refused = claimed.filter((host) => !granted.includes(host)).map((host) => host.hostId)
    if (refused.length > 0) {
      metrics.refusedConnections.inc({ reason: 'host-not-granted' }, refused.length)
      this.log.warn({ hostIds: refused }, 'agent may not speak for these hosts')
    }
    this.#refusedHosts = claimed.filter((host) => !granted.includes(host))
    this.#hello = hello
    this.#offsetMs = Math.abs(difference) < sameClockMs ? 0 : difference
    this.#hostIds = new Set(granted.map((host) => host.hostId))
    await this.#keep(() => this.context.remembered.keepOnly(agent.id, this.#hostIds))
    if (call.destroyed) throw new Error('the agent is gone')
    const version = check.text('hello.version', hello.version, 64)
    countRefusals(this.context.metrics, check, this.log)
    const { id: agentId, name } = agent
    const clockOffsetMs = this.#offsetMs
    const [spoolId = ''] = [...this.spools].find(([, spool]) => !spool.isLate) ?? []
    const backlog = [...this.spools].filter(([, spool]) => spool.isLate).map(([id]) => id)
    this.#apply({ type: 'agent-connected', agentId, name, version, hosts: granted, clockOffsetMs, spoolId, backlog })
    return { granted: granted.map((host) => host.name), refused }
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
        countRefusals(this.context.metrics, check, this.log)
        if (inventory === undefined || !this.#granted(inventory.hostId)) break
        this.#apply({ type: 'inventory', agentId: this.context.agent.id, inventory })
        await this.#keep(() => this.context.remembered.remember(this.context.agent, this.#hello, wire, inventory.at))
        break
      }
      case 'hello':
        await this.#introduce(message.value, new FieldCheck())
        break
      case 'commandUpdate':
      case 'auditHead':
      case undefined:
        // Unknown to this version, or out of place: counted, not fatal, so that a newer agent can talk to us.
        this.context.metrics.refusedFields.inc({ field: `message.${message?.$case ?? 'unknown'}` })
    }
  }

  close(): void {
    this.#ended.abort()
    this.#unsubscribe()
  }

  async #report(wire: Report): Promise<void> {
    const { writer, metrics, now, agent } = this.context
    const check = new FieldCheck()
    const report = reportFromWire(wire, check, { offsetMs: this.#offsetMs, now: now() })
    countRefusals(this.context.metrics, check, this.log)
    if (report === undefined) return
    const spool = this.spools.get(report.spoolId)
    if (spool === undefined) {
      metrics.refusedFields.inc({ field: 'report.spool_id' })
      return
    }
    const { markId, isLate } = spool
    while (writer.check(markId, report.seq) === 'busy') {
      // Nothing more is read from this agent meanwhile: its spool keeps what comes.
      await pause(100, this.#ended.signal)
      if (this.#ended.signal.aborted) return
    }
    if (writer.check(markId, report.seq) === 'duplicate') {
      metrics.duplicates.inc()
      this.context.call.write(ackToWire(report.spoolId, writer.lastDurable(markId)))
      return
    }
    const applied = this.#granted(report.hostId)
      ? this.#apply({ type: 'report', agentId: agent.id, report, isLate })
      : nothing
    metrics.reports.inc({ lane: isLate ? 'late' : report.lane })
    writer.add(markId, report.seq, applied)
  }

  /** A fault of ours in one message must neither end the session nor make the agent send it for ever. */
  #apply(input: FleetInput): Applied {
    try {
      return this.context.fleet.apply(input, this.context.now())
    } catch (error) {
      this.context.metrics.faults.inc()
      this.log.error({ err: error, input: input.type }, 'what an agent said could not be applied')
      return nothing
    }
  }

  /** What is kept for the next start is a convenience: without it the agents tell it all again. */
  async #keep(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      this.log.warn({ err: error }, 'the inventory could not be kept')
    }
  }

  #granted(hostId: string): boolean {
    if (this.#hostIds.has(hostId)) return true
    this.context.metrics.refusedFields.inc({ field: 'host_id.not-granted' })
    return false
  }
}
