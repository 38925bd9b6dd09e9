import { Backoff } from '../../../common/backoff.js'
import { pause } from '../../../common/lifecycle.js'
import type { Log } from '../../../common/log.js'
import { HypervisorUnavailable } from '../hypervisor.js'
import type { Session } from './session.js'

export interface SessionKeeperOptions<Kept extends Session> {
  /** Makes a connection that is ready for use. */
  readonly open: () => Promise<Kept>
  readonly onLost: (reason: string) => void
  readonly onBack: (session: Kept) => void
  readonly log: Log
}

/** libvirtd needs a second or two to come back; being away must not last much longer. */
const reconnect = { baseMs: 200, capMs: 4000 } as const

/** Holds the connection to a libvirt daemon, and makes another whenever it ends, until closed. */
export class SessionKeeper<Kept extends Session> {
  readonly #options: SessionKeeperOptions<Kept>
  readonly #closing = new AbortController()
  #session: Kept | undefined
  #away = 'not connected yet'
  #keeping: Promise<void> = Promise.resolve()

  constructor(options: SessionKeeperOptions<Kept>) {
    this.#options = options
  }

  /** Undefined while the connection is down. */
  get session(): Kept | undefined {
    return this.#session
  }

  /** Why there is no connection. */
  get away(): string {
    return this.#away
  }

  /** @throws HypervisorUnavailable while the connection is down */
  connected(): Kept {
    if (this.#session === undefined) throw new HypervisorUnavailable(this.#away)
    return this.#session
  }

  /**
   * Makes the first connection and keeps it from then on. Once.
   * @param prepare what must be known of the host before anything else
   * @throws what `open` and `prepare` throw; then nothing is kept
   */
  async start(prepare: (session: Kept) => Promise<void>): Promise<void> {
    const session = await this.#options.open()
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

  async #keep(first: Kept): Promise<void> {
    const { log, onLost, onBack } = this.#options
    const { signal } = this.#closing
    let session = first
    for (;;) {
      const reason = await session.control.ended
      session.close()
      if (signal.aborted) return
      this.#session = undefined
      this.#away = reason.message
      log.warn({ socket: session.socket, reason: reason.message }, 'connection to libvirt lost')
      onLost(reason.message)
      const next = await this.#reopen(signal)
      if (next === undefined) return
      session = next
      this.#session = session
      log.info({ socket: session.socket }, 'connected to libvirt again')
      onBack(session)
    }
  }

  async #reopen(signal: AbortSignal): Promise<Kept | undefined> {
    const { open, log } = this.#options
    const backoff = new Backoff(reconnect)
    for (;;) {
      await pause(backoff.nextMs(), signal)
      if (signal.aborted) return undefined
      try {
        const session = await open()
        if (!signal.aborted) return session
        session.close()
        return undefined
      } catch (error) {
        this.#away = error instanceof Error ? error.message : String(error)
        log.debug({ err: error }, 'libvirt is still away')
      }
    }
  }
}
