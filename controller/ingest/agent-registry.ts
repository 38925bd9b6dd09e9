import { randomBytes } from 'node:crypto'

import { z } from 'zod'

import type { StateStore, Tx } from '../store/state-store.js'
import {
  addJoinToken,
  checkJoinToken,
  listJoinTokens,
  parseJoinToken,
  type ClaimedHost,
  type JoinToken,
  type JoinTokenOptions,
  type RefusedToken,
} from './join-tokens.js'

/** Hosts that an agent may speak for; `any`: every host that no other agent speaks for (the agent on the controller's own machine). */
const grant = z.union([z.literal('any'), z.array(z.string())])

const agentRow = z.object({
  id: z.string(),
  name: z.string(),
  enrolledAt: z.number(),
  hosts: grant,
  revoked: z.boolean(),
  revokedAt: z.number().optional(),
  /** The certificate with which it came last: its issuer's key and its end. */
  certificate: z.object({ issuer: z.string(), notAfter: z.number() }).optional(),
  /** Keys of the authorities that it was told to trust last. */
  trusts: z.array(z.string()).optional(),
})
export type AgentRow = z.infer<typeof agentRow>

export type EnrolOutcome =
  | { readonly status: 'enrolled'; readonly agent: AgentRow; readonly certificate: Uint8Array }
  | RefusedEnrolment

export type RefusedEnrolment =
  | RefusedToken
  | { readonly status: 'refused'; readonly reason: 'host-taken'; readonly owner: AgentRow }

/** More than any machine runs. */
const mostHostsOfAgent = 1000

/** Who may speak for which host: agents and their join tokens, kept in the state store. */
export class AgentRegistry {
  constructor(
    private readonly state: StateStore,
    /** Hashes of the authorities' keys; part of every token, so that the agent knows its controller. */
    private readonly ca: { readonly keyHashes: readonly string[] },
  ) {}

  /**
   * A new one-use join token: `<id>.<secret>.<hash of the CA's key>`, during a rotation with the hashes of both. Only a hash
   * of the secret is kept.
   * @throws TooManyJoinTokens
   */
  async createJoinToken(options: JoinTokenOptions): Promise<string> {
    const { id, secret } = await this.state.tx((tx) => addJoinToken(tx, options))
    return [id, secret, ...this.ca.keyHashes].join('.')
  }

  async joinTokens(now: number): Promise<readonly JoinToken[]> {
    return this.state.tx((tx) => listJoinTokens(tx, now))
  }

  /** False if there is no such token: it was used, or has expired. */
  async removeJoinToken(id: string): Promise<boolean> {
    return this.state.tx(async (tx) => {
      if ((await tx.get('joinTokens', id)) === undefined) return false
      await tx.delete('joinTokens', id)
      return true
    })
  }

  /**
   * Uses up a token, makes an agent and its certificate: all of it or, if `certify` throws, nothing; then the token is good still.
   * It is good still, too, where the hosts are not to be had. Whoever has no good token never gets as far as `certify`.
   */
  async enrol(
    token: string,
    request: { readonly name: string; readonly hosts: readonly ClaimedHost[]; readonly now: number },
    certify: (agentId: string) => Promise<Uint8Array>,
  ): Promise<EnrolOutcome> {
    const parsed = parseJoinToken(token)
    if (parsed === undefined) return { status: 'refused', reason: 'unknown-token' }
    return this.state.tx(async (tx): Promise<EnrolOutcome> => {
      const checked = await checkJoinToken(tx, parsed, request.hosts, request.now)
      if (checked.status === 'refused') return checked
      const hosts = checked.grant === 'any' ? 'any' : checked.grant.map(({ hostId }) => hostId)
      const owner = hosts === 'any' ? undefined : await ownerAmong(tx, hosts)
      if (owner !== undefined) return { status: 'refused', reason: 'host-taken', owner }
      await tx.delete('joinTokens', parsed.id)
      const agent: AgentRow = {
        id: `agent-${randomBytes(8).toString('hex')}`,
        name: request.name,
        enrolledAt: request.now,
        hosts,
        revoked: false,
        trusts: [...this.ca.keyHashes],
      }
      await tx.put('agents', agent.id, agent)
      return { status: 'enrolled', agent, certificate: await certify(agent.id) }
    })
  }

  /** The agent, unless it is unknown or revoked. */
  async find(agentId: string): Promise<AgentRow | undefined> {
    const row = await this.lookUp(agentId)
    return row?.revoked === false ? row : undefined
  }

