import type {
  AgentView,
  AlertDetailView,
  AlertHistoryView,
  AlertRouteView,
  AlertView,
  ArrayView,
  AuthorityView,
  CapacityView,
  CommandView,
  EventView,
  FindingView,
  FleetView,
  HostView,
  JoinTokenView,
  PolicyCheckView,
  PolicyVersionView,
  PolicyView,
  RouteTestView,
  SilenceView,
  TopView,
  VmView,
  WhyView,
} from '../../../controller/api/views.js'

/** Made-up answers of a controller over part of the elab fleet. Not recorded from a real one. */

export const GiB = 2 ** 30
export const MiB = 2 ** 20
/** 2011-04-12 10:20:30 UTC. */
export const sampleNow = 1_302_603_630_000

export function sampleUuid(number: number): string {
  return `5a1e0000-0000-4000-8000-${String(number).padStart(12, '0')}`
}

export function sampleVm(change: Partial<VmView> = {}): VmView {
  return {
    uuid: sampleUuid(1),
    revision: 7,
    name: 'bell',
    host: 'xenhv01',
    hostId: 'sim:xenhv01',
    kind: 'xen',
    simulated: true,
    state: 'running',
    stateReason: 'booted',
    stateSince: sampleNow - 3 * 86_400_000,
    stale: false,
    doubled: false,
    class: 'core',
    group: 'department',
    labelOrigins: { class: 'groups.0', group: 'metadata' },
    vcpus: 2,
    cpuCores: 0.534,
    memoryBytes: GiB,
    memoryMaxBytes: GiB,
    readBytesPerSecond: 1_250_000,
    writeBytesPerSecond: 7_340_032,
    readRequestsPerSecond: 31.2,
    writeRequestsPerSecond: 112,
    readLatencyMs: 4.21,
    writeLatencyMs: 12.7,
    receiveBytesPerSecond: 15_000,
    transmitBytesPerSecond: 230_000,
    metrics: { cpuCores: 0.534, memoryBytes: GiB },
    absent: {},
    disks: [
      {
        target: 'xvda',
        source: '/var/lib/xen/images/bell.img',
        backend: 'file',
        arrayKey: 'local:sim:xenhv01:sdb',
        arrayName: 'xenhv01 sdb',
        capacityBytes: 250e9,
        readOnly: false,
        removable: false,
        format: 'raw',
        metrics: { readBytesPerSecond: 1_250_000, writeBytesPerSecond: 7_340_032, writeLatencyMs: 12.7 },
      },
    ],
    nics: [
      {
        device: 'vif1.0',
        mac: '00:16:3e:00:00:01',
        network: 'xenbr0',
        metrics: { receiveBytesPerSecond: 15_000, transmitBytesPerSecond: 230_000 },
      },
    ],
    gaps: [],
    lastSampleAt: sampleNow - 4000,
    ...change,
  }
}

/** A VM of which nothing but its existence is known. */
export function bareVm(change: Partial<VmView>): VmView {
  const { uuid, revision, kind, simulated, stateReason, stateSince, metrics, absent, disks, nics, gaps } = sampleVm()
  const unchanged = {
    uuid,
    revision,
    kind,
    simulated,
    stateReason,
    stateSince,
    metrics,
    absent,
    disks,
    nics,
    gaps,
    labelOrigins: {},
  }
  return {
    ...unchanged,
    name: 'cc',
    host: 'esxhv01',
    hostId: 'sim:esxhv01',
    state: 'shutoff',
    stale: false,
    doubled: false,
    ...change,
  }
}

export const sampleVms: readonly VmView[] = [
  sampleVm(),
  sampleVm({ uuid: sampleUuid(2), name: 'web10', host: 'xenhv02', hostId: 'sim:xenhv02', stale: true, cpuCores: 1.9 }),
  sampleVm({ uuid: sampleUuid(3), name: 'web2', host: 'xenhv02', hostId: 'sim:xenhv02', doubled: true, owner: 'kure' }),
  bareVm({ uuid: sampleUuid(4), stateReason: 'destroyed' }),
  sampleVm({
    uuid: sampleUuid(5),
    name: 'a-very-long-name-of-a-virtual-machine-that-nobody-can-remember-or-type-twice',
    host: 'xenhv04',
    hostId: 'sim:xenhv04',
    group: 'personal',
    writeLatencyMs: 1834,
  }),
  sampleVm({
    uuid: sampleUuid(6),
    name: '計算機室のメールサーバ',
    host: 'xenhv04',
    hostId: 'sim:xenhv04',
    state: 'crashed',
  }),
]

