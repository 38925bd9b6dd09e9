import type { Log } from '../../common/log.js'
import { pause } from '../../common/lifecycle.js'
import type { AgentRegistry, AgentRow } from './agent-registry.js'
import type { CertificateAuthority } from './ca.js'
import type { ClaimedHost, JoinToken } from './join-tokens.js'
import { endRefusedSessions, endSharedSessions, type OpenSessions } from './open-sessions.js'

/** An agent as its registration knows it, and its session if one is open. */
export interface EnrolledAgent {
  readonly row: AgentRow
  readonly connected: boolean
  /** Hosts that it named in its open session and may not speak for. */
  readonly refusedHosts: readonly ClaimedHost[]
}

export interface NotRenewed {
  readonly id: string
  readonly name: string
  readonly connected: boolean
}

export interface AuthorityState {
  readonly keyHash: string
  readonly notAfterMs: number
  readonly rotation:
    | { readonly startedAt: number; readonly overlapEndsAt: number; readonly notRenewed: readonly NotRenewed[] }
    | undefined
}

export type FinishOutcome =
  | { readonly status: 'finished'; readonly leftBehind: readonly NotRenewed[] }
  | { readonly status: 'no-rotation' }
  | { readonly status: 'not-renewed'; readonly agents: readonly NotRenewed[] }

export type ForgetOutcome =
  | { readonly status: 'forgotten'; readonly agent: EnrolledAgent }
  | { readonly status: 'agent-unknown' | 'connected' }

export type GrantOutcome =
  | { readonly status: 'granted'; readonly agent: EnrolledAgent }
  | { readonly status: 'agent-unknown' | 'too-many-hosts' }
  | { readonly status: 'host-taken'; readonly by: string }

/** Agents asked for a renewal in one second: each costs two signatures and a new session. */
const renewalsPerSecond = 50

/**
 * What an administrator does about agents: tokens, grants, revocation, rotation. Each act takes effect on open sessions at once
 * and leaves a line in the log, and one in the audit log, that name who did it.
 */
export class Enrolment {
  readonly #stop = new AbortController()

  constructor(
    private readonly parts: {
      readonly registry: AgentRegistry
      readonly ca: CertificateAuthority
      readonly sessions: OpenSessions
      /** Takes the authorities up for new connections. */
      readonly refreshCertificate: () => Promise<void>
      /** Takes an agent that is revoked or forgotten, and its hosts, out of the fleet. */
      readonly leaveFleet: (agentId: string) => Promise<void>
      readonly overlapMs: number
      /** Writes into the audit log what was done. */
      readonly audit: (what: Readonly<Record<string, unknown>>) => Promise<void>
      readonly log: Log
      readonly now: () => number
    },
  ) {}

  stop(): void {
    this.#stop.abort()
  }

  /** @throws TooManyJoinTokens */
  async createJoinToken(
    options: { readonly validMs: number; readonly hosts: readonly string[]; readonly note: string },
    actor: string,
  ): Promise<{ readonly token: string; readonly waiting: JoinToken }> {
    const { registry, audit, log, now } = this.parts
    const at = now()
    const token = await registry.createJoinToken({ ...options, now: at, grant: 'named' })
    const { validMs, hosts, note } = options
    const waiting: JoinToken = {
      id: token.split('.')[0] ?? '',
      expiresAt: at + validMs,
      grant: 'named',
      hosts,
      note,
    }
    log.info({ actor, tokenId: waiting.id, hosts, validMs, note }, 'join token made')
    await audit({ event: 'join-token-made', actor, tokenId: waiting.id, hosts, validMs, note })
    return { token, waiting }
  }

  joinTokens(): Promise<readonly JoinToken[]> {
    return this.parts.registry.joinTokens(this.parts.now())
  }

  /** False if there is none of that id. */
  async removeJoinToken(id: string, actor: string): Promise<boolean> {
    const removed = await this.parts.registry.removeJoinToken(id)
    if (!removed) return false
    this.parts.log.info({ actor, tokenId: id }, 'join token revoked')
    await this.parts.audit({ event: 'join-token-revoked', actor, tokenId: id })
    return true
  }

