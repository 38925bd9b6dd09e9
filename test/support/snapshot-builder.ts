import type {
  AgentState,
  Disk,
  Host,
  HostStatus,
  HypervisorKind,
  Metric,
  Placement,
  Snapshot,
  StorageArray,
  Vm,
  VmState,
} from '../../controller/model/snapshot.js'

/** Builds snapshots by hand, from short rows, for tests of whatever reads one. */

export const MiB = 2 ** 20
/** The moment of every built snapshot: 2012-01-15T00:00:00Z. */
export const builtAt = 1_326_585_600_000

export interface HostRow {
  readonly name: string
  readonly kind?: HypervisorKind
  readonly version?: string
  /** null: not known. */
  readonly memoryMiB: number | null
  readonly status?: HostStatus
  readonly more?: Partial<Host>
}

export interface VmRow {
  readonly name: string
  readonly host: string
  /** null: not known. */
  readonly memoryMiB: number | null
  readonly state?: VmState
  /** Key of the array that its disk is on; its host's local disk if left out. */
  readonly array?: string
  readonly more?: Partial<Vm>
}

export interface ArrayRow {
  readonly key: string
  readonly name: string
  readonly kind: string
}

export interface SnapshotRows {
  readonly hosts: readonly HostRow[]
  readonly vms: readonly VmRow[]
  readonly arrays?: readonly ArrayRow[]
  readonly agents?: readonly AgentState[]
  readonly placements?: readonly Placement[]
}

export function known(value: number, at = builtAt): Metric {
  return { value, at, source: 'hypervisor' }
}

function memory(mebibytes: number | null): Metric {
  return mebibytes === null ? { absent: 'not reported' } : known(mebibytes * MiB)
}

export const hostIdOf = (name: string): string => `id-${name}`

/** A uuid that depends on the name alone. */
export function uuidOf(name: string): string {
  const hex = Buffer.from(name).toString('hex').padStart(12, '0').slice(-12)
  return `00000000-0000-4000-8000-${hex}`
}

export function buildHost({ name, kind = 'kvm', version = '9.0.0', memoryMiB, status = 'up', more }: HostRow): Host {
  return {
    id: hostIdOf(name),
    revision: 1,
    name,
    kind,
    simulated: false,
    agentId: `agent-${name}`,
    status,
    statusSince: builtAt,
    lastReportAt: builtAt,
    bootId: 'boot-1',
    hypervisorVersion: version,
    managementVersion: '',
    os: 'Debian 12',
    kernel: '',
    machine: '',
    cpuModel: '',
    cpuCores: 4,
    cpuThreads: undefined,
    cpuMhz: undefined,
    memoryBytes: memory(memoryMiB),
    localDisks: [],
    capabilities: [],
    gaps: [],
    metrics: {},
    fileSystems: [],
    unreadFileSystems: [],
    disks: [],
    networks: [],
    busyProcesses: undefined,
    exports: undefined,
    storageHealth: undefined,
    clockOffsetMs: undefined,
    ...more,
  }
}

export function buildVm({ name, host, memoryMiB, state = 'running', more }: VmRow): Vm {
  const uuid = uuidOf(name)
  return {
    uuid,
    revision: 1,
    name,
    hostId: hostIdOf(host),
    simulated: false,
    state,
    stateReason: 'booted',
    stateSince: builtAt,
    runId: 'run-1',
    vcpus: 1,
    owner: '',
    group: '',
    service: '',
    title: '',
    autostart: undefined,
    osType: '',
    diskIds: [`${uuid}/vda`],
    nics: [],
    metrics: { memoryMaxBytes: memory(memoryMiB), memoryBytes: memory(memoryMiB) },
    gaps: [],
    lastSampleAt: builtAt,
    ...more,
  }
}

function buildDisk(vmUuid: string, arrayKey: string): Disk {
  return {
    id: `${vmUuid}/vda`,
    revision: 1,
    vmUuid,
    target: 'vda',
    source: `/dev/${vmUuid}`,
    backend: 'block',
    arrayKey,
    unit: '',
    capacityBytes: 40e9,
    allocationBytes: undefined,
    readOnly: false,
    removable: false,
    format: 'raw',
    cache: 'none',
    bus: 'virtio',
    metrics: {},
    exchanged: undefined,
  }
}

function byKey<T>(rows: readonly T[], key: (row: T) => string): ReadonlyMap<string, T> {
  return new Map(rows.map((row) => [key(row), row]))
}

/** A snapshot of revision 1 of these rows. Each VM has one disk `vda`. */
export function buildSnapshot({ hosts, vms, arrays = [], agents = [], placements = [] }: SnapshotRows): Snapshot {
  const disks = vms.map(({ name, host, array }) => buildDisk(uuidOf(name), array ?? `local:${hostIdOf(host)}:0`))
  const builtArrays = arrays.map(({ key, name, kind }): StorageArray => {
    const on = disks.filter(({ arrayKey }) => arrayKey === key)
    return {
      key,
      revision: 1,
      name,
      kind,
      sizeBytes: undefined,
      hostIds: hosts.map((host) => hostIdOf(host.name)),
      diskIds: on.map(({ id }) => id),
      writeCache: undefined,
      metrics: {},
      exchanges: [],
    }
  })
  return {
    revision: 1,
    at: builtAt,
    hosts: byKey(hosts.map(buildHost), ({ id }) => id),
    vms: byKey(vms.map(buildVm), ({ uuid }) => uuid),
    disks: byKey(disks, ({ id }) => id),
    arrays: byKey(builtArrays, ({ key }) => key),
    placements: byKey(placements, ({ vmUuid }) => vmUuid),
    agents: byKey(agents, ({ id }) => id),
  }
}

/** The snapshot after one VM changed: a new revision that shares every other entity. */
export function withVm(snapshot: Snapshot, name: string, change: Partial<Vm>): Snapshot {
  const uuid = uuidOf(name)
  const vm = snapshot.vms.get(uuid)
  if (vm === undefined) throw new Error(`no VM ${name}`)
  const revision = snapshot.revision + 1
  return { ...snapshot, revision, vms: new Map(snapshot.vms).set(uuid, { ...vm, ...change, revision }) }
}