export const sampleFindings: readonly FindingView[] = [
  { check: 'beside', severity: 'info', subject: 'vm:motty', message: 'personal beside core on xenhv01, on local disk' },
  { check: 'reserve', severity: 'warning', subject: 'host:xenhv01', message: '512 MiB into its reserve' },
  {
    check: 'host-failure',
    severity: 'critical',
    subject: 'fleet',
    message: 'the VMs of xenhv01 need 6.5 GiB elsewhere and find 5 GiB on equal hypervisors',
  },
]

type CapacityHost = CapacityView['hosts'][number]

function ledgerHost(name: string, installedMiB: number, configuredMiB: number, freeMiB: number): CapacityHost {
  const spareMiB = installedMiB - 2048 - configuredMiB
  const room = Math.max(0, Math.floor(spareMiB / 1024))
  return {
    name,
    kind: name === 'esxhv01' ? 'esxi' : 'xen',
    status: 'up',
    memoryBytes: installedMiB * MiB,
    memoryAt: sampleNow - 60_000,
    memorySource: 'hypervisor',
    configuredBytes: configuredMiB * MiB,
    reserveBytes: 2048 * MiB,
    spareBytes: spareMiB * MiB,
    room,
    shortOfNextBytes: ((room + 1) * 1024 - spareMiB) * MiB,
    failure: {
      neededBytes: configuredMiB * MiB,
      freeBytes: freeMiB * MiB,
      fits: configuredMiB <= freeMiB,
      restartable: { neededBytes: configuredMiB * MiB, fits: configuredMiB <= freeMiB },
      lost: { bytes: 0, vms: [] },
    },
  }
}

export const sampleCapacity: CapacityView = {
  at: sampleNow,
  vmMemoryBytes: GiB,
  hosts: [
    ledgerHost('xenhv01', 8192, 6656, 5120),
    ledgerHost('xenhv02', 8192, 6144, 5120),
    // A machine whose hypervisor manages 2 MiB less than four VMs would need.
    ledgerHost('xenhv03', 8190, 2048, 5120),
    ledgerHost('xenhv04', 16_384, 13_312, 4096),
    {
      name: 'esxhv01',
      kind: 'esxi',
      status: 'silent',
      configuredBytes: 3072 * MiB,
      reserveBytes: 2048 * MiB,
      failure: {
        neededBytes: 3072 * MiB,
        freeBytes: 0,
        fits: false,
        restartable: { neededBytes: 0, fits: true },
        lost: { bytes: 3072 * MiB, vms: ['elab-gw', 'cc', 'mail2'] },
      },
    },
  ],
  fleet: { room: 4, survivesHostFailure: false },
  findings: [...sampleFindings],
}

/** A storage server, which exports a LUN. */
export function sampleStorageServer(): HostView {
  const session = { session: '3', readBytesPerSecond: 0, writeBytesPerSecond: 4e7, inFlight: 12 }
  return sampleHost({
    id: 'box-1',
    name: 'array1',
    kind: 'storage',
    hypervisorVersion: '',
    simulated: false,
    vms: 0,
    runningVms: 0,
    ledger: { memoryBytes: 8 * 2 ** 30, configuredBytes: 0, reserveBytes: 0 },
    exports: [
      {
        arrayKey: 'iscsi:iqn.2011-04.example:elab',
        lun: '1',
        backing: '/dev/vg0/elab',
        metrics: { readBytesPerSecond: 0, writeBytesPerSecond: 4.1e7, inFlight: 13 },
        sessions: [
          { ...session, initiator: 'iqn.1994-05.com.redhat:xenhv01', address: '10.0.0.11' },
          { ...session, session: '4', initiator: 'iqn.1994-05.com.redhat:xenhv02', address: '10.0.0.12' },
        ],
      },
    ],
    busyProcesses: [{ pid: 4711, name: 'cp', readBytesPerSecond: 3e7, writeBytesPerSecond: 3e7 }],
  })
}

