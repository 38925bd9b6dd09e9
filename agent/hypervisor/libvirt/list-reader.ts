import {
  HypervisorDenied,
  HypervisorUnavailable,
  type GapReason,
  type Sample,
  type SampleGroup,
} from '../hypervisor.js'
import type { GapBook } from './gap-book.js'
import { CallAbandoned } from './rpc-error.js'

/**
 * The list of all VMs, which a pass begins with. Remembers the last one; what goes wrong is a gap of the whole host. As long
 * as a list that nobody waits for any more is still owed, no other is asked for.
 */
export class ListReader<List> {
  #last: { readonly connection: object; readonly list: List } | undefined
  #owed = false

  constructor(
    private readonly gaps: GapBook,
    private readonly now: () => number,
  ) {}

  /** The last one, if it came over this connection. */
  last(connection: object): List | undefined {
    return this.#last?.connection === connection ? this.#last.list : undefined
  }

  /**
   * @param ask gets the list, and does what has to be done before anybody uses it
   * @returns the list, or what there is without one: a gap for each group
   * @throws HypervisorUnavailable when the connection is down, CallAbandoned when the signal aborts
   */
  async read(
    connection: object,
    groups: ReadonlySet<SampleGroup>,
    ask: () => Promise<List>,
  ): Promise<{ readonly list: List } | Sample> {
    if (this.#owed) return this.#missing(groups, 'timeout', 'the last list of VMs has not been answered yet')
    try {
      const list = await ask()
      for (const group of groups) this.gaps.present(undefined, group)
      this.#last = { connection, list }
      return { list }
    } catch (error) {
      if (error instanceof HypervisorUnavailable) throw error
      const message = `the list of VMs: ${error instanceof Error ? error.message : String(error)}`
      if (error instanceof HypervisorDenied) return this.#missing(groups, 'denied', message)
      if (!(error instanceof CallAbandoned)) return this.#missing(groups, 'failed', message)
      this.#owe(error.late)
      if (error.why === 'aborted') throw error
      return this.#missing(groups, 'timeout', message)
    }
  }

  #missing(groups: ReadonlySet<SampleGroup>, reason: GapReason, message: string): Sample {
    const gaps = [...groups].map((group) => this.gaps.missing(undefined, group, reason, message, this.now()))
    return { vms: [], gaps }
  }

  #owe(late: Promise<unknown>): void {
    this.#owed = true
    void late.finally(() => {
      this.#owed = false
    })
  }
}
