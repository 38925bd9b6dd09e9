import { sourceOf } from '../../common/peer-address.js'
import { KeyedBuckets, TokenBucket, type Rate } from '../../common/token-bucket.js'
import type { ConnectionLimits, ConnectionRefusal } from './connection-limits.js'

/** As much of a socket as is needed to judge it. */
export interface ConnectedSocket {
  /** Bytes off the network so far. */
  readonly bytesRead: number
  destroy(): unknown
}

/** One open connection, as the book keeps it. */
export interface Connection {
  readonly socket: ConnectedSocket
  readonly peer: string
  /** What is limited as one address. */
  readonly source: string
  readonly acceptedAt: number
  /** Handshake not done; done without a certificate of ours; or the agent's id. */
  identity: 'handshake' | 'stranger' | { readonly agentId: string }
  /** Since when no call is open in which the peer has said something; undefined while there is one. */
  idleSince: number | undefined
  /** Why the controller ended it. */
  endedFor: ConnectionRefusal | undefined
  readonly calls: Set<CallTrack>
  readonly callRate: TokenBucket
  /** When the last message was complete, or asked for, and what was off the network by then. */
  quietAt: number
  bytesBefore: number
  /** Since when more of a message has come than goes unnoticed. */
  partialSince: number | undefined
}

/** Pings and the like between two messages. Who dribbles less than this costs nothing. */
const unnoticedBytes = 4096
const unnoticedBytesPerSecond = 16
const mostSources = 10_000
/** A peer that means to shake hands has begun by then. */
const firstWordMs = 3000
const none: ReadonlySet<Connection> = new Set()
/** Far more than a session, its renewal and its consoles take; whoever opens calls and drops them is stopped by it. */
const callRate = { perSecond: 1, burst: 32 } as const
/** New connections of one agent: it comes back with a wait that grows. */
const returnRate = { perSecond: 1, burst: 20 } as const

/**
 * All connections to the agents' port, and which of them has to go: pure bookkeeping, with time as an argument. Agents have
 * places of their own; strangers, who have not shown a certificate of ours yet, share others, so many of one address.
 */
export class ConnectionBook {
  readonly #strangers = new Set<Connection>()
  readonly #bySource = new Map<string, Set<Connection>>()
  readonly #byAgent = new Map<string, Set<Connection>>()
  readonly #newOfSource: KeyedBuckets
  readonly #newOfAgent: KeyedBuckets
  readonly #newOfAll: TokenBucket
  #agentConnections = 0

  constructor(
    private readonly limits: ConnectionLimits,
    private readonly onRefused: (reason: ConnectionRefusal, peer: string) => void,
    now: number,
  ) {
    const { newPerSecond, newPerSecondPerAddress, agents } = limits
    this.#newOfAll = new TokenBucket(atOnce(newPerSecond), now)
    this.#newOfSource = new KeyedBuckets(atOnce(newPerSecondPerAddress), mostSources)
    this.#newOfAgent = new KeyedBuckets(returnRate, agents * 2)
  }

  get strangers(): number {
    return this.#strangers.size
  }

  get agentConnections(): number {
    return this.#agentConnections
  }

