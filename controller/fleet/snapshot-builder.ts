import { groupBy } from '../../common/group-by.js'
import type { AgentState, Disk, Host, Snapshot, StorageArray, Vm } from '../model/snapshot.js'
import { arrayOf } from './array-in-snapshot.js'
import type { CopyOnHost } from './handover.js'
import type { HostRecord } from './host-record.js'
import { place } from './placement.js'
import type { VmCopy } from './vm-copy.js'

/** A snapshot of nothing. */
export function emptyView(): Snapshot {
  return {
    revision: 0,
    at: 0,
    hosts: new Map(),
    vms: new Map(),
    disks: new Map(),
    arrays: new Map(),
    placements: new Map(),
    agents: new Map(),
  }
}

interface Source {
  readonly revision: number
  readonly at: number
  readonly hosts: ReadonlyMap<string, HostRecord>
  readonly agents: ReadonlyMap<string, AgentState>
}

/** Collects what changed and rebuilds only that; everything else is shared with the snapshot before. */
export class SnapshotBuilder {
  readonly #hosts = new Set<string>()
  readonly #vms = new Set<string>()
  readonly #arrays = new Set<string>()
  #agents = false
  #marks = 0

  /** How often anything was said to have changed. */
  get marks(): number {
    return this.#marks
  }

  get dirty(): boolean {
    return this.#agents || this.#hosts.size + this.#vms.size + this.#arrays.size > 0
  }

  hostChanged(host: HostRecord): void {
    this.#marks += 1
    this.#hosts.add(host.id)
  }

  vmChanged(uuid: string): void {
    this.#marks += 1
    this.#vms.add(uuid)
  }

  arrayChanged(key: string): void {
    if (key === '') return
    this.#marks += 1
    this.#arrays.add(key)
  }

  /** A copy of a VM: what arrays carry follows from it. */
  copyChanged({ uuid, facts }: VmCopy): void {
    this.vmChanged(uuid)
    for (const disk of facts?.disks ?? []) this.arrayChanged(disk.arrayKey)
  }

  hostAndCopiesChanged(host: HostRecord): void {
    this.hostChanged(host)
    for (const key of host.arrayMetrics.keys()) this.arrayChanged(key)
    for (const copy of host.copies.values()) this.copyChanged(copy)
  }

  agentsChanged(): void {
    this.#marks += 1
    this.#agents = true
  }

  build(before: Snapshot, source: Source): Snapshot {
    const { revision, at } = source
    const copiesOf = indexCopies(source.hosts, this.#vms)
    const vms = new Map(before.vms)
    const disks = new Map(before.disks)
    const placements = new Map(before.placements)
    for (const uuid of this.#vms) {
      for (const id of vms.get(uuid)?.diskIds ?? []) disks.delete(id)
      const placed = place(uuid, copiesOf.get(uuid) ?? [])
      if (placed === undefined) {
        vms.delete(uuid)
        placements.delete(uuid)
        continue
      }
      const context = placed.host.context(uuid)
      vms.set(uuid, placed.copy.toVm(revision, context))
      placements.set(uuid, placed.placement)
      for (const disk of placed.copy.toDisks(revision, context)) disks.set(disk.id, disk)
    }
    const hosts = this.#buildHosts(before.hosts, source)
    const arrays = this.#buildArrays(before.arrays, disks, source, vms)
    const agents = this.#agents ? new Map(source.agents) : before.agents
    this.#hosts.clear()
    this.#vms.clear()
    this.#arrays.clear()
    this.#agents = false
    return { revision, at, hosts, vms, disks, arrays, placements, agents }
  }

  #buildHosts(before: ReadonlyMap<string, Host>, source: Source): ReadonlyMap<string, Host> {
    if (this.#hosts.size === 0) return before
    const hosts = new Map(before)
    for (const id of this.#hosts) {
      const record = source.hosts.get(id)
      if (record === undefined) hosts.delete(id)
      else hosts.set(id, record.toHost(source.revision))
    }
    return hosts
  }

  #buildArrays(
    before: ReadonlyMap<string, StorageArray>,
    disks: ReadonlyMap<string, Disk>,
    source: Source,
    vms: ReadonlyMap<string, Vm>,
  ): ReadonlyMap<string, StorageArray> {
    if (this.#arrays.size === 0) return before
    const arrays = new Map(before)
    const members = groupBy(disks.values(), (disk) => disk.arrayKey)
    for (const key of this.#arrays) {
      const array = arrayOf(key, members.get(key) ?? [], source, vms)
      if (array === undefined) arrays.delete(key)
      else arrays.set(key, array)
    }
    return arrays
  }
}

function indexCopies(hosts: ReadonlyMap<string, HostRecord>, uuids: ReadonlySet<string>): Map<string, CopyOnHost[]> {
  const copies = new Map<string, CopyOnHost[]>()
  for (const host of hosts.values()) {
    // Whichever are fewer.
    for (const uuid of uuids.size < host.copies.size ? uuids : host.copies.keys()) {
      const copy = uuids.has(uuid) ? host.copies.get(uuid) : undefined
      if (copy === undefined) continue
      const found = copies.get(uuid)
      if (found === undefined) copies.set(uuid, [{ host, copy }])
      else found.push({ host, copy })
    }
  }
  return copies
}