export function sampleHost(change: Partial<HostView> = {}): HostView {
  return {
    id: 'sim:xenhv01',
    revision: 7,
    name: 'xenhv01',
    kind: 'xen',
    simulated: true,
    status: 'up',
    statusSince: sampleNow - 7_200_000,
    lastReportAt: sampleNow - 3000,
    agentId: 'agent-1',
    hypervisorVersion: '3.4.3',
    os: 'CentOS 5.6',
    kernel: '2.6.18-238.el5xen',
    machine: 'HP ProLiant DL120 G6',
    cpuModel: 'Intel Xeon X3430 2.40 GHz',
    cpuCores: 4,
    cpuThreads: 4,
    memoryBytes: 8 * GiB,
    ledger: {
      memoryBytes: 8 * GiB,
      memoryAt: sampleNow - 60_000,
      memorySource: 'hypervisor',
      configuredBytes: 6656 * MiB,
      reserveBytes: 2 * GiB,
      spareBytes: -512 * MiB,
      room: 0,
      shortOfNextBytes: 1536 * MiB,
    },
    vms: 9,
    runningVms: 8,
    clockOffsetMs: -12.4,
    metrics: { cpuUsedCores: 2.31, load1: 1.75, psiIoSomeFraction: 0.42, uptimeSeconds: 17_971_200 },
    absent: { psiCpuSomeFraction: 'the kernel is older than PSI (4.20)' },
    capabilities: [
      { name: 'cpu', support: 'yes', reason: '' },
      { name: 'memory-guest', support: 'no', reason: 'the driver of this guest has no balloon statistics' },
    ],
    gaps: [{ group: 'block', reason: 'timeout', message: 'no answer within 2 s', sinceMs: sampleNow - 90_000 }],
    fileSystems: [
      {
        mount: '/',
        device: '/dev/sda1',
        type: 'ext3',
        sizeBytes: 160e9,
        availableBytes: 40e9,
        files: 1e6,
        filesFree: 5e5,
        readOnly: false,
      },
    ],
    unreadFileSystems: [
      { mount: '/srv/vms', device: 'filer:/vms', type: 'nfs4', reason: 'statfs /srv/vms: no answer within 1667 ms' },
    ],
    disks: [{ device: 'sda', metrics: { readBytesPerSecond: 2e6, writeBytesPerSecond: 9.1e6, busyFraction: 0.93 } }],
    networks: [{ device: 'eth0', metrics: { receiveBytesPerSecond: 120_000, transmitBytesPerSecond: 80_000 } }],
    storageHealth: {
      sources: [
        { name: 'md', state: 'read', reason: '', readAt: sampleNow - 30_000 },
        { name: 'raid-controller', state: 'read', reason: '', readAt: sampleNow - 30_000 },
        { name: 'smart', state: 'not-here', reason: '/usr/sbin/smartctl is not there' },
        { name: 'lvm', state: 'failed', reason: 'vgs: exit status 5', readAt: sampleNow - 630_000 },
      ],
      mdArrays: [
        {
          device: 'md0',
          level: 'raid1',
          state: 'active',
          devices: 2,
          inSyncDevices: 1,
          members: [
            { device: 'sda1', state: 'active' },
            { device: 'sdb1', state: 'faulty' },
          ],
          syncAction: 'recover',
          syncFraction: 0.126,
          syncBytesPerSecond: 34e6,
          syncPending: false,
          sizeBytes: 160e9,
        },
      ],
      raidControllers: [
        {
          number: 0,
          model: 'PERC H730P Mini',
          serial: '62H00P1',
          status: 'optimal',
          batteryKind: 'bbu',
          batteryState: 'charging',
          virtualDrives: [
            {
              id: '0/239',
              name: 'data',
              level: 'raid5',
              state: 'degraded',
              writeCache: 'write-through',
              writeCacheConfigured: 'write-back',
            },
          ],
          physicalDrives: [
            {
              id: '32:0',
              model: 'ST2000NM0135',
              state: 'rebuilding',
              rebuildFraction: 0.45,
              mediaErrors: 12,
              smartAlert: true,
            },
          ],
        },
      ],
      disks: [
        {
          device: 'nvme0',
          model: 'SAMSUNG MZVL2512',
          serial: 'S64',
          passed: true,
          mediaErrors: 0,
          usedFraction: 0.91,
          spareFraction: 1,
          spareThresholdFraction: 0.1,
          criticalWarning: 0,
          temperatureCelsius: 41,
          powerOnHours: 900,
          asleep: false,
          problem: '',
        },
        {
          device: 'sda',
          model: 'ST4000NM0035',
          serial: 'ZC1ABCDE',
          passed: false,
          pendingSectors: 2,
          asleep: false,
          problem: '',
        },
        {
          device: 'sdb',
          model: 'ST4000NM0035',
          serial: 'ZC1ABCDF',
          asleep: false,
          problem: 'no answer within 30000 ms',
        },
      ],
      pools: [
        { name: 'vg0', kind: 'volume-group', sizeBytes: 1e12, freeBytes: 5e10, missingDevices: 1 },
        { name: 'vg0/thin', kind: 'thin-pool', sizeBytes: 5e11, dataFraction: 0.912, metadataFraction: 0.125 },
      ],
    },
    ...change,
  }
}