  /** A new connection; undefined if it is refused, and its socket destroyed. */
  accept(
    socket: ConnectedSocket,
    from: { readonly address: string; readonly port: number },
    now: number,
  ): Connection | undefined {
    const peer = `${from.address}:${from.port}`
    const source = sourceOf(from.address)
    if (!this.#newOfSource.take(source, 1, now) || !this.#newOfAll.take(1, now)) {
      this.onRefused('too-fast', peer)
      socket.destroy()
      return undefined
    }
    const connection: Connection = {
      socket,
      peer,
      source,
      acceptedAt: now,
      identity: 'handshake',
      idleSince: now,
      endedFor: undefined,
      calls: new Set(),
      callRate: new TokenBucket(callRate, now),
      quietAt: now,
      bytesBefore: 0,
      partialSince: undefined,
    }
    if (!this.#makeRoom(source, now)) {
      this.onRefused('crowded', peer)
      socket.destroy()
      return undefined
    }
    this.#strangers.add(connection)
    setAt(this.#bySource, source).add(connection)
    return connection
  }

  /** Its handshake is done. @param agentId undefined if it came without a certificate of ours that is valid now */
  identify(connection: Connection, agentId: string | undefined, now: number): void {
    if (connection.endedFor !== undefined) return
    connection.idleSince = now
    if (agentId === undefined) {
      connection.identity = 'stranger'
      return
    }
    this.#forgetStranger(connection)
    connection.identity = { agentId }
    // It is in none of the sets yet.
    if (this.#agentConnections >= this.limits.agents) return this.#end(connection, 'too-many-connections')
    if (!this.#newOfAgent.take(agentId, 1, now)) return this.#end(connection, 'too-many-of-agent')
    const own = setAt(this.#byAgent, agentId)
    if (own.size >= this.limits.perAgent) this.#endOldest(own, 'too-many-of-agent')
    setAt(this.#byAgent, agentId).add(connection)
    this.#agentConnections += 1
  }

  /** It is closed, by whomever. */
  closed(connection: Connection): void {
    this.#forgetStranger(connection)
    if (typeof connection.identity === 'string') return
    const { agentId } = connection.identity
    const own = this.#byAgent.get(agentId)
    if (own?.delete(connection) === true) this.#agentConnections -= 1
    if (own?.size === 0) this.#byAgent.delete(agentId)
  }

  openCall(connection: Connection, now: number): CallTrack {
    const call = new CallTrack(connection)
    connection.calls.add(call)
    if (connection.endedFor === undefined && !connection.callRate.take(1, now)) this.#end(connection, 'too-many-calls')
    return call
  }

  /** Ends what is over one of its deadlines. */
  sweep(now: number): void {
    for (const connection of this.#strangers) {
      const reason = this.#fault(connection, now)
      if (reason !== undefined) this.#end(connection, reason)
    }
    for (const own of this.#byAgent.values()) {
      for (const connection of own) {
        const reason = this.#fault(connection, now)
        if (reason !== undefined) this.#end(connection, reason)
      }
    }
    this.#newOfSource.sweep(now)
    this.#newOfAgent.sweep(now)
  }

  #fault(connection: Connection, now: number): ConnectionRefusal | undefined {
    const { handshakeMs, strangerMs, strangerBytes, idleMs } = this.limits
    const { identity, idleSince, acceptedAt, socket } = connection
    if (identity === 'handshake' && now - acceptedAt >= handshakeMs) return 'handshake-timeout'
    if (typeof identity === 'string') {
      if (now - acceptedAt >= strangerMs) return 'stranger-timeout'
      if (socket.bytesRead > strangerBytes) return 'stranger-bytes'
    }
    if (identity !== 'handshake' && idleSince !== undefined && now - idleSince >= idleMs) return 'no-call'
    return this.#dribbles(connection, now) ? 'slow-message' : undefined
  }

  /** Whether a message takes too long, or more than one message is on its way unfinished. */
  #dribbles(connection: Connection, now: number): boolean {
    const { calls, quietAt, bytesBefore, socket } = connection
    const bytes = socket.bytesRead - bytesBefore
    const unnoticed = unnoticedBytes + (unnoticedBytesPerSecond * Math.max(0, now - quietAt)) / 1000
    if (bytes <= unnoticed || !some(calls, (call) => call.isAwaiting)) {
      connection.partialSince = undefined
      return false
    }
    connection.partialSince ??= now
    return bytes > this.limits.messageBytes || now - connection.partialSince >= this.limits.messageMs
  }

  /**
   * Room for one stranger more. Who has said nothing goes first. If all are in the midst of their handshakes those that came
   * first are left to end them, or nobody ever would; but no address keeps others out by having more of them.
   */
  #makeRoom(source: string, now: number): boolean {
    const { strangers, strangersPerAddress } = this.limits
    const own = this.#bySource.get(source) ?? none
    if (own.size >= strangersPerAddress) return this.#endSilent(own, now)
    if (this.#strangers.size < strangers || this.#endSilent(this.#strangers, now)) return true
    let most = own
    for (const others of this.#bySource.values()) if (others.size > most.size) most = others
    if (most.size <= own.size + 1) return false
    this.#endOldest(most, 'crowded')
    return true
  }

  /** Ends the oldest that has not said a word, if it had time to. */
  #endSilent(of: ReadonlySet<Connection>, now: number): boolean {
    for (const connection of of) {
      if (now - connection.acceptedAt < firstWordMs) return false
      if (connection.socket.bytesRead > 0) continue
      this.#end(connection, 'crowded')
      return true
    }
    return false
  }

  #endOldest(of: ReadonlySet<Connection>, reason: ConnectionRefusal): void {
    for (const oldest of of) {
      this.#end(oldest, reason)
      return
    }
  }

  #end(connection: Connection, reason: ConnectionRefusal): void {
    connection.endedFor = reason
    this.onRefused(reason, connection.peer)
    this.closed(connection)
    connection.socket.destroy()
  }

  #forgetStranger(connection: Connection): void {
    if (!this.#strangers.delete(connection)) return
    const neighbours = this.#bySource.get(connection.source)
    neighbours?.delete(connection)
    if (neighbours?.size === 0) this.#bySource.delete(connection.source)
  }
}

/** One call on a connection. */
export class CallTrack {
  #isAwaiting = false
  #hasSpoken = false

  constructor(private readonly connection: Connection) {}

  /** The handler wants the next message: what takes long now is the peer's doing. */
  get isAwaiting(): boolean {
    return this.#isAwaiting
  }

  get hasSpoken(): boolean {
    return this.#hasSpoken
  }

  /** The handler asks for a message. */
  awaits(now: number): void {
    this.#isAwaiting = true
    this.#begin(now)
  }

  /** A message is complete. */
  received(now: number): void {
    this.#isAwaiting = false
    this.#hasSpoken = true
    if (this.connection.calls.has(this)) this.connection.idleSince = undefined
    this.#begin(now)
  }

  /** Answered, refused or given up. */
  ended(now: number): void {
    const { calls } = this.connection
    if (calls.delete(this) && !some(calls, (call) => call.hasSpoken)) this.connection.idleSince ??= now
  }

  #begin(now: number): void {
    this.connection.quietAt = now
    this.connection.bytesBefore = this.connection.socket.bytesRead
    this.connection.partialSince = undefined
  }
}

/** A rate of which a quarter of a second's worth may come at once: as many handshakes in one go hold up everybody else. */
function atOnce(perSecond: number): Rate {
  return { perSecond, burst: Math.max(1, perSecond / 4) }
}

function setAt<Item>(map: Map<string, Set<Item>>, key: string): Set<Item> {
  const known = map.get(key)
  if (known !== undefined) return known
  const made = new Set<Item>()
  map.set(key, made)
  return made
}

function some<Item>(items: Iterable<Item>, test: (item: Item) => boolean): boolean {
  for (const item of items) if (test(item)) return true
  return false
}
