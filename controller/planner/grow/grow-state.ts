import type { FleetSpec, HostSpec, VmSpec } from '../../../common/fleet-file/fleet-spec.js'
import { formatBytes, formatMemory } from '../../../common/units.js'
import { hypervisorOf, localRoomBytes } from '../fleet-file/fleet-hosts.js'
import { classOf } from '../fleet-file/fleet-problem.js'
import type { Refusal } from '../problem.js'
import type { GrowStep } from './grow-step.js'

/** A fleet in the middle of growing: where VMs are, which hosts are down, and what each has. */
export class GrowState {
  readonly #hosts = new Map<string, HostSpec>()
  readonly #vms = new Map<string, VmSpec>()
  readonly #down = new Set<string>()
  /** Names of hosts that see an array. */
  readonly #seenBy: ReadonlyMap<string, Set<string>>
  readonly #apart: readonly { readonly name: string; readonly members: readonly string[] }[]

  constructor(readonly spec: FleetSpec) {
    for (const host of spec.hosts) this.#hosts.set(host.name, host)
    for (const vm of spec.vms) this.#vms.set(vm.name, vm)
    this.#seenBy = new Map(spec.arrays.map(({ name, hosts }) => [name, new Set(hosts)]))
    this.#apart = [...spec.services, ...spec.apart.map((members) => ({ name: members.join(' and '), members }))]
  }