export const sampleHosts: readonly HostView[] = [
  sampleHost(),
  sampleHost({ id: 'sim:xenhv02', name: 'xenhv02', simulated: false }),
  sampleHost({
    id: 'sim:esxhv01',
    name: 'esxhv01',
    agentId: 'agent-2',
    kind: 'esxi',
    status: 'silent',
    hypervisorVersion: '5.0',
    capabilities: [
      // In the order of its driver, with one that this program does not know yet.
      { name: 'gpu', support: 'yes', reason: '' },
      { name: 'disk-latency', support: 'degraded', reason: 'means of 20 s in whole milliseconds' },
      { name: 'memory-guest', support: 'no', reason: 'ESXi estimates the active memory instead' },
      { name: 'cpu', support: 'yes', reason: '' },
    ],
  }),
]

export const sampleArrays: readonly ArrayView[] = [
  {
    key: 'iscsi:iqn.2011-03.lab.elab:iscsi1',
    revision: 7,
    name: 'iscsi1',
    kind: 'iscsi',
    sizeBytes: 5e12,
    hosts: ['xenhv01', 'xenhv02'],
    vms: ['lupin', 'www', 'auth'],
    metrics: { readBytesPerSecond: 3e6, writeBytesPerSecond: 22.4e6, writeRequestsPerSecond: 410, writeLatencyMs: 83 },
    cache: {
      box: 'iscsi:iqn.2011-03.lab.elab:iscsi1',
      state: 'near-full',
      since: sampleNow - 4000,
      fillBytes: { low: 390e6, likely: 455e6, high: 500e6 },
      capacityBytes: { low: 500e6, likely: 530e6, high: 570e6, basis: 'learnt' },
      drainBytesPerSecond: { low: 24e6, likely: 25e6, high: 26e6, basis: 'learnt' },
      drains: { sequential: { low: 24e6, likely: 25e6, high: 26e6, basis: 'learnt' } },
      loadClass: 'sequential',
      inflowBytesPerSecond: 62e6,
      secondsToSaturation: { low: 1.2, likely: 2, high: 4.1 },
      burst: {
        roomBytes: { low: 30e6, likely: 75e6, high: 140e6 },
        bulkCopyBytesPerSecond: 64e6,
        bulkCopies: 0,
        secondsForTwoCopies: { low: 0.4, likely: 0.9, high: 1.3 },
      },
      overflows: 2,
      observedSeconds: 7200,
      users: [
        {
          kind: 'vm',
          id: 'u1',
          name: 'www',
          writeBytesPerSecond: 40e6,
          readBytesPerSecond: 1e6,
          requestsPerSecond: 640,
        },
        {
          kind: 'host',
          id: 'h1',
          name: 'xenhv01',
          writeBytesPerSecond: 22e6,
          readBytesPerSecond: 0,
          requestsPerSecond: 350,
        },
      ],
      culprits: {
        incidentSince: sampleNow - 8000,
        suspects: [
          {
            members: [{ kind: 'vm', id: 'u1', name: 'www' }],
            isHerd: false,
            inCommon: [],
            class: 'core',
            owner: 'ann',
            processes: [],
            since: sampleNow - 25_000,
            confidence: 'high',
            blame: 0.74,
            shareOfInflow: 0.65,
            shareOfRequests: 0.6,
            shareOfWait: 0.8,
            writeBytesPerSecond: 40e6,
            readBytesPerSecond: 1e6,
            requestsPerSecond: 640,
          },
          {
            members: [{ kind: 'host', id: 'h1', name: 'xenhv01' }],
            isHerd: false,
            inCommon: [],
            processes: ['cp', 'e2fsck'],
            since: sampleNow - 20_000,
            confidence: 'low',
            blame: 0.26,
            shareOfInflow: 0.35,
            shareOfRequests: 0.33,
            shareOfWait: 0.2,
            writeBytesPerSecond: 22e6,
            readBytesPerSecond: 0,
            requestsPerSecond: 350,
          },
        ],
        victims: [
          { kind: 'vm', id: 'u2', name: 'auth', times: 12.4 },
          { kind: 'vm', id: 'u3', name: 'lupin', times: 3.1 },
        ],
        mostBytes: { kind: 'host', id: 'h1', name: 'xenhv01' },
      },
      remedies: [
        {
          action: 'limit',
          of: { kind: 'vm', id: 'u1', name: 'www' },
          text: 'limit www to 8.5 MB/s for 3m',
        },
        { action: 'wait', text: 'wait: it has drained about 23 s (13 s to 40 s) after they stop' },
        {
          action: 'move-disk',
          of: { kind: 'vm', id: 'u1', name: 'www' },
          text: 'move the disk of www to another array: moving the VM to another host does not help the array',
        },
      ],
      events: [
        {
          at: sampleNow - 3_600_000,
          what: 'learnt-capacity',
          value: 530e6,
          text: 'learnt: it holds about 530 MB',
        },
        {
          at: sampleNow - 3_605_000,
          what: 'overflow',
          text: 'it was full: writers had to wait for the disks',
        },
      ],
      metrics: { fillBytes: 455e6, capacityBytes: 530e6, state: 4 },
    },
  },
  {
    key: 'local:sim:xenhv01:sdb',
    revision: 7,
    name: 'xenhv01 sdb',
    kind: 'local',
    hosts: ['xenhv01'],
    vms: ['bell'],
    metrics: {},
  },
]

