import type { EventKind, HypervisorEvent, VmStateReason } from '../hypervisor.js'
import { createDiskTurn, type DiskTurn } from './cached-array.js'
import {
  bootIdOf,
  rootFileSystem,
  type Entities,
  type HostJob,
  type SimArray,
  type SimHost,
  type SimPath,
  type SimVm,
} from './entities.js'
import type { TimelineEvent, VmEventName } from '../../../common/fleet-file/fleet-spec.js'
import { beginBoot, changeProfile } from './guest-load.js'
import type { ProfileName } from './load-profiles.js'
import { uuidOf } from './made-up-ids.js'

export interface LifeContext extends Entities {
  readonly fleet: string
  readonly startMs: number
  readonly nowMs: number
}

/** Events that a host keeps for a reader that is away; the oldest go first, and are counted. */
export const eventQueueLimit = 1024

/** Makes an event happen now. Returns why it cannot, or undefined. */
export function happen(world: LifeContext, event: TimelineEvent): string | undefined {
  if (event.event === 'freeze') return freeze(world, event.array, event.forMs)
  if ('host' in event) {
    const host = world.hosts.find(({ spec }) => spec.name === event.host)
    if (host === undefined) return `no host ${event.host}`
    switch (event.event) {
      case 'host-lost':
        return loseHost(world, host)
      case 'host-back':
        return bringBackHost(world, host)
      case 'host-job':
      case 'host-job-end':
        return changeJob(host, event.array, 'profile' in event ? event.profile : undefined)
      case 'fill':
        host.rootFillBytesPerSecond = event.bytesPerSecond
        return undefined
      case 'clean':
        host.rootFillBytesPerSecond = 0
        host.rootFreeBytes = rootFileSystem.cleanBytes
        return undefined
    }
  }
  const vm = world.vms.find(({ spec }) => spec.name === event.vm)
  if (vm === undefined) return `no VM ${event.vm}`
  switch (event.event) {
    case 'profile':
      changeProfile(vm.load, event.profile, vm.random, world.nowMs)
      return undefined
    case 'migrate':
      return migrate(world, vm, event.to)
    case 'start':
      if (vm.runId !== '') return `${event.vm} runs already`
      if (!vm.path.host.up) return `${vm.path.host.spec.name} is lost`
      startVm(world, vm, 'booted')
      return undefined
    default:
      if (vm.runId === '') return `${event.vm} does not run`
      end(world, vm, event.event)
      return undefined
  }
}

/** A new run, with new counters. */
export function startVm(world: LifeContext, vm: SimVm, reason: 'booted' | 'migrated'): void {
  beginRun(world, vm, reason)
  if (reason === 'booted') {
    beginBoot(vm.load, world.nowMs)
    vm.usedBytes = vm.spec.memoryBytes * 0.1
    vm.touchedBytes = vm.usedBytes
  }
  tell(world, vm.path.host, vm, 'started', reason)
}

/** A new run without a boot: how a world begins, too. */
export function beginRun(world: LifeContext, vm: SimVm, reason: 'booted' | 'migrated'): void {
  vm.runs += 1
  vm.runId = uuidOf(world.fleet, 'run', vm.spec.name, String(world.startMs), String(vm.runs))
  vm.totals.reset()
  vm.turn = createDiskTurn()
  vm.limits = {}
  vm.heldBytes = 0
  vm.readCarry = 0
  vm.writeCarry = 0
  vm.state = 'running'
  vm.stateReason = reason
  join(vm)
}

/** Goes on with a run that was saved. */
export function resumeRun(vm: SimVm, runId: string): void {
  vm.runId = runId
  join(vm)
}

/** How each end of a run shows, as libvirt tells it. */
const ends = {
  shutdown: {
    state: 'shutoff',
    reason: 'shutdown',
    events: [
      ['shutdown', 'shutdown'],
      ['stopped', 'shutdown'],
    ],
  },
  destroy: { state: 'shutoff', reason: 'destroyed', events: [['stopped', 'destroyed']] },
  crash: { state: 'crashed', reason: 'panicked', events: [['crashed', 'panicked']] },
  // Its process on the host died.
  kill: { state: 'shutoff', reason: 'crashed', events: [['stopped', 'failed']] },
} as const satisfies Record<
  Exclude<VmEventName, 'start'>,
  { state: SimVm['state']; reason: VmStateReason; events: readonly (readonly [EventKind, VmStateReason])[] }
>

/** Ends a run. */
export function end(world: LifeContext, vm: SimVm, how: keyof typeof ends): void {
  const { state, reason, events } = ends[how]
  stop(vm, state, reason)
  for (const [kind, why] of events) tell(world, vm.path.host, vm, kind, why)
}