  get hosts(): readonly HostSpec[] {
    return [...this.#hosts.values()]
  }

  get vms(): readonly VmSpec[] {
    return [...this.#vms.values()]
  }

  host(name: string): HostSpec | undefined {
    return this.#hosts.get(name)
  }

  isDown(host: string): boolean {
    return this.#down.has(host)
  }

  on(host: string): VmSpec[] {
    return this.vms.filter((vm) => vm.host === host)
  }

  /** Memory that more VMs may take. */
  leftBytes(host: string): number {
    const used = this.on(host).reduce((sum, { running, memoryBytes }) => sum + (running ? memoryBytes : 0), 0)
    return (this.#hosts.get(host)?.memoryBytes ?? 0) - this.spec.policy.hostReserveBytes - used
  }

  /** Free places for disks; undefined: not on record. */
  freeSlots(host: string): number | undefined {
    const { sataSlots, localDisksBytes = [] } = this.#hosts.get(host) ?? {}
    return sataSlots === undefined ? undefined : sataSlots - localDisksBytes.length
  }

  /** Core VMs beside personal ones is no reason not to gather them for a while: it is told. */
  mixes(vm: VmSpec, host: string): boolean {
    const own = classOf(this.spec, vm)
    if (own === undefined) return false
    return this.on(host).some((other) => {
      const of = classOf(this.spec, other)
      return of !== undefined && of !== own
    })
  }

  /** Why the VM may not go there as it is; undefined: it may. */
  refusal(
    vm: VmSpec,
    to: string,
    how: 'live' | 'cold-copy' | 'disk-swap',
    besides: readonly VmSpec[] = [],
  ): Refusal | undefined {
    const from = this.#hosts.get(vm.host)
    const target = this.#hosts.get(to)
    if (from === undefined || target === undefined) return { rule: 'host-up', reason: `there is no host ${to}` }
    if (vm.host === to) return { rule: 'host-up', reason: `${vm.name} is on ${to} already` }
    if (this.#down.has(to)) return { rule: 'host-up', reason: `${to} is down` }
    if (hypervisorOf(from) !== hypervisorOf(target))
      return { rule: 'same-hypervisor', reason: `${to} runs ${target.kind} ${target.version}` }
    if (how === 'live' ? vm.storage === 'local' : vm.storage !== 'local') {
      return {
        rule: 'storage-reach',
        reason: `${vm.name} is ${vm.storage === 'local' ? 'on local disk' : `on ${vm.storage}`}`,
      }
    }
    if (how === 'live' && this.#seenBy.get(vm.storage)?.has(to) !== true) {
      return { rule: 'storage-reach', reason: `${to} does not see ${vm.storage}` }
    }
    const taken = besides.reduce((sum, one) => sum + (one.running ? one.memoryBytes : 0), 0)
    const short = (vm.running ? vm.memoryBytes : 0) + taken - this.leftBytes(to)
    if (vm.running && short > 0) return { rule: 'into-reserve', reason: `${formatMemory(short)} short on ${to}` }
    if (how === 'cold-copy') {
      const used = this.on(to).reduce((sum, { storage, diskBytes }) => sum + (storage === 'local' ? diskBytes : 0), 0)
      const missing = used + vm.diskBytes - localRoomBytes(target)
      if (missing > 0) return { rule: 'local-space', reason: `${formatBytes(missing)} short on ${to}` }
    }
    return this.#apartFrom(vm, to, besides)
  }

  #apartFrom(vm: VmSpec, to: string, besides: readonly VmSpec[]): Refusal | undefined {
    for (const { name, members } of this.#apart) {
      if (!members.includes(vm.name)) continue
      const other = [...this.on(to), ...besides].find((one) => one.name !== vm.name && members.includes(one.name))
      if (other !== undefined) return { rule: 'apart-on-one-host', reason: `${other.name} of ${name} is on ${to}` }
    }
    return undefined
  }

  /** Hosts that steps which are done have taken down and not started: no file tells of that. */
  afterSteps(done: readonly GrowStep[]): this {
    for (const step of done) {
      if (step.kind === 'host-down' && this.#hosts.has(step.host)) this.#down.add(step.host)
      if (step.kind === 'host-up') this.#down.delete(step.host)
    }
    return this
  }

  /** Does a step; if it may not be done, says why and changes nothing. */
  apply(step: GrowStep): Refusal | undefined {
    const refusal = this.#refusalOf(step)
    if (refusal !== undefined) return refusal
    switch (step.kind) {
      case 'install-host': {
        const like = this.#hosts.get(step.like)
        if (like === undefined) return { rule: 'host-up', reason: `there is no host ${step.like}` }
        const { name, memoryBytes, cores, role } = step
        this.#hosts.set(name, {
          ...like,
          name,
          memoryBytes,
          cores,
          threads: cores,
          role,
          localDisksBytes: [newDiskBytes],
          sataSlots: newSlots,
        })
        for (const hosts of this.#seenBy.values()) if (hosts.has(like.name)) hosts.add(name)
        break
      }
      case 'move':
        this.#put(step.vm, step.to)
        break
      case 'disk-swap':
        this.#swapDisks(step.from, step.to, step.vms)
        break
      case 'host-down':
        this.#down.add(step.host)
        break
      case 'add-memory': {
        const host = this.#hosts.get(step.host)
        if (host !== undefined) this.#hosts.set(host.name, { ...host, memoryBytes: host.memoryBytes + step.bytes })
        break
      }
      case 'host-up':
        this.#down.delete(step.host)
        break
    }
    return undefined
  }

  #refusalOf(step: GrowStep): Refusal | undefined {
    const missing = (host: string): Refusal | undefined =>
      this.#hosts.has(host) ? undefined : { rule: 'host-up', reason: `there is no host ${host}` }
    switch (step.kind) {
      case 'install-host':
        return this.#hosts.has(step.name) ? { rule: 'host-up', reason: `${step.name} is there already` } : undefined
      case 'move': {
        const vm = this.#vms.get(step.vm)
        if (vm === undefined || vm.host !== step.from)
          return { rule: 'host-up', reason: `${step.vm} is not on ${step.from}` }
        return this.refusal(vm, step.to, step.how)
      }
      case 'disk-swap': {
        const vms = step.vms.flatMap((name) => this.#vms.get(name) ?? [])
        const gone = step.vms.find((name) => this.#vms.get(name)?.host !== step.from)
        if (gone !== undefined) return { rule: 'host-up', reason: `${gone} is not on ${step.from}` }
        return this.swapRefusal(vms, step.from, step.to)
      }
      case 'host-down': {
        const running = this.on(step.host).filter((vm) => vm.running && !step.waits.includes(vm.name))
        const names = running.map(({ name }) => name).join(', ')
        return running.length > 0
          ? { rule: 'host-up', reason: `${names} still run on ${step.host}` }
          : missing(step.host)
      }
      case 'add-memory':
        return this.#down.has(step.host) ? undefined : { rule: 'host-up', reason: `${step.host} is not down` }
      case 'host-up':
        return this.#down.has(step.host) ? undefined : { rule: 'host-up', reason: `${step.host} is not down` }
    }
  }

  /** Why the data disks of a host cannot be put into another with all VMs on them. */
  swapRefusal(vms: readonly VmSpec[], from: string, to: string): Refusal | undefined {
    const disks = dataDisks(this.#hosts.get(from))
    if (disks === 0)
      return { rule: 'local-space', reason: `${from} has no disk on record but the one that carries its system` }
    // Disks come with all that is on them, VMs that are off too.
    const left = this.on(from).find(({ name, storage }) => storage === 'local' && !vms.some((vm) => vm.name === name))
    if (left !== undefined) return { rule: 'storage-reach', reason: `${left.name} is on those disks too` }
    const slots = this.freeSlots(to)
    if (slots === undefined || slots < disks) {
      return {
        rule: 'local-space',
        reason: `${to} has ${slots ?? 'an unknown number of'} free slots for ${disks} disks`,
      }
    }
    for (const [at, vm] of vms.entries()) {
      const refusal = this.refusal(vm, to, 'disk-swap', vms.slice(0, at))
      if (refusal !== undefined) return refusal
    }
    return undefined
  }

  #put(name: string, host: string): void {
    const vm = this.#vms.get(name)
    if (vm !== undefined) this.#vms.set(name, { ...vm, host })
  }

  #swapDisks(from: string, to: string, vms: readonly string[]): void {
    const [source, target] = [this.#hosts.get(from), this.#hosts.get(to)]
    if (source === undefined || target === undefined) return
    const [system, ...data] = source.localDisksBytes
    this.#hosts.set(from, { ...source, localDisksBytes: system === undefined ? [] : [system] })
    this.#hosts.set(to, { ...target, localDisksBytes: [...target.localDisksBytes, ...data] })
    for (const vm of vms) this.#put(vm, to)
  }
}

/** A new host comes with a disk for itself and four slots, unless somebody says otherwise. */
const newDiskBytes = 1e12
const newSlots = 4

/** Disks that can be pulled with VMs on them: all but the first, which carries the system. */
export function dataDisks(host: HostSpec | undefined): number {
  return Math.max(0, (host?.localDisksBytes.length ?? 0) - 1)
}
