import type { DiskLimits, HypervisorEvent, VmState, VmStateReason } from '../hypervisor.js'
import { localDisk, modelOf } from './array-models.js'
import { createArrayState, createDiskTurn, type ArrayModel, type ArrayState, type DiskTurn } from './cached-array.js'
import { Counters, hostTotalsCount, pathTotalsCount, vmTotalsCount } from './counters.js'
import type { ArraySpec, FleetSpec, HostSpec, VmSpec } from '../../../common/fleet-file/fleet-spec.js'
import { createGuestLoad, type Demand, type GuestLoad } from './guest-load.js'
import type { ProfileName } from './load-profiles.js'
import { macOf, uuidOf } from './made-up-ids.js'
import { SeededRandom } from '../../../common/seeded-random.js'

/** The things of the simulated world. Mutable; only the world's own files change them. */

export interface SimHost {
  readonly spec: HostSpec
  readonly id: string
  /** In the order of their devices: local disks, then shared arrays. */
  readonly paths: SimPath[]
  readonly totals: Counters
  readonly events: HypervisorEvent[]
  droppedEvents: number
  up: boolean
  boots: number
  bootId: string
  bootedAtMs: number
  load1: number
  load5: number
  load15: number
  /** Of its own file system: what is free, and how fast that is being used up. */
  rootFreeBytes: number
  rootFillBytesPerSecond: number
  /** The VMs defined on it, and those of them that run, in the fleet file's order. */
  vms: SimVm[]
  active: SimVm[]
}

export interface SimArray {
  readonly key: string
  readonly name: string
  readonly kind: string
  readonly shared: boolean
  readonly sizeBytes: number | undefined
  readonly model: ArrayModel
  readonly state: ArrayState
  /** The running VMs on it, and their turns in the same order, those of the hosts' own jobs after them. */
  active: SimVm[]
  turns: DiskTurn[]
  /** Hosts' ways to it with a job. */
  jobs: SimPath[]
}

/** One host's way to one array. */
export interface SimPath {
  readonly host: SimHost
  readonly array: SimArray
  readonly device: string
  readonly totals: Counters
  inFlight: number
  /** What the host itself does there; undefined: nothing. */
  job: HostJob | undefined
}

export interface HostJob {
  readonly profile: ProfileName
  readonly turn: DiskTurn
  readCarry: number
  writeCarry: number
}

export interface SimVm {
  readonly spec: VmSpec
  readonly uuid: string
  readonly mac: string
  /** Its place in the fleet file, from 1. */
  readonly number: number
  readonly service: string | undefined
  readonly random: SeededRandom
  readonly load: GuestLoad
  readonly want: Demand
  readonly totals: Counters
  turn: DiskTurn
  /** Of its disk, in this run. */
  limits: DiskLimits
  /** Writes that a limit held back in the last step. */
  heldBytes: number
  /** Its host and its array. */
  path: SimPath
  state: VmState
  stateReason: VmStateReason
  autostart: boolean
  runs: number
  /** Empty while it is off. */
  runId: string
  /** Writes that the guest holds in memory until the array takes them. */
  backlogBytes: number
  usedBytes: number
  /** The most that it ever used in this run: what the host has given. */
  touchedBytes: number
  readCarry: number
  writeCarry: number
  /** Share of its I/O that it got in the last step. */
  served: number
  cpuWantCores: number
  cpuGotCores: number
}

export interface Entities {
  readonly hosts: readonly SimHost[]
  readonly arrays: readonly SimArray[]
  readonly vms: readonly SimVm[]
}

/** A host's own file system, and how much of it is free while nothing fills it. */
export const rootFileSystem = { sizeBytes: 20e9, cleanBytes: 14e9 } as const

/** Builds the world's things as they stand at `startMs`: every host up, every VM off. */
export function createEntities(spec: FleetSpec, seed: number, startMs: number): Entities {
  const hosts = spec.hosts.map((host) => createHost(spec, host, seed, startMs))
  const byName = new Map(hosts.map((host) => [host.spec.name, host]))
  const arrays = hosts.flatMap(addLocalDisks)
  for (const array of spec.arrays) {
    const shared = createSharedArray(spec, array)
    arrays.push(shared)
    for (const name of array.hosts) addPath(known(byName, name), shared)
  }
  const services = new Map(spec.services.flatMap(({ name, members }) => members.map((member) => [member, name])))
  const localBytes = new Map<SimPath, number>()
  const vms = spec.vms.map((vm, index) => {
    const path = pathFor(vm, known(byName, vm.host), localBytes)
    const created = createVm(spec, vm, { number: index + 1, path, service: services.get(vm.name), seed, startMs })
    path.host.vms.push(created)
    return created
  })
  return { hosts, arrays, vms }
}

export function bootIdOf(fleet: string, host: string, startMs: number, boots: number): string {
  return uuidOf(fleet, 'boot', host, String(startMs), String(boots))
}