function stop(vm: SimVm, state: SimVm['state'], reason: VmStateReason): void {
  leave(vm)
  vm.runId = ''
  vm.state = state
  vm.stateReason = reason
  vm.backlogBytes = 0
  vm.usedBytes = 0
  vm.touchedBytes = 0
  vm.cpuWantCores = 0
  vm.cpuGotCores = 0
}

/** Live: the guest goes on, its counters begin anew on the other host. */
function migrate(world: LifeContext, vm: SimVm, to: string): string | undefined {
  const source = vm.path.host
  const target = world.hosts.find(({ spec }) => spec.name === to)
  const path = target?.paths.find(({ array }) => array === vm.path.array)
  if (vm.runId === '') return `${vm.spec.name} does not run`
  if (target === undefined || path === undefined) return `${to} does not see ${vm.path.array.name}`
  if (target === source) return `${vm.spec.name} is on ${to} already`
  if (!target.up) return `${to} is lost`
  leave(vm)
  define(vm, path)
  startVm(world, vm, 'migrated')
  tell(world, source, vm, 'stopped', 'migrated')
  tell(world, source, vm, 'undefined', 'unknown')
  return undefined
}

function freeze({ hosts, nowMs }: LifeContext, name: string, forMs: number): string | undefined {
  const array = hosts.flatMap(({ paths }) => paths).find((path) => path.array.name === name)?.array
  if (array === undefined) return `no array ${name}`
  array.state.frozenUntilMs = nowMs + forMs
  return undefined
}

function changeJob(host: SimHost, arrayName: string, profile: ProfileName | undefined): string | undefined {
  const path = host.paths.find(({ array }) => array.name === arrayName)
  if (path === undefined) return `${host.spec.name} does not see ${arrayName}`
  if (!host.up) return `${host.spec.name} is lost`
  setJob(path, profile === undefined ? undefined : { profile, turn: createDiskTurn(), readCarry: 0, writeCarry: 0 })
  return undefined
}

export function setJob(path: SimPath, job: HostJob | undefined): void {
  const { array } = path
  path.job = job
  array.jobs = [...array.jobs.filter((other) => other !== path), ...(job === undefined ? [] : [path])]
  array.turns = turnsOf(array)
}

function turnsOf({ active, jobs }: SimArray): DiskTurn[] {
  return [...active.map(({ turn }) => turn), ...jobs.flatMap(({ job }) => job?.turn ?? [])]
}

function loseHost(world: LifeContext, host: SimHost): string | undefined {
  if (!host.up) return `${host.spec.name} is lost already`
  host.up = false
  host.rootFillBytesPerSecond = 0
  for (const vm of host.active) stop(vm, 'shutoff', 'unknown')
  for (const path of host.paths) if (path.job !== undefined) setJob(path, undefined)
  tell(world, host, undefined, 'hypervisor-lost', 'host-lost')
  return undefined
}

function bringBackHost(world: LifeContext, host: SimHost): string | undefined {
  if (host.up) return `${host.spec.name} is not lost`
  host.up = true
  host.boots += 1
  host.bootId = bootIdOf(world.fleet, host.spec.name, world.startMs, host.boots)
  host.bootedAtMs = world.nowMs
  host.totals.reset()
  host.load1 = 0
  host.load5 = 0
  host.load15 = 0
  for (const path of host.paths) path.totals.reset()
  tell(world, host, undefined, 'hypervisor-back', 'booted')
  for (const vm of host.vms) {
    if (vm.autostart) startVm(world, vm, 'booted')
  }
  return undefined
}

/** Moves the definition of a VM that does not run. */
export function define(vm: SimVm, path: SimPath): void {
  vm.path.host.vms = vm.path.host.vms.filter((other) => other !== vm)
  vm.path = path
  insert(path.host.vms, vm)
}

function join(vm: SimVm): void {
  const { host, array } = vm.path
  insert(host.active, vm)
  insert(array.active, vm)
  array.turns = turnsOf(array)
}

function leave(vm: SimVm): void {
  const { host, array } = vm.path
  host.active = host.active.filter((other) => other !== vm)
  array.active = array.active.filter((other) => other !== vm)
  array.turns = turnsOf(array)
}

/** In the fleet file's order, whatever came first: sums of floating-point numbers depend on it. */
function insert(list: SimVm[], vm: SimVm): void {
  const index = list.findLastIndex((other) => other.number < vm.number)
  list.splice(index + 1, 0, vm)
}

/** Has the host tell of something that happened now. */
export function tell(
  world: LifeContext,
  host: SimHost,
  vm: SimVm | undefined,
  kind: EventKind,
  reason: VmStateReason,
): void {
  const event: HypervisorEvent = {
    atMs: world.nowMs,
    kind,
    reason,
    ...(vm === undefined ? {} : { vmUuid: vm.uuid, vmName: vm.spec.name }),
  }
  host.events.push(event)
  if (host.events.length <= eventQueueLimit) return
  host.events.shift()
  host.droppedEvents += 1
}