/** The first of them, with its write cache. */
export function sampleArray(): ArrayView {
  const [first] = sampleArrays
  if (first === undefined) throw new Error('there is no sample of an array')
  return first
}

export const sampleAgents: readonly AgentView[] = [
  {
    id: 'agent-1',
    name: 'elab',
    version: '0.1.0',
    connected: true,
    since: sampleNow - 7_200_000,
    hosts: ['xenhv01', 'xenhv02'],
    clockOffsetMs: 3.2,
    spoolReports: 0,
    droppedReports: 0,
    skippedTicks: 1,
    rssBytes: 57 * MiB,
    cpuSeconds: 12,
    collectors: [
      { name: 'host-cpu', durationSeconds: 0.001, success: true, error: '' },
      { name: 'psi', durationSeconds: 0.001, success: false, error: 'no /proc/pressure' },
    ],
    enrolment: {
      enrolledAt: sampleNow - 90_000_000,
      anyHost: false,
      grantedHosts: [
        { id: 'h1', name: 'xenhv01' },
        { id: 'h2', name: 'xenhv02' },
      ],
      refusedHosts: [{ id: 'h9', name: 'xenhv09' }],
      certificateEndsAt: sampleNow + 88 * 86_400_000,
    },
  },
  {
    id: 'agent-2',
    name: 'far',
    version: '0.0.9',
    connected: false,
    since: sampleNow - 60_000,
    hosts: ['esxhv01'],
    spoolReports: 120,
    droppedReports: 4,
    skippedTicks: 0,
    collectors: [],
    enrolment: {
      enrolledAt: sampleNow - 90_000_000,
      anyHost: true,
      grantedHosts: [],
      refusedHosts: [],
      certificateEndsAt: sampleNow - 86_400_000,
    },
  },
  {
    id: 'agent-3',
    name: 'former',
    version: '',
    connected: false,
    since: sampleNow - 86_400_000,
    hosts: [],
    spoolReports: 0,
    droppedReports: 0,
    skippedTicks: 0,
    collectors: [],
    enrolment: {
      enrolledAt: sampleNow - 90_000_000,
      anyHost: false,
      grantedHosts: [{ id: 'h7', name: 'h7' }],
      refusedHosts: [],
      revokedAt: sampleNow - 3_600_000,
    },
  },
]

export const sampleJoinTokens: readonly JoinTokenView[] = [
  {
    id: 'aB3dE6gH',
    expiresAt: sampleNow + 3_000_000,
    hosts: ['xenhv07', 'xenhv08'],
    note: 'the two new ones in rack 3',
  },
  { id: 'zY-wV_tS', expiresAt: sampleNow + 86_400_000, hosts: [], note: '' },
]

