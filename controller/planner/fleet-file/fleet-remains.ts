import type { FleetSpec, VmSpec } from '../../../common/fleet-file/fleet-spec.js'
import { formatMemory } from '../../../common/units.js'
import { hypervisorOf } from './fleet-hosts.js'
import { classOf, isExcepted } from './fleet-problem.js'

/** What the rules of a fleet's file still find when a plan is done, and why no move changes it. Named as the checks are. */
export interface Remains {
  readonly rule: string
  readonly reason: string
  /** Names of VMs, or of hosts where the rule is about hosts. */
  readonly of: readonly string[]
}

/** @param hostOf name of the host of each VM once the plan is done */
export function remainsOf(spec: FleetSpec, hostOf: ReadonlyMap<string, string>): Remains[] {
  const vms = spec.vms.map((vm) => ({ ...vm, host: hostOf.get(vm.name) ?? vm.host }))
  const on = (host: string): VmSpec[] => vms.filter((vm) => vm.host === host)
  const spare = new Map(
    spec.hosts.map(({ name, memoryBytes }) => [name, memoryBytes - spec.policy.hostReserveBytes - memoryOf(on(name))]),
  )
  const hosts = spec.hosts.map((host) => host.name)
  return [
    {
      rule: 'into-reserve',
      reason: 'nothing else takes enough of its VMs',
      of: hosts.filter((host) => (spare.get(host) ?? 0) < 0),
    },
    {
      rule: 'no-room',
      reason: 'moves make no memory: see headroom capacity buy',
      of: hosts.filter((host) => within(spare.get(host), 0, spec.policy.vmMemoryBytes)),
    },
    ...failuresOf(spec, vms, spare),
    {
      rule: 'lost-with-host',
      reason: 'VMs are on local disk: only a copy to an array changes that',
      of: hosts.filter((host) => on(host).some(({ storage }) => storage === 'local')),
    },
    {
      rule: 'personal-beside-core',
      reason: 'no other host has room for them, or to copy their local disks costs more than it gains',
      of: vms.filter((vm) => isBesideCore(spec, vm, on(vm.host))).map(({ name }) => name),
    },
    {
      rule: 'personal-on-core-array',
      reason: 'their disks are there whatever host they are on: copy them to local disk',
      of: vms.filter((vm) => sharesArray(spec, vm, vms)).map(({ name }) => name),
    },
    {
      rule: 'memory-above-class-limit',
      reason: 'a move makes no VM smaller: ask its owner',
      of: vms.filter(({ memoryBytes }) => memoryBytes > spec.policy.vmMemoryBytes).map(({ name }) => name),
    },
  ].filter(({ of }) => of.length > 0)
}

function within(amount: number | undefined, least: number, below: number): boolean {
  return amount !== undefined && amount >= least && amount < below
}

function memoryOf(vms: readonly VmSpec[]): number {
  return vms.reduce((sum, { running, memoryBytes }) => sum + (running ? memoryBytes : 0), 0)
}

/** Memory alone: what its VMs need against what is free on hosts of the same hypervisor. */
function failuresOf(spec: FleetSpec, vms: readonly VmSpec[], spare: ReadonlyMap<string, number>): Remains[] {
  return spec.hosts.flatMap((host): Remains[] => {
    const equal = spec.hosts.filter((other) => other !== host && hypervisorOf(other) === hypervisorOf(host))
    const free = equal.reduce((sum, { name }) => sum + Math.max(0, spare.get(name) ?? 0), 0)
    const needed = memoryOf(vms.filter((vm) => vm.host === host.name))
    if (needed <= free) return []
    const reason = `its VMs need ${formatMemory(needed)}, ${formatMemory(free)} are free on hosts with the same hypervisor`
    return [{ rule: 'host-failure', reason, of: [host.name] }]
  })
}

function isBesideCore(spec: FleetSpec, vm: VmSpec, others: readonly VmSpec[]): boolean {
  if (classOf(spec, vm) !== 'personal' || isExcepted(spec, vm, 'personal-beside-core')) return false
  return others.some((other) => classOf(spec, other) === 'core')
}

function sharesArray(spec: FleetSpec, vm: VmSpec, all: readonly VmSpec[]): boolean {
  if (vm.storage === 'local' || classOf(spec, vm) !== 'personal' || isExcepted(spec, vm, 'personal-on-core-array'))
    return false
  return all.some((other) => other.storage === vm.storage && classOf(spec, other) === 'core')
}
