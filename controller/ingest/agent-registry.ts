import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

import { z } from 'zod'

import type { StateStore } from '../store/state-store.js'

/** A host that an agent may speak for; `any`: every host that no other agent speaks for (the agent on the controller's own machine). */
const grant = z.union([z.literal('any'), z.array(z.string())])

const agentRow = z.object({
  id: z.string(),
  name: z.string(),
  enrolledAt: z.number(),
  hosts: grant,
  revoked: z.boolean(),
})
export type AgentRow = z.infer<typeof agentRow>

const joinTokenRow = z.object({
  secretHash: z.string(),
  expiresAt: z.number(),
  /** The agent gets the hosts that it names in its request, or any at all. */
  grant: z.enum(['named', 'any']),
  note: z.string(),
})

export type EnrolOutcome =
  | { readonly status: 'enrolled'; readonly agent: AgentRow; readonly certificate: Uint8Array }
  | { readonly status: 'refused'; readonly reason: 'unknown-token' | 'expired-token' | 'host-taken' }

/** Who may speak for which host: agents and their join tokens, kept in the state store. */
export class AgentRegistry {
  constructor(
    private readonly state: StateStore,
    /** SHA-256 of the CA's public key; part of every token, so that the agent knows its controller. */
    private readonly caKeyHash: string,
  ) {}

  /**
   * A new one-use join token: `<id>.<secret>.<hash of the CA's key>`. Only a hash of the secret is kept.
   */
  async createJoinToken(options: {
    readonly now: number
    readonly validMs: number
    readonly grant: 'named' | 'any'
    readonly note: string
  }): Promise<string> {
    const id = randomBytes(6).toString('base64url')
    const secret = randomBytes(24).toString('base64url')
    await this.state.tx(async (tx) => {
      for (const { key, value } of await tx.list('joinTokens')) {
        const row = joinTokenRow.safeParse(value)
        if (!row.success || row.data.expiresAt < options.now) await tx.delete('joinTokens', key)
      }
      await tx.put('joinTokens', id, {
        secretHash: hash(secret),
        expiresAt: options.now + options.validMs,
        grant: options.grant,
        note: options.note,
      })
    })
    return `${id}.${secret}.${this.caKeyHash}`
  }

  /**
   * Uses up a token, makes an agent and its certificate: all of it or, if `certify` throws, nothing; then the token is good still.
   * Whoever has no good token never gets as far as `certify`.
   */
  async enrol(
    token: string,
    request: { readonly name: string; readonly hostIds: readonly string[]; readonly now: number },
    certify: (agentId: string) => Promise<Uint8Array>,
  ): Promise<EnrolOutcome> {
    const [id = '', secret = ''] = token.split('.')
    return this.state.tx(async (tx): Promise<EnrolOutcome> => {
      const row = joinTokenRow.safeParse(await tx.get('joinTokens', id))
      const expected = row.success ? row.data.secretHash : hash('no such token')
      const matches = timingSafeEqual(Buffer.from(expected), Buffer.from(hash(secret)))
      if (!row.success || !matches) return { status: 'refused', reason: 'unknown-token' }
      await tx.delete('joinTokens', id)
      if (row.data.expiresAt < request.now) return { status: 'refused', reason: 'expired-token' }
      if (row.data.grant === 'named') {
        const taken = (await tx.list('agents'))
          .map(({ value }) => agentRow.safeParse(value))
          .some(
            (one) =>
              one.success &&
              !one.data.revoked &&
              one.data.hosts !== 'any' &&
              one.data.hosts.some((host) => request.hostIds.includes(host)),
          )
        if (taken) return { status: 'refused', reason: 'host-taken' }
      }
      const agent: AgentRow = {
        id: `agent-${randomBytes(8).toString('hex')}`,
        name: request.name,
        enrolledAt: request.now,
        hosts: row.data.grant === 'any' ? 'any' : [...request.hostIds],
        revoked: false,
      }
      await tx.put('agents', agent.id, agent)
      return { status: 'enrolled', agent, certificate: await certify(agent.id) }
    })
  }

  /** The agent, unless it is unknown or revoked. */
  async find(agentId: string): Promise<AgentRow | undefined> {
    const row = agentRow.safeParse(await this.state.tx(async (tx) => tx.get('agents', agentId)))
    return row.success && !row.data.revoked ? row.data : undefined
  }

  /** Every agent that is not revoked. */
  async list(): Promise<readonly AgentRow[]> {
    const rows = await this.state.tx(async (tx) => tx.list('agents'))
    return rows
      .map(({ value }) => agentRow.safeParse(value))
      .flatMap((row) => (row.success && !row.data.revoked ? [row.data] : []))
  }
}

/** Whether the agent may speak for the host, given all agents; only an agent with any host needs them. */
export function maySpeakFor(agent: AgentRow, hostId: string, others: readonly AgentRow[]): boolean {
  if (agent.hosts !== 'any') return agent.hosts.includes(hostId)
  return !others.some((other) => other.id !== agent.id && other.hosts !== 'any' && other.hosts.includes(hostId))
}

function hash(secret: string): string {
  return createHash('sha256').update(secret).digest('hex')
}