export const sampleAuthority: AuthorityView = {
  keyHash: 'p9mVbIfQ2S5kHcB0F9nO2qTtYqk9qYQvbJ1mC3mPZ5I',
  endsAt: sampleNow + 3650 * 86_400_000,
  rotation: {
    startedAt: sampleNow - 60_000,
    overlapEndsAt: sampleNow + 180 * 86_400_000,
    notRenewed: [
      { id: 'agent-1', name: 'elab', connected: true },
      { id: 'agent-2', name: 'far', connected: false },
    ],
  },
}

export const sampleFleet: FleetView = {
  at: sampleNow,
  revision: 7,
  version: '0.1.0',
  simulated: true,
  hosts: { total: 5, up: 4 },
  vms: { total: 31, running: 30 },
  memoryBytes: 48 * GiB,
  configuredBytes: 31_232 * MiB,
  room: 4,
  survivesHostFailure: false,
  agents: { total: 2, connected: 1 },
  store: { ok: true, problem: '', sizeBytes: 12_345_678 },
  policy: { version: 3 },
  findings: [...sampleFindings],
}

export function sampleVersion(number: number): PolicyVersionView {
  return {
    number,
    at: sampleNow - (4 - number) * 3_600_000,
    hash: '0123456789abcdef'.repeat(4),
    file: '/etc/headroom/policy.yaml',
    modifiedAt: sampleNow - (4 - number) * 3_600_000 - 1000,
    author: 'admin',
    occasion: number === 1 ? 'start' : 'change',
  }
}

export const samplePolicyVersions: readonly PolicyVersionView[] = [
  sampleVersion(1),
  { ...sampleVersion(2), linkTarget: '/etc/headroom/..2011_04_12_08/policy.yaml', author: 'root' },
  sampleVersion(3),
]

export const samplePolicy: PolicyView = {
  file: '/etc/headroom/policy.yaml',
  version: sampleVersion(3),
  problem: {
    since: sampleNow - 60_000,
    message: 'policy.yaml:3: hosts.0.role: expected one of core, personal, secondary, reserve, got "spare"',
    problems: [{ key: 'hosts.0.role', line: 3, expected: 'one of core, personal, secondary, reserve', got: '"spare"' }],
  },
  effective: {
    limits: { vmMemory: '1GiB', hostReserve: '2GiB' },
    hosts: [{ match: ['xenhv03'], role: 'reserve' }],
    groups: [{ name: 'personal', match: ['kure', 's-*'], class: 'personal', owner: '{vm}' }],
  },
}

export const samplePolicyCheck: PolicyCheckView = {
  problems: [],
  notes: [
    {
      kind: 'shadowed',
      key: 'groups.2',
      line: 14,
      message: 'it never counts: groups.0 ("*") comes first for all that "web*" matches',
    },
    { kind: 'unmatched', key: 'apart.0', line: 21, message: 'no VM is called "bel"' },
    { kind: 'unused', key: 'limits.classMemory.core', message: 'no group has the class core' },
  ],
  findings: [
    ...sampleFindings.slice(1).map((finding) => ({ ...finding, isNew: false })),
    ...sampleFindings.slice(0, 1).map((finding) => ({ ...finding, isNew: true })),
  ],
  ends: [{ check: 'no-room', severity: 'info', subject: 'host:xenhv02', message: 'no room for a VM of 1 GiB' }],
  excepted: [
    {
      check: 'core-on-shared-storage',
      severity: 'warning',
      subject: 'vm:bell',
      message: 'a core VM on local storage of xenhv01',
      reason: 'too heavy for the array; on local disk on purpose',
      key: 'exceptions.0',
      line: 30,
    },
  ],
}

export const sampleEvents: readonly EventView[] = [
  {
    at: sampleNow - 1000,
    hostId: 'sim:xenhv04',
    host: 'xenhv04',
    vmUuid: sampleUuid(6),
    vmName: 'kure',
    kind: 'crashed',
    reason: 'panicked',
    message: '',
  },
  {
    at: sampleNow - 60_000,
    hostId: 'sim:xenhv01',
    host: 'xenhv01',
    vmUuid: sampleUuid(1),
    vmName: 'bell',
    kind: 'started',
    reason: 'booted',
    message: 'after the power came back',
  },
  {
    at: sampleNow - 2000,
    hostId: '',
    host: '',
    vmUuid: '',
    vmName: '',
    arrayId: 'iscsi:iqn.2011-04.lab.elab:iscsi1',
    array: 'iscsi1',
    kind: 'array-overflow',
    reason: '',
    message: 'it was full: writers had to wait for the disks',
  },
]

