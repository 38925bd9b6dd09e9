/** What connections to the agents' port may take. */
export interface ConnectionLimits {
  /** Connections of agents: those that came with a certificate of ours. */
  readonly agents: number
  /** Connections of one agent at a time: its session, a renewal, and what a broken network left. */
  readonly perAgent: number
  /** Connections that have not shown a certificate of ours, or not yet: handshakes, enrolments, and whoever else. */
  readonly strangers: number
  readonly strangersPerAddress: number
  /** New connections that are let in; a quarter of them may come at once. */
  readonly newPerSecond: number
  readonly newPerSecondPerAddress: number
  /** For the TLS handshake, from the first packet on. */
  readonly handshakeMs: number
  /** For everything that a stranger may do: to enrol, or to renew an expired certificate. */
  readonly strangerMs: number
  readonly strangerBytes: number
  /** How long a connection may be without a call in which the peer has said something. */
  readonly idleMs: number
  /** How long one message may be on its way. */
  readonly messageMs: number
  /** Bytes of a message, or of several at once, that may be on their way. */
  readonly messageBytes: number
  /** HTTP/2 pings: how often, and how long to wait for an answer. */
  readonly pingEveryMs: number
  readonly pingAnswerMs: number
  /** How often deadlines are looked at. */
  readonly sweepMs: number
}

/**
 * Agents are limited by agent, never by address: thousands may come from behind one. What is limited by address is who has not
 * shown a certificate yet, and the rate of new connections, since each costs a handshake (about a millisecond of CPU).
 */
export const defaultConnectionLimits: ConnectionLimits = {
  agents: 20_000,
  perAgent: 4,
  strangers: 1024,
  strangersPerAddress: 256,
  newPerSecond: 400,
  newPerSecondPerAddress: 200,
  handshakeMs: 10_000,
  strangerMs: 30_000,
  strangerBytes: 256 * 1024,
  idleMs: 15_000,
  messageMs: 60_000,
  messageBytes: 5 * 1024 * 1024,
  pingEveryMs: 20_000,
  pingAnswerMs: 10_000,
  sweepMs: 1000,
}

/** Why a connection is refused or ended by the controller: a label of a counter, and in the log. Add, never rename. */
export type ConnectionRefusal =
  /** More new ones a second than are let in, from its address or in all. */
  | 'too-fast'
  /** As many strangers as may be, of its address or in all; it has said nothing, or came last, or its address has most. */
  | 'crowded'
  | 'too-many-connections'
  /** One agent has too many connections, then its oldest goes; or comes again and again. */
  | 'too-many-of-agent'
  /** More calls on one connection than anybody makes. */
  | 'too-many-calls'
  | 'handshake-timeout'
  | 'stranger-timeout'
  | 'stranger-bytes'
  | 'no-call'
  | 'slow-message'
  /** No TLS, or none that we speak. */
  | 'tls'
  /** No HTTP/2. */
  | 'protocol'
  /** It does not answer pings: gone, or stuck. */
  | 'no-answer'
