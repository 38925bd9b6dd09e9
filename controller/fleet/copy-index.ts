import type { CopyOnHost } from './handover.js'
import type { HostRecord } from './host-record.js'

/** Which hosts have a copy of a VM: mostly one, two during a migration. */
export class CopyIndex {
  readonly #hosts = new Map<string, Set<HostRecord>>()

  add(host: HostRecord, uuid: string): void {
    const hosts = this.#hosts.get(uuid)
    if (hosts === undefined) this.#hosts.set(uuid, new Set([host]))
    else hosts.add(host)
  }

  remove(host: HostRecord, uuid: string): void {
    const hosts = this.#hosts.get(uuid)
    hosts?.delete(host)
    if (hosts?.size === 0) this.#hosts.delete(uuid)
  }

  addAll(host: HostRecord): void {
    for (const uuid of host.copies.keys()) this.add(host, uuid)
  }

  removeAll(host: HostRecord): void {
    for (const uuid of host.copies.keys()) this.remove(host, uuid)
  }

  /** The copies that other hosts have of it. */
  others(host: HostRecord, uuid: string): readonly CopyOnHost[] {
    const hosts = this.#hosts.get(uuid)
    if (hosts === undefined || (hosts.size === 1 && hosts.has(host))) return none
    return [...hosts].flatMap((other) => {
      const copy = other === host ? undefined : other.copies.get(uuid)
      return copy === undefined ? [] : [{ host: other, copy }]
    })
  }
}

const none: readonly CopyOnHost[] = []
