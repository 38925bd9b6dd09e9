import type { HostRaw } from '../hypervisor.js'

/** One domain's CPU time; `key` names its run. */
export interface DomainCpu {
  readonly key: string
  readonly cpuSeconds: number
}

/**
 * CPU time of the whole machine, from that of its domains. dom0's /proc/stat counts dom0's virtual CPUs only, and libvirt has
 * no figure of its own for Xen.
 *
 * A domain takes its total with it when it ends, so the sum is kept as growth. What a domain used between its last reading
 * and its end is missing.
 */
export class HostUsage {
  readonly #last = new Map<string, number>()
  #guestSeconds = 0

  /** @returns dom0's time as system time, that of all VMs as guests' time, which user time contains */
  add(
    dom0Seconds: number,
    guests: readonly DomainCpu[],
  ): Required<Pick<HostRaw, 'cpuUserSeconds' | 'cpuSystemSeconds' | 'cpuGuestSeconds'>> {
    const keys = new Set(guests.map(({ key }) => key))
    for (const key of this.#last.keys()) if (!keys.has(key)) this.#last.delete(key)
    for (const { key, cpuSeconds } of guests) {
      this.#guestSeconds += Math.max(0, cpuSeconds - (this.#last.get(key) ?? 0))
      this.#last.set(key, cpuSeconds)
    }
    return {
      cpuUserSeconds: this.#guestSeconds,
      cpuSystemSeconds: dom0Seconds,
      cpuGuestSeconds: this.#guestSeconds,
    }
  }
}
