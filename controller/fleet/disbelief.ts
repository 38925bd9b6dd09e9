const mostVms = 10_000
const mostHosts = 16

/**
 * Hosts that said a VM had come to them while it ran on where it was. They are not believed that again before it stops there, so
 * that nobody takes over the history of another's VM by saying so at every beat.
 */
export class Disbelief {
  /** By VM, the one that was claimed last at the end. */
  readonly #claimants = new Map<string, Set<string>>()

  has(uuid: string, hostId: string): boolean {
    return this.#claimants.get(uuid)?.has(hostId) === true
  }

  add(uuid: string, hostId: string): void {
    const claimants = this.#claimants.get(uuid) ?? new Set()
    if (claimants.size < mostHosts) claimants.add(hostId)
    this.#claimants.delete(uuid)
    this.#claimants.set(uuid, claimants)
    const [oldest] = this.#claimants.keys()
    if (this.#claimants.size > mostVms && oldest !== undefined) this.#claimants.delete(oldest)
  }

  /** The VM does not run on that host: unless that is one of them, it may have gone to any. @returns whether that changes anything */
  lift(uuid: string, hostId: string): boolean {
    const claimants = this.#claimants.get(uuid)
    return claimants !== undefined && !claimants.has(hostId) && this.#claimants.delete(uuid)
  }
}
