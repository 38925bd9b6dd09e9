import type { Log } from '../../../common/log.js'
import { waitAtMost } from '../../host/wait-at-most.js'
import { isCalledOtherwise } from './tool-domain-list.js'
import type { ToolDomain } from './tool-domain.js'
import type { ListedRow } from './tool-list.js'

export interface ToolDefinitionsOptions {
  /** Reads all of them; ends by itself. */
  readonly read: () => Promise<readonly ToolDomain[]>
  readonly deadlineMs: number
  readonly log: Log
}

/** A domain that is just being made gets its definition a little later than it is listed; some never get one. */
const mostTries = 5

/**
 * Which VM each domain of the short list is. That list has no UUIDs, and the long one costs much: it is read when the short
 * one has a domain that it did not tell of or calls one otherwise, and whenever the inventory is.
 */
export class ToolDefinitions {
  readonly #options: ToolDefinitionsOptions
  #all: readonly ToolDomain[] = []
  /** By number. Also those that the long list does not tell of any more, as long as the short one has them. */
  readonly #live = new Map<number, ToolDomain>()
  #off: ReadonlyMap<string, ToolDomain> = new Map()
  /** How often a domain of the short list was looked for in vain. */
  readonly #tries = new Map<string, number>()
  #reading: Promise<void> | undefined

  constructor(options: ToolDefinitionsOptions) {
    this.#options = options
  }

  /** All VMs of the long list, as it was when it was last read. */
  get all(): readonly ToolDomain[] {
    return this.#all
  }

  /** A number belongs to one run of one VM, whatever that is called by now, until the host is booted anew: see `isCalledOtherwise`. */
  of({ id, name }: ListedRow): ToolDomain | undefined {
    return id === undefined ? this.#off.get(name ?? '') : this.#live.get(id)
  }

  /** Brings all up to date. Who asks while it is being read waits for that. @throws what `read` throws */
  refresh(signal: AbortSignal): Promise<void> {
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined
    })
    return waitAtMost(this.#reading, this.#options.deadlineMs, 'the definitions of all VMs', signal)
  }

  /** Makes sure that the domains of a list are known, as far as they can be. What fails is logged, and tried again. */
  async complete(rows: readonly ListedRow[], signal: AbortSignal): Promise<void> {
    const ids = new Set(rows.map(({ id }) => id))
    for (const id of this.#live.keys()) if (!ids.has(id)) this.#live.delete(id)
    const isUnknown = (row: ListedRow): boolean => {
      const known = this.of(row)
      return row.id !== 0 && (known === undefined || isCalledOtherwise(row, known))
    }
    const unknown = new Set(rows.filter(isUnknown).map(keyOf))
    for (const key of this.#tries.keys()) if (!unknown.has(key)) this.#tries.delete(key)
    const due = [...unknown].filter((key) => (this.#tries.get(key) ?? 0) < mostTries)
    if (due.length === 0) return
    for (const key of due) this.#tries.set(key, (this.#tries.get(key) ?? 0) + 1)
    try {
      await this.refresh(signal)
    } catch (error) {
      this.#options.log.warn({ err: error }, 'the definitions of VMs cannot be read')
    }
  }

  async #read(): Promise<void> {
    this.#all = await this.#options.read()
    for (const domain of this.#all) if (domain.id !== undefined) this.#live.set(domain.id, domain)
    this.#off = new Map(this.#all.flatMap((domain) => (domain.id === undefined ? [[domain.name, domain]] : [])))
  }
}

function keyOf({ id, name }: ListedRow): string {
  return `${id ?? 'off'} ${name ?? ''}`
}