const topValues: Readonly<Record<string, readonly [number, number, number]>> = {
  cpu: [0.534, 0.2, 0.01],
  memory: [2 * GiB, GiB, 512 * MiB],
  write: [7_340_032, 1e6, 12_000],
  read: [1_250_000, 3e5, 10],
  requests: [143.2, 12, 0.5],
  latency: [83.2, 12.7, 0.41],
}

export function sampleTop(by: string): TopView {
  const [first, second, third] = topValues[by] ?? [3, 2, 1]
  return {
    by,
    at: sampleNow,
    rows: [
      { uuid: sampleUuid(1), name: 'bell', host: 'xenhv01', value: first },
      { uuid: sampleUuid(2), name: 'web10', host: 'xenhv02', value: second },
      // Gone by the time somebody asks for it.
      { uuid: sampleUuid(99), name: 'gone', host: 'xenhv02', value: third },
    ],
  }
}

export function sampleAlert(change: Partial<AlertView> = {}): AlertView {
  return {
    number: 12,
    phase: 'firing',
    check: 'array-hammered',
    severity: 'critical',
    subject: { kind: 'vm', id: sampleUuid(1), name: 'bell' },
    message: 'writes 61 MB/s to iscsi1, more than it drains; its neighbours wait 20 ms',
    host: 'xenhv01',
    group: 'department',
    owners: ['ann'],
    startedAt: sampleNow - 700_000,
    firedAt: sampleNow - 640_000,
    sighting: 'raised',
    flapping: false,
    evidence: [{ entity: `vm:${sampleUuid(1)}`, field: 'writeBytesPerSecond', value: 61_234_567, limit: 25_000_000 }],
    related: [{ role: 'victim', kind: 'vm', id: sampleUuid(2), name: 'lupin' }],
    ...change,
  }
}

const xenhv01 = { kind: 'host', id: 'sim:xenhv01', name: 'xenhv01' } as const

export const sampleAlerts: readonly AlertView[] = [
  sampleAlert(),
  sampleAlert({
    number: 9,
    check: 'host-silent',
    subject: { ...xenhv01, name: 'xenhv02' },
    message: 'the host is silent; its last known room (3) does not count',
    acknowledged: { author: 'ann', at: sampleNow - 60_000, note: 'new power supply' },
    evidence: [],
    related: [],
  }),
  sampleAlert({
    number: 11,
    check: 'into-reserve',
    severity: 'warning',
    subject: xenhv01,
    message: 'its VMs reach 512 MiB into the 2 GiB kept for the hypervisor; no room',
    flapping: true,
    sighting: 'clear',
  }),
  sampleAlert({ number: 8, severity: 'warning', sighting: 'unseen' }),
  sampleAlert({ number: 7, severity: 'warning', silencedBy: '5f3a9c01' }),
  sampleAlert({
    number: 6,
    severity: 'warning',
    explainedBy: 'host-silent of host:xenhv02',
    check: 'disk-full',
    part: '/var',
  }),
]

function sampleTransition(change: Partial<AlertHistoryView>): AlertHistoryView {
  const { check, severity, subject, message } = sampleAlert()
  return {
    seq: 40,
    at: sampleNow - 640_000,
    number: 12,
    what: 'fired',
    check,
    severity,
    subject,
    message,
    detail: '',
    ...change,
  }
}

export const sampleAlertHistory: readonly AlertHistoryView[] = [
  sampleTransition({
    seq: 44,
    at: sampleNow - 10_000,
    number: 5,
    what: 'resolved',
    severity: 'warning',
    detail: 'its subject is gone',
  }),
  sampleTransition({
    seq: 43,
    at: sampleNow - 60_000,
    number: 9,
    what: 'acknowledged',
    detail: 'new power supply',
    author: 'ann',
  }),
  sampleTransition({ seq: 42, at: sampleNow - 600_000, what: 'severity', detail: 'was warning' }),
  sampleTransition({ seq: 41, severity: 'warning', detail: 'flapping: fired 3 times of late' }),
]

export const sampleAlertDetail: AlertDetailView = {
  alert: sampleAlert({ flapping: true, acknowledged: { author: 'ann', at: sampleNow - 60_000, note: '' } }),
  history: sampleAlertHistory.slice(2),
  proposals: [],
  remedies: [],
}

