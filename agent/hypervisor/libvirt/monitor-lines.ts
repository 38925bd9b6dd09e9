import { HypervisorUnavailable } from '../hypervisor.js'
import type { Caller, RpcConnection } from './connection.js'
import { CallAbandoned } from './rpc-error.js'

/**
 * Calls that libvirt passes on to a VM's own monitor. A VM that hangs keeps such a call, and the daemon's worker, for as long
 * as it hangs. So they have connections of their own, and only this many VMs are asked at a time.
 */
export const lineCount = 3
/** Lines that are all held by hanging VMs are set aside this often before we stop asking for more of the daemon's 20 workers. */
const maxSetAside = 2

/** Every line is held by a VM that hangs, and so are those set aside. Not this VM's fault. */
export class AllLinesStuck extends Error {
  override readonly name = 'AllLinesStuck'
}

export interface MonitorLinesOptions {
  readonly open: () => Promise<RpcConnection>
}

/** A connection and those of its lines that are in use. */
class Bundle {
  held = 0
  stuck = 0
  constructor(readonly connection: Promise<RpcConnection>) {}
}

/** Lends lines to VMs, one VM a line. A line whose call was abandoned comes back when the daemon answers. */
export class MonitorLines {
  readonly #open: () => Promise<RpcConnection>
  #current: Bundle | undefined
  readonly #setAside = new Set<Bundle>()
  #waiting: (() => void)[] = []
  #closed = false

  constructor({ open }: MonitorLinesOptions) {
    this.#open = open
  }

  /** Abandoned calls that the daemon still holds. */
  get stuck(): number {
    let count = this.#current?.stuck ?? 0
    for (const bundle of this.#setAside) count += bundle.stuck
    return count
  }

  /**
   * Runs one VM's calls on a line of its own, one after the other. The deadline is for all calls together, from the first one.
   * @throws AllLinesStuck, and what the calls throw
   */
  async run<T>(work: (caller: Caller) => Promise<T>, deadlineMs: number, signal: AbortSignal): Promise<T> {
    const bundle = await this.#take(signal)
    let late: Promise<unknown> | undefined
    try {
      const connection = await bundle.connection
      let endMs: number | undefined
      return await work({
        call: (procedure, args) => {
          endMs ??= performance.now() + deadlineMs
          return connection.call(procedure, args, { deadlineMs: endMs - performance.now(), signal })
        },
      })
    } catch (error) {
      if (error instanceof CallAbandoned) late = error.late
      throw error
    } finally {
      this.#giveBack(bundle, late)
    }
  }

  close(): void {
    this.#closed = true
    for (const bundle of [...this.#setAside, ...(this.#current === undefined ? [] : [this.#current])]) {
      endBundle(bundle)
    }
    this.#wakeAll()
  }

  async #take(signal: AbortSignal): Promise<Bundle> {
    for (;;) {
      if (this.#closed) throw new HypervisorUnavailable('the connection was closed')
      if (signal.aborted) throw new CallAbandoned('aborted', Promise.resolve('lost'), 'aborted')
      const bundle = this.#usable()
      if (bundle.held < lineCount) {
        bundle.held += 1
        return bundle
      }
      await this.#wait(signal)
    }
  }

  /** The bundle to ask on: a new one if there is none, if its connection failed, or if hanging VMs hold all of its lines. */
  #usable(): Bundle {
    const current = this.#current
    if (current !== undefined && current.stuck < lineCount) return current
    if (current !== undefined) {
      if (this.#setAside.size >= maxSetAside) throw new AllLinesStuck(`${this.stuck} VMs hang and hold every call`)
      this.#setAside.add(current)
    }
    const bundle = new Bundle(this.#open())
    this.#current = bundle
    const drop = (): void => {
      if (this.#current === bundle) this.#current = undefined
      this.#setAside.delete(bundle)
      this.#wakeAll()
    }
    bundle.connection
      .then((connection) => (this.#closed ? connection.close() : connection.ended.then(drop)))
      .catch(drop)
    return bundle
  }

  #giveBack(bundle: Bundle, late: Promise<unknown> | undefined): void {
    if (late === undefined) {
      bundle.held -= 1
      this.#wakeAll()
      return
    }
    bundle.stuck += 1
    this.#wakeAll()
    const free = (): void => {
      bundle.stuck -= 1
      bundle.held -= 1
      if (bundle.stuck === 0 && this.#setAside.delete(bundle)) endBundle(bundle)
      this.#wakeAll()
    }
    late.then(free).catch(free)
  }

  async #wait(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        signal.removeEventListener('abort', wake)
        resolve()
      }
      signal.addEventListener('abort', wake, { once: true })
      this.#waiting.push(wake)
    })
  }

  #wakeAll(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const wake of waiting) wake()
  }
}

function endBundle({ connection }: Bundle): void {
  // A connection that never opened has nothing to end.
  connection.then((open) => open.close()).catch(() => undefined)
}
