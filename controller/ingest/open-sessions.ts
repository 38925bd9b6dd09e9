import type { RefusalReason } from '../../common/refusal-reasons.js'
import type { AgentRow } from './agent-registry.js'
import type { ClaimedHost } from './join-tokens.js'
import type { Intervals } from './to-wire.js'

/** Why a session that is open is ended by the controller. */
export type SessionEnd = Extract<
  RefusalReason,
  'newer-session' | 'agent-revoked' | 'grants-changed' | 'other-authority'
>

/** The stream of an agent, as those see it who act on it from outside. */
export interface OpenSession {
  readonly agent: AgentRow
  /** Key of the authority that issued the certificate it came with. */
  readonly issuerKeyHash: string
  /** Hosts that the agent named and may not speak for. */
  readonly refusedHosts: readonly ClaimedHost[]
  speaksFor(hostId: string): boolean
  /** Asks the agent for a fresh certificate; it comes back in a new session then. */
  askToRenew(): void
  /** Hands out these intervals if the agent measures by others. @returns whether it was told something */
  tellIntervals(intervals: Intervals): boolean
  end(reason: SessionEnd): void
}

/** By agent id: an agent has one, and a new one ends the old. */
export type OpenSessions = Map<string, OpenSession>

/** Agents with any host, but for those granted to others, are to say anew which they are left with. */
export function endSharedSessions(sessions: OpenSessions, { hosts }: Pick<AgentRow, 'hosts'>): void {
  if (hosts === 'any') return
  for (const session of sessions.values()) {
    if (session.agent.hosts === 'any' && hosts.some((hostId) => session.speaksFor(hostId)))
      session.end('grants-changed')
  }
}

/** An agent is gone for good: those with any host that were refused its hosts are to name them again. */
export function endRefusedSessions(sessions: OpenSessions, { hosts }: Pick<AgentRow, 'hosts'>): void {
  if (hosts === 'any') return
  for (const session of sessions.values()) {
    if (session.agent.hosts === 'any' && session.refusedHosts.some(({ hostId }) => hosts.includes(hostId)))
      session.end('grants-changed')
  }
}