const sampleLimit: CommandView = {
  id: 'c7',
  number: 7,
  verb: 'limit',
  args: { write: '8500KB/s', disk: 'vda', for: '3m' },
  vm: 'kure',
  vmUuid: sampleUuid(2),
  host: 'xenhv01',
  hostId: 'h1',
  dryRun: false,
  actor: 'ann',
  state: 'succeeded',
  reason: 'until 2026-03-01T12:03:00Z, when the agent ends it',
  createdAt: sampleNow - 90_000,
  startBefore: sampleNow + 30_000,
  approval: { rule: 'approvals.0', role: 'operator', by: 'bob', at: sampleNow - 80_000 },
  verdicts: [],
  output: '',
  remedy: {
    alert: 12,
    array: 'iscsi:box1',
    text: 'limit kure to 8.5 MB/s for 3m',
    effect: {
      outcome: 'helped',
      says: "writes of the others are much faster; others' writes take 1.2 ms, before 85 ms",
      at: sampleNow - 60_000,
    },
  },
}

export const sampleRemedies: Pick<AlertDetailView, 'proposals' | 'remedies'> = {
  proposals: [
    {
      vm: 'tritm',
      vmUuid: sampleUuid(3),
      args: { write: '8MB/s', for: '3m' },
      text: 'limit tritm to 8 MB/s for 3m',
    },
  ],
  remedies: [
    {
      ...sampleLimit,
      number: 9,
      state: 'expired',
      reason: 'alert 12 is over',
      remedy: { alert: 12, array: 'b', text: 'limit tritm to 8 MB/s for 3m' },
    },
    sampleLimit,
  ],
}

export const sampleSilences: readonly SilenceView[] = [
  {
    id: '5f3a9c01',
    check: 'array-*',
    subject: 'vm:be*',
    createdAt: sampleNow - 60_000,
    until: sampleNow + 7_200_000,
    author: 'ann',
    reason: 'its disks are being moved',
  },
  {
    id: 'policy-1',
    subject: 'host:xenhv03',
    until: sampleNow + 86_400_000,
    author: 'file',
    reason: 'out of use until the new disks are there',
  },
]

export const sampleAlertRoutes: readonly AlertRouteView[] = [
  {
    name: 'admins',
    targets: [
      { kind: 'alertmanager', to: 'http://127.0.0.1:9093/', waiting: 0, lastSentAt: sampleNow - 12_000, problem: '' },
      { kind: 'email', to: 'admins@elab.example', waiting: 3, problem: 'connect ECONNREFUSED 127.0.0.1:25' },
    ],
  },
  { name: 'owners', targets: [{ kind: 'email', to: '{owner}@elab.example', waiting: 0, problem: '' }] },
]

export const sampleRouteTest: RouteTestView['results'] = [
  { kind: 'alertmanager', to: 'http://127.0.0.1:9093/', ok: true, reason: '' },
  { kind: 'email', to: 'admins@elab.example', ok: false, reason: 'connect ECONNREFUSED 127.0.0.1:25' },
]

export const sampleWhy: WhyView = {
  at: sampleNow,
  uuid: sampleUuid(1),
  name: 'bell',
  host: 'xenhv01',
  state: 'running',
  simulated: true,
  reasons: [
    {
      topic: 'alert',
      severity: 'critical',
      subject: { kind: 'vm', id: sampleUuid(9), name: 'kure' },
      says: 'it makes 98% of what iscsi1 carries; this VM is its victim (alert 12 fires, acknowledged by ann: called him)',
      since: sampleNow - 60_000,
      check: 'vm-hammers-array',
      alert: 12,
    },
    {
      topic: 'event',
      severity: 'warning',
      subject: { kind: 'vm', id: sampleUuid(1), name: 'bell' },
      says: 'crashed (panicked)',
      since: sampleNow - 3_600_000,
    },
    {
      topic: 'state',
      severity: 'info',
      subject: { kind: 'vm', id: sampleUuid(1), name: 'bell' },
      says: 'running (booted) on xenhv01',
      since: sampleNow - 3_500_000,
    },
    {
      topic: 'traffic',
      severity: 'info',
      subject: { kind: 'array', id: 'iscsi:iqn.2011-03.lab.elab:iscsi1', name: 'iscsi1' },
      says: 'carries 80 MB/s in 8000 requests/s of 12 VMs; this VM 1%, kure 98%, www 1%; of this VM writes take 34.0 ms',
    },
    {
      topic: 'label',
      severity: 'info',
      subject: { kind: 'host', id: 'sim:xenhv01', name: 'xenhv01' },
      says: 'core host, by hosts.0 of the policy',
    },
  ],
  leftOut: 3,
}
