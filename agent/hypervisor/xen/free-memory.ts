import type { ListedRow } from './tool-list.js'

const longestMs = 60_000

/**
 * Decides when to ask how much memory the hypervisor has left: as long as the memory of domains changes, once more after
 * that, as it takes Xen a while to clear what a domain gave back, and else once a minute.
 */
export class FreeMemory {
  #ofDomains = ''
  #known:
    | { readonly bytes: number; readonly atMs: number; readonly ofDomains: string; readonly settled: boolean }
    | undefined

  /** A list came by. */
  listed(rows: readonly ListedRow[]): void {
    this.#ofDomains = rows.map(({ id, memoryBytes }) => `${id} ${memoryBytes}`).join(';')
  }

  /** The answer of the last time, if it still holds. */
  still(nowMs: number): number | undefined {
    const known = this.#known
    if (known === undefined || !known.settled || known.ofDomains !== this.#ofDomains) return undefined
    return Math.abs(nowMs - known.atMs) < longestMs ? known.bytes : undefined
  }

  /** The host said how much it is. */
  told(bytes: number, atMs: number): void {
    const ofDomains = this.#ofDomains
    this.#known = { bytes, atMs, ofDomains, settled: this.#known?.ofDomains === ofDomains }
  }
}
