import { Backoff } from '../../../common/backoff.js'
import { pause } from '../../../common/lifecycle.js'
import type { Log } from '../../../common/log.js'
import { HypervisorUnavailable, type HypervisorEvent } from '../hypervisor.js'
import type { EventSource } from './event-source.js'
import { openSession, type Session, type SessionOptions } from './session.js'

/** A connection whose events are followed. */
export interface FollowedSession extends Session {
  readonly hasEvents: boolean
}

export interface SessionKeeperOptions {
  readonly session: Omit<SessionOptions, 'onMessage'>
  /** Follows the events of each connection. */
  readonly events: EventSource
  /** Anything may change until there is another connection. */
  readonly onLost: () => void
  /** Hears when the connection is lost, and when there is another. */
  readonly onEvent: (event: HypervisorEvent) => void
  readonly now: () => number
  readonly log: Log
}

/** libvirtd needs a second or two to come back; being away must not last much longer. */
const reconnect = { baseMs: 200, capMs: 4000 } as const

/** Holds the connection to a libvirt daemon, and makes another whenever it ends, until closed. */
export class SessionKeeper {
  readonly #options: SessionKeeperOptions
  readonly #closing = new AbortController()
  #session: FollowedSession | undefined
  #away = 'not connected yet'
  #keeping: Promise<void> = Promise.resolve()

  constructor(options: SessionKeeperOptions) {
    this.#options = options
  }

  /** Undefined while the connection is down. */
  get session(): FollowedSession | undefined {
    return this.#session
  }

  /** Why there is no connection. */
  get away(): string {
    return this.#away
  }

  /** @throws HypervisorUnavailable while the connection is down */
  connected(): FollowedSession {
    if (this.#session === undefined) throw new HypervisorUnavailable(this.#away)
    return this.#session
  }

  /**
   * Makes the first connection and keeps it from then on. Once.
   * @param prepare what must be known of the host before anything else
   * @throws HypervisorDenied, HypervisorUnavailable, or what listing the VMs or `prepare` throws; then nothing is kept
   */
  async start(prepare: (session: FollowedSession) => Promise<void>): Promise<void> {
    const session = await this.#open()
    try {
      await prepare(session)
    } catch (error) {
      session.close()
      throw error
    }
    this.#session = session
    this.#keeping = this.#keep(session)
  }

  async close(): Promise<void> {
    this.#closing.abort()
    this.#session?.close()
    this.#session = undefined
    this.#away = 'closed'
    await this.#keeping
  }

  async #keep(first: FollowedSession): Promise<void> {
    const { log, onLost } = this.#options
    const { signal } = this.#closing
    let session = first
    for (;;) {
      const reason = await session.control.ended
      session.close()
      if (signal.aborted) return
      this.#session = undefined
      this.#away = reason.message
      log.warn({ socket: session.socket, reason: reason.message }, 'connection to libvirt lost')
      onLost()
      this.#tell('hypervisor-lost', reason.message)
      const next = await this.#reopen(signal)
      if (next === undefined) return
      session = next
      this.#session = session
      log.info({ socket: session.socket }, 'connected to libvirt again')
      this.#tell('hypervisor-back', session.socket)
    }
  }

  async #reopen(signal: AbortSignal): Promise<FollowedSession | undefined> {
    const { log } = this.#options
    const backoff = new Backoff(reconnect)
    for (;;) {
      await pause(backoff.nextMs(), signal)
      if (signal.aborted) return undefined
      try {
        const session = await this.#open()
        if (!signal.aborted) return session
        session.close()
        return undefined
      } catch (error) {
        this.#away = error instanceof Error ? error.message : String(error)
        log.debug({ err: error }, 'libvirt is still away')
      }
    }
  }

  async #open(): Promise<FollowedSession> {
    const { session: options, events } = this.#options
    const session = await openSession({
      ...options,
      onMessage: (procedure, payload) => events.receive(procedure, payload),
    })
    try {
      return { ...session, hasEvents: await events.follow(session.control) }
    } catch (error) {
      session.close()
      throw error
    }
  }

  #tell(kind: 'hypervisor-lost' | 'hypervisor-back', message: string): void {
    this.#options.onEvent({ atMs: this.#options.now(), kind, reason: 'unknown', message })
  }
}
