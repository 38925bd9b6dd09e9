import type { HostRaw } from '../hypervisor.js'
import type { DomainCpu } from './toolstack.js'

/**
 * CPU time of the whole machine, from that of its domains. dom0's /proc/stat counts dom0's virtual CPUs only, and no
 * management software has a figure of its own.
 *
 * A domain takes its total with it when it ends, so the sum is kept as growth. What a domain used between its last reading
 * and its end is missing.
 */
export class HostUsage {
  /** By domain id, which is never used twice while the host is up. */
  readonly #last = new Map<number, number>()
  #guestSeconds = 0

  /** @returns dom0's time as system time, that of all VMs as guests' time, which user time contains */
  add(
    dom0Seconds: number,
    guests: readonly DomainCpu[],
  ): Required<Pick<HostRaw, 'cpuUserSeconds' | 'cpuSystemSeconds' | 'cpuGuestSeconds'>> {
    const ids = new Set(guests.map(({ id }) => id))
    for (const id of this.#last.keys()) if (!ids.has(id)) this.#last.delete(id)
    for (const { id, cpuSeconds } of guests) {
      this.#guestSeconds += Math.max(0, cpuSeconds - (this.#last.get(id) ?? 0))
      this.#last.set(id, cpuSeconds)
    }
    return {
      cpuUserSeconds: this.#guestSeconds,
      cpuSystemSeconds: dom0Seconds,
      cpuGuestSeconds: this.#guestSeconds,
    }
  }
}