  /** Every agent that enrolled and is not forgotten, revoked ones too. */
  async agents(): Promise<readonly EnrolledAgent[]> {
    return (await this.parts.registry.all()).map((row) => this.#enrolled(row))
  }

  /** Its session ends at once, and no other begins. Undefined if there is none of that id. */
  async revoke(agentId: string, actor: string): Promise<EnrolledAgent | undefined> {
    const { registry, sessions, leaveFleet, audit, log, now } = this.parts
    const row = await registry.revoke(agentId, now())
    if (row === undefined) return undefined
    sessions.get(agentId)?.end('agent-revoked')
    await leaveFleet(agentId)
    endRefusedSessions(sessions, row)
    log.info({ actor, agentId, name: row.name, hosts: row.hosts }, 'agent revoked')
    await audit({ event: 'agent-revoked', actor, agentId, agent: row.name, hosts: row.hosts })
    return this.#enrolled(row)
  }

  /**
   * Removes an agent that is revoked or away from the registration: its certificate stays refused, as an unknown one. What it reported
   * stays in the store.
   */
  async forget(agentId: string, actor: string): Promise<ForgetOutcome> {
    const { registry, sessions, leaveFleet, audit, log } = this.parts
    if (sessions.has(agentId) && (await registry.find(agentId)) !== undefined) return { status: 'connected' }
    const row = await registry.remove(agentId)
    if (row === undefined) return { status: 'agent-unknown' }
    // One that came just now.
    sessions.get(agentId)?.end('agent-revoked')
    await leaveFleet(agentId)
    endRefusedSessions(sessions, row)
    log.info({ actor, agentId, name: row.name, hosts: row.hosts }, 'agent forgotten')
    await audit({ event: 'agent-forgotten', actor, agentId, agent: row.name, hosts: row.hosts })
    return { status: 'forgotten', agent: { row, connected: false, refusedHosts: [] } }
  }

  /** The agent says its hosts anew in a session of its own, and the host is among them. */
  async grantHost(agentId: string, hostId: string, actor: string): Promise<GrantOutcome> {
    const { registry, sessions, audit, log } = this.parts
    const outcome = await registry.grantHost(agentId, hostId)
    if (outcome.status === 'refused') {
      return outcome.reason === 'host-taken'
        ? { status: 'host-taken', by: `${outcome.owner.name} (${outcome.owner.id})` }
        : { status: outcome.reason }
    }
    log.info({ actor, agentId, hostId }, 'host granted to an agent')
    if (outcome.agent.hosts !== 'any') endSharedSessions(sessions, { hosts: [hostId] })
    const open = sessions.get(agentId)
    if (open?.speaksFor(hostId) === false) open.end('grants-changed')
    await audit({ event: 'host-granted', actor, agentId, agent: outcome.agent.name, hostId })
    return { status: 'granted', agent: this.#enrolled(outcome.agent) }
  }

  async authority(): Promise<AuthorityState> {
    const { ca } = this.parts
    const { keyHash, notAfterMs, rotation } = ca
    return { keyHash, notAfterMs, rotation: rotation && { ...rotation, notRenewed: await this.#notRenewed() } }
  }

  /** Makes a new authority and asks every connected agent to renew; false if a rotation is under way. */
  async rotate(actor: string): Promise<boolean> {
    const { ca, overlapMs, audit, log, now, refreshCertificate } = this.parts
    const former = ca.keyHash
    if (!(await ca.rotate(now(), overlapMs))) return false
    log.info({ actor, former, keyHash: ca.keyHash, overlapMs }, 'certificate authority rotated')
    await refreshCertificate()
    void this.#askAllToRenew()
    await audit({ event: 'ca-rotated', actor, former, keyHash: ca.keyHash, overlapMs })
    return true
  }

  /**
   * Drops the former authority. Refused while an agent would be shut out by it: one that is connected has to renew first, which
   * takes seconds; with `force` those that are away are left behind, and have to join anew.
   */
  async finishRotation({ force, actor }: { readonly force: boolean; readonly actor: string }): Promise<FinishOutcome> {
    if (this.parts.ca.rotation === undefined) return { status: 'no-rotation' }
    const notRenewed = await this.#notRenewed()
    const inTheWay = force ? notRenewed.filter(({ connected }) => connected) : notRenewed
    if (inTheWay.length > 0) return { status: 'not-renewed', agents: inTheWay }
    return this.#finish(notRenewed, actor)
  }

  /** Ends a rotation whose time is over, whoever has not renewed. To be called from time to time. */
  async endOverlap(): Promise<void> {
    const { ca, now } = this.parts
    if (ca.rotation === undefined || now() < ca.rotation.overlapEndsAt) return
    await this.#finish(await this.#notRenewed(), 'the end of the overlap')
  }

  async #finish(leftBehind: readonly NotRenewed[], actor: string): Promise<FinishOutcome> {
    const { ca, sessions, audit, log, refreshCertificate } = this.parts
    if (!(await ca.finishRotation())) return { status: 'no-rotation' }
    log.info({ actor, keyHash: ca.keyHash, leftBehind }, 'the former certificate authority is trusted no more')
    await refreshCertificate()
    for (const session of sessions.values()) if (session.issuerKeyHash !== ca.keyHash) session.end('other-authority')
    // So that they forget the former authority, too.
    void this.#askAllToRenew()
    await audit({
      event: 'ca-rotation-finished',
      actor,
      keyHash: ca.keyHash,
      leftBehind: leftBehind.map(({ id }) => id),
    })
    return { status: 'finished', leftBehind }
  }

  async #askAllToRenew(): Promise<void> {
    const { sessions } = this.parts
    // Those that are open now: each comes back in a new session.
    const open = Array.from(sessions.keys())
    for (const agentId of open) {
      if (this.#stop.signal.aborted) return
      sessions.get(agentId)?.askToRenew()
      await pause(1000 / renewalsPerSecond, this.#stop.signal)
    }
  }

  /** Agents that have not come with a certificate of the present authority. */
  async #notRenewed(): Promise<readonly NotRenewed[]> {
    const { registry, ca, sessions } = this.parts
    return (await registry.list())
      .filter(({ id, certificate, trusts }) => {
        // One that has not come yet has the certificate of its enrolment, from the newest authority that it was told.
        const issuer = sessions.get(id)?.issuerKeyHash ?? certificate?.issuer ?? trusts?.at(-1)
        return issuer !== ca.keyHash
      })
      .map(({ id, name }) => ({ id, name, connected: sessions.has(id) }))
  }

  #enrolled(row: AgentRow): EnrolledAgent {
    const session = row.revoked ? undefined : this.parts.sessions.get(row.id)
    return { row, connected: session !== undefined, refusedHosts: session?.refusedHosts ?? [] }
  }
}