function createHost(fleet: FleetSpec, spec: HostSpec, seed: number, startMs: number): SimHost {
  const days = SeededRandom.of(seed, `host/${spec.name}`).between(3, 120)
  return {
    spec,
    id: uuidOf(fleet.name, 'host', spec.name),
    paths: [],
    totals: new Counters(hostTotalsCount),
    events: [],
    droppedEvents: 0,
    up: true,
    boots: 1,
    bootId: bootIdOf(fleet.name, spec.name, startMs, 1),
    bootedAtMs: startMs - Math.round(days * 86_400_000),
    load1: 0,
    load5: 0,
    load15: 0,
    rootFreeBytes: rootFileSystem.cleanBytes,
    rootFillBytesPerSecond: 0,
    vms: [],
    active: [],
  }
}

/** A host's VMs lie on its data disks: all but the first, which holds its own system, unless it is the only one. */
function addLocalDisks(host: SimHost): SimArray[] {
  const sizes: readonly (number | undefined)[] = host.spec.localDisksBytes
  const disks = (sizes.length === 0 ? [undefined] : sizes).map((sizeBytes, index) => ({ sizeBytes, number: index + 1 }))
  const data = disks.length > 1 ? disks.slice(1) : disks
  return data.map(({ sizeBytes, number }) => {
    const array: SimArray = {
      key: `local:${host.id}:${number}`,
      name: data.length > 1 ? `local disk ${number} of ${host.spec.name}` : `local disk of ${host.spec.name}`,
      kind: 'local',
      shared: false,
      sizeBytes,
      model: localDisk,
      state: createArrayState(localDisk),
      active: [],
      turns: [],
      jobs: [],
    }
    addPath(host, array, number)
    return array
  })
}

function createSharedArray(fleet: FleetSpec, spec: ArraySpec): SimArray {
  const model = modelOf(spec)
  return {
    key: `iscsi:iqn.2011-04.lab.${fleet.name}:${spec.name}`,
    name: spec.name,
    kind: spec.kind,
    shared: true,
    sizeBytes: spec.sizeBytes,
    model,
    state: createArrayState(model),
    active: [],
    turns: [],
    jobs: [],
  }
}

function addPath(host: SimHost, array: SimArray, number = nextDevice(host)): void {
  const device = number <= 26 ? `sd${String.fromCodePoint(96 + number)}` : `disk${number}`
  host.paths.push({ host, array, device, totals: new Counters(pathTotalsCount), inFlight: 0, job: undefined })
}

function nextDevice(host: SimHost): number {
  const shared = host.paths.filter((path) => path.array.shared).length
  return Math.max(1, host.spec.localDisksBytes.length) + shared + 1
}

/** A VM on local storage goes to the disk with the least on it so far. */
function pathFor(vm: VmSpec, host: SimHost, localBytes: Map<SimPath, number>): SimPath {
  const paths = host.paths.filter(({ array }) => (vm.storage === 'local' ? !array.shared : array.name === vm.storage))
  const filled = (path: SimPath): number => localBytes.get(path) ?? 0
  const path = paths.reduce((least, path) => (filled(path) < filled(least) ? path : least), paths[0] ?? noPath(vm))
  localBytes.set(path, filled(path) + vm.diskBytes)
  return path
}

function noPath(vm: VmSpec): never {
  throw new Error(`no way from ${vm.host} to ${vm.storage}: the fleet was not checked`)
}

function createVm(
  fleet: FleetSpec,
  spec: VmSpec,
  place: { number: number; path: SimPath; service: string | undefined; seed: number; startMs: number },
): SimVm {
  const uuid = uuidOf(fleet.name, 'vm', spec.name)
  const random = SeededRandom.of(place.seed, `vm/${spec.name}`)
  return {
    spec,
    uuid,
    mac: macOf(place.path.host.spec.kind, uuid),
    number: place.number,
    service: place.service,
    random,
    load: createGuestLoad(spec.profile, random, place.startMs),
    want: { cpu: 0, memory: 0, read: 0, write: 0, receive: 0, transmit: 0 },
    totals: new Counters(vmTotalsCount),
    turn: createDiskTurn(),
    limits: {},
    heldBytes: 0,
    path: place.path,
    state: 'shutoff',
    stateReason: 'unknown',
    autostart: spec.autostart,
    runs: 0,
    runId: '',
    backlogBytes: 0,
    usedBytes: 0,
    touchedBytes: 0,
    readCarry: 0,
    writeCarry: 0,
    served: 1,
    cpuWantCores: 0,
    cpuGotCores: 0,
  }
}

function known<Value>(map: ReadonlyMap<string, Value>, name: string): Value {
  const value = map.get(name)
  if (value === undefined) throw new Error(`${name} is not in the fleet: the fleet was not checked`)
  return value
}