  /** The agent, also if it is revoked. */
  async lookUp(agentId: string): Promise<AgentRow | undefined> {
    return agentRow.safeParse(await this.state.tx((tx) => tx.get('agents', agentId))).data
  }

  /** Every agent that is not revoked. */
  async list(): Promise<readonly AgentRow[]> {
    return (await this.all()).filter((row) => !row.revoked)
  }

  /** Every agent that ever enrolled and was not removed. */
  async all(): Promise<readonly AgentRow[]> {
    return this.state.tx(allRows)
  }

  /** Ends an agent for good: its hosts are free for another. Undefined if there is none of that id. */
  async revoke(agentId: string, now: number): Promise<AgentRow | undefined> {
    return this.#change(agentId, (row) => (row.revoked ? row : { ...row, revoked: true, revokedAt: now }))
  }

  /** Deletes an agent: its certificate opens nothing, as that of one that never was, and its hosts are free for another. */
  async remove(agentId: string): Promise<AgentRow | undefined> {
    return this.state.tx(async (tx) => {
      const row = agentRow.safeParse(await tx.get('agents', agentId)).data
      if (row !== undefined) await tx.delete('agents', agentId)
      return row
    })
  }

  /** Lets an agent speak for one host more. */
  async grantHost(
    agentId: string,
    hostId: string,
  ): Promise<
    | { readonly status: 'granted'; readonly agent: AgentRow }
    | { readonly status: 'refused'; readonly reason: 'agent-unknown' | 'too-many-hosts' }
    | { readonly status: 'refused'; readonly reason: 'host-taken'; readonly owner: AgentRow }
  > {
    return this.state.tx(async (tx) => {
      const row = agentRow.safeParse(await tx.get('agents', agentId)).data
      if (row === undefined || row.revoked) return { status: 'refused', reason: 'agent-unknown' } as const
      const owner = await ownerAmong(tx, [hostId])
      if (owner !== undefined && owner.id !== row.id) return { status: 'refused', reason: 'host-taken', owner } as const
      if (row.hosts === 'any' || row.hosts.includes(hostId)) return { status: 'granted', agent: row } as const
      if (row.hosts.length >= mostHostsOfAgent) return { status: 'refused', reason: 'too-many-hosts' } as const
      const agent: AgentRow = { ...row, hosts: [...row.hosts, hostId] }
      await tx.put('agents', agent.id, agent)
      return { status: 'granted', agent } as const
    })
  }

  /** Notes the certificate with which an agent came, if it is another than the last time. */
  async noteCertificate(agentId: string, certificate: { issuer: string; notAfter: number }): Promise<void> {
    await this.#change(agentId, (row) =>
      row.certificate?.issuer === certificate.issuer && row.certificate.notAfter === certificate.notAfter
        ? row
        : { ...row, certificate },
    )
  }

  /** Notes that an agent was told the authorities that are trusted now. */
  async noteAuthorities(agentId: string): Promise<void> {
    await this.#change(agentId, (row) => ({ ...row, trusts: [...this.ca.keyHashes] }))
  }

  /** Writes only what differs: `change` gives the same row for no change. */
  async #change(agentId: string, change: (row: AgentRow) => AgentRow): Promise<AgentRow | undefined> {
    return this.state.tx(async (tx) => {
      const row = agentRow.safeParse(await tx.get('agents', agentId)).data
      if (row === undefined) return undefined
      const changed = change(row)
      if (changed !== row) await tx.put('agents', agentId, changed)
      return changed
    })
  }
}

/** Whether the agent may speak for the host, given all agents; only an agent with any host needs them. */
export function maySpeakFor(agent: AgentRow, hostId: string, others: readonly AgentRow[]): boolean {
  if (agent.hosts !== 'any') return agent.hosts.includes(hostId)
  return !others.some((other) => other.id !== agent.id && other.hosts !== 'any' && other.hosts.includes(hostId))
}

async function allRows(tx: Tx): Promise<readonly AgentRow[]> {
  return (await tx.list('agents')).flatMap(({ value }) => agentRow.safeParse(value).data ?? [])
}

/** An agent to which one of the hosts was granted by name. */
async function ownerAmong(tx: Tx, hostIds: readonly string[]): Promise<AgentRow | undefined> {
  return (await allRows(tx)).find(
    ({ revoked, hosts }) => !revoked && hosts !== 'any' && hosts.some((host) => hostIds.includes(host)),
  )
}
