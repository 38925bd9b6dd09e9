import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'

import { mdArray, storageHealth } from '../../test/support/storage-health.js'
import type { ReportObservation, VmFacts, VmObservation } from '../model/observation.js'
import { noRequests, valueOf, type Capability, type Snapshot } from '../model/snapshot.js'
import type { Applied } from './apply-report.js'
import { Fleet } from './fleet.js'

const uuid = '11111111-2222-4333-8444-555555555555'
const t0 = 1_700_000_000_000
const capabilities = [
  'cpu',
  'memory-size',
  'disk-bytes',
  'disk-requests',
  'disk-latency',
  'nic',
  'memory-rss',
  'vcpu-wait',
  'memory-guest',
  'array-counters',
  'canary',
  'host-cpu',
].map((name) => ({ name, support: 'yes' as const, reason: '' }))

const facts: VmFacts = {
  uuid,
  name: 'mail',
  vcpus: 2,
  memoryMaxBytes: 2 ** 30,
  disks: [
    {
      target: 'vda',
      source: '/dev/vg/mail',
      backend: 'lvm',
      arrayKey: 'iscsi:box',
      unit: 'vg/mail',
      capacityBytes: 1e10,
      allocationBytes: undefined,
      readOnly: false,
      removable: false,
      format: 'raw',
      cache: 'none',
      bus: 'virtio',
    },
  ],
  nics: [],
  autostart: true,
  osType: 'hvm',
  owner: '',
  group: 'core',
  service: '',
  title: '',
}

let fleet: Fleet
let seq = 0

function connect(hostId: string, agentId = `agent-of-${hostId}`, more: readonly Capability[] = capabilities): void {
  const host = { hostId, name: hostId, kind: 'kvm' as const, bootId: 'boot', simulated: false, capabilities: more }
  fleet.apply({ type: 'agent-connected', agentId, name: agentId, version: '1', hosts: [host], clockOffsetMs: 0 }, t0)
}

function inventory(hostId: string, vms: readonly VmFacts[], agentId = `agent-of-${hostId}`): void {
  const host = {
    name: hostId,
    hypervisorVersion: 'QEMU 7.2',
    managementVersion: '',
    os: '',
    kernel: '',
    machine: '',
    cpuModel: '',
    cpuCores: 4,
    cpuThreads: 4,
    cpuMhz: 2400,
    memoryBytes: 2 ** 33,
    localDisks: [],
  }
  const arrays = [{ key: 'iscsi:box', name: 'box', kind: 'iscsi', sizeBytes: undefined }]
  fleet.apply(
    { type: 'inventory', agentId, inventory: { hostId, revision: `${vms.length}`, at: t0, host, vms, arrays } },
    t0,
  )
}

function report(
  hostId: string,
  atMs: number,
  part: Partial<ReportObservation>,
  agentId = `agent-of-${hostId}`,
): Applied {
  seq += 1
  const base: ReportObservation = {
    spoolId: 's',
    seq,
    hostId,
    bootId: 'boot',
    at: t0 + atMs,
    lane: 'state',
    gaps: [],
    host: undefined,
    vms: [],
    arrays: [],
    collectors: [],
    events: [],
    agent: undefined,
  }
  return fleet.apply({ type: 'report', agentId, report: { ...base, ...part } }, t0 + atMs)
}

function sample(atMs: number, part: Partial<VmObservation> = {}): VmObservation {
  return {
    uuid,
    runId: 'run-1',
    at: t0 + atMs,
    state: 'running',
    stateReason: 'booted',
    vcpus: 2,
    totals: {},
    levels: {},
    guestMemoryAt: undefined,
    disks: [],
    nics: [],
    ...part,
  }
}

function written(writeBytes: number): Pick<VmObservation, 'disks'> {
  const totals = { writeBytes, writeRequests: writeBytes / 4096, writeSeconds: writeBytes / 1e6, readBytes: 0 }
  return { disks: [{ target: 'vda', totals }] }
}

function metric(name: string): number | undefined {
  return valueOf(fleet.snapshot().vms.get(uuid)?.metrics[name])
}

function event(kind: string, atMs: number, reason = 'unknown'): ReportObservation['events'][number] {
  return { at: t0 + atMs, vmUuid: uuid, vmName: 'mail', kind, reason, message: '' }
}

beforeEach(() => {
  fleet = new Fleet()
  seq = 0
  connect('h1')
  inventory('h1', [facts])
})

describe('rates', () => {
  it('come with the second sample, of CPU, disks and their sum', () => {
    report('h1', 0, { vms: [sample(0, { totals: { cpuSeconds: 5 }, ...written(0) })] })
    expect(metric('cpuCores')).toBe(undefined)
    report('h1', 10_000, { vms: [sample(10_000, { totals: { cpuSeconds: 15 }, ...written(4_096_000) })] })
    expect([metric('cpuCores'), metric('writeBytesPerSecond'), metric('writeRequestsPerSecond')]).toEqual([
      1, 409_600, 100,
    ])
    expect(metric('writeLatencyMs')).toBeCloseTo(4.096)
    expect(valueOf(fleet.snapshot().disks.get(`${uuid}/vda`)?.metrics['writeBytesPerSecond'])).toBe(409_600)
    expect(valueOf(fleet.snapshot().arrays.get('iscsi:box')?.metrics['writeBytesPerSecond'])).toBe(409_600)
  })

  it('have neither spike nor hole when a run ends and the next one begins', () => {
    report('h1', 0, { vms: [sample(0, { totals: { cpuSeconds: 1e6 }, ...written(9e12) })] })
    report('h1', 10_000, { vms: [sample(10_000, { runId: 'run-2', totals: { cpuSeconds: 2 }, ...written(1e6) })] })
    expect([metric('cpuCores'), metric('writeBytesPerSecond')]).toEqual([0.2, 1e5])
  })

  it('take no growth from a run that must have begun long before', () => {
    report('h1', 0, { vms: [sample(0, { totals: { cpuSeconds: 1 }, ...written(0) })] })
    report('h1', 10_000, { vms: [sample(10_000, { runId: 'other', totals: { cpuSeconds: 9e5 }, ...written(9e12) })] })
    expect([metric('cpuCores'), metric('writeBytesPerSecond')]).toEqual([undefined, undefined])
  })

  it('count each total from when it was read last: the costly ones are read rarely', () => {
    const read = (atMs: number, totals: Record<string, number>): Applied =>
      report('h1', atMs, { vms: [sample(atMs, { totals })] })
    read(0, { cpuSeconds: 0, vcpuWaitSeconds: 0, memorySwapInBytes: 0 })
    read(10_000, { cpuSeconds: 10 })
    expect([metric('cpuCores'), metric('vcpuWaitFraction')]).toEqual([1, undefined])
    read(30_000, { cpuSeconds: 50, vcpuWaitSeconds: 3 })
    read(60_000, { cpuSeconds: 50, memorySwapInBytes: 6000 })
    expect([metric('cpuCores'), metric('vcpuWaitFraction'), metric('memorySwapInBytesPerSecond')]).toEqual([
      0, 0.1, 100,
    ])
  })

  it('count a run from the moment of its start event', () => {
    report('h1', 5000, { lane: 'event', events: [event('started', 5000, 'booted')] })
    report('h1', 10_000, { vms: [sample(10_000, { totals: { cpuSeconds: 5 }, ...written(1e6) })] })
    expect([metric('cpuCores'), metric('writeBytesPerSecond')]).toEqual([1, 2e5])
  })

  it('are never taken over the milliseconds between two lanes', () => {
    report('h1', 0, { vms: [sample(0, written(0))] })
    report('h1', 1000, { lane: 'fast', vms: [sample(1000, written(1e6))] })
    report('h1', 1015, { vms: [sample(1015, written(2e6))] })
    expect(metric('writeBytesPerSecond')).toBe(1e6)
    report('h1', 2000, { lane: 'fast', vms: [sample(2000, written(2e6))] })
    expect(metric('writeBytesPerSecond')).toBe(1e6)
  })

  it('count a run from its start event also when it is read at once', () => {
    report('h1', 5000, { lane: 'event', events: [event('started', 5000, 'booted')] })
    report('h1', 5010, { lane: 'event', vms: [sample(5010, written(1e5))] })
    report('h1', 7000, { lane: 'fast', vms: [sample(7000, written(2e6))] })
    expect(metric('writeBytesPerSecond')).toBe(1e6)
  })

  it('of latency are absent, with the reason, when there was no request', () => {
    report('h1', 0, { vms: [sample(0, written(4096))] })
    report('h1', 10_000, { vms: [sample(10_000, written(8192))] })
    expect(metric('writeLatencyMs')).toBeGreaterThan(0)
    report('h1', 20_000, { vms: [sample(20_000, written(8192))] })
    expect(fleet.snapshot().vms.get(uuid)?.metrics['writeLatencyMs']).toEqual({ absent: 'no requests in the interval' })
  })

  it('multiplied by their intervals give what was written, whatever lanes told it', () => {
    const step = fc.record({ bytes: fc.nat(1e9), lane: fc.constantFrom('state', 'fast') })
    fc.assert(
      fc.property(
        fc.array(fc.oneof(step, fc.constant({ bytes: 0, lane: 'fast' as const })), { maxLength: 60 }),
        (steps) => {
          fleet = new Fleet()
          connect('h1')
          inventory('h1', [facts])
          let total = 0
          let last = { total: 0, at: 0 }
          let integral = 0
          const take = ({ points }: Applied): void => {
            for (const point of points) {
              const rate = point.fields['writeBytesPerSecond']
              if (point.entity.kind !== 'vm' || rate === undefined) continue
              const at = point.atMs - t0
              integral += (rate * (at - last.at)) / 1000
              last = { total, at }
            }
          }
          report('h1', 0, { vms: [sample(0, written(0))] })
          steps.forEach(({ bytes, lane }, index) => {
            const atMs = (index + 1) * 1000
            total += bytes
            // The fast lane leaves out what has not moved.
            const moved = bytes > 0 || lane === 'state'
            take(report('h1', atMs, { lane, vms: moved ? [sample(atMs, written(total))] : [] }))
          })
          const atMs = (steps.length + 1) * 1000
          take(report('h1', atMs, { vms: [sample(atMs, written(total))] }))
          expect(integral).toBeCloseTo(total, -2)
        },
      ),
      { seed: 1 },
    )
  })
})

describe('the fast lane', () => {
  beforeEach(() => {
    report('h1', 0, { vms: [sample(0, written(0))] })
    report('h1', 1000, { lane: 'fast', vms: [sample(1000, written(1e6))] })
  })

  it('shows a VM that stopped writing as 0, not as its last rate', () => {
    expect(metric('writeBytesPerSecond')).toBe(1e6)
    report('h1', 2000, { lane: 'fast' })
    expect(metric('writeBytesPerSecond')).toBe(0)
  })

  it('proves that a VM has not moved since its last reading, which a slow pass may tell later', () => {
    const rates = ({ points }: Applied): unknown =>
      points.flatMap(({ entity, atMs, fields }) =>
        entity.kind === 'disk' ? [[atMs - t0, fields['writeBytesTotal'], fields['writeBytesPerSecond']]] : [],
      )
    report('h1', 2000, { lane: 'fast' })
    report('h1', 3000, { lane: 'fast' })
    expect(rates(report('h1', 1400, { vms: [sample(1500, written(2e6))] }))).toEqual([[1500, 2e6, 2e6]])
    expect(metric('writeBytesPerSecond')).toBe(0)
    expect(rates(report('h1', 4000, { lane: 'fast', vms: [sample(4000, written(5e6))] }))).toEqual([
      [3000, 2e6, 0],
      [4000, 5e6, 3e6],
    ])
  })

  it('proves nothing of anyone while it cannot read the host', () => {
    const gap = { vmUuid: '', group: 'block', reason: 'disconnected', message: '', sinceMs: t0 }
    report('h1', 2000, { lane: 'fast', gaps: [gap] })
    expect(metric('writeBytesPerSecond')).toBe(1e6)
  })

  it('marks a VM that it could not read at once, and says nothing of its rates; the state lane takes the mark away', () => {
    const gap = { vmUuid: uuid, group: 'block', reason: 'timeout', message: '', sinceMs: t0 }
    report('h1', 2000, { lane: 'fast', gaps: [gap] })
    expect(metric('writeBytesPerSecond')).toBe(1e6)
    expect(fleet.snapshot().vms.get(uuid)?.gaps).toEqual([gap])
    report('h1', 3000, { lane: 'fast' })
    expect(fleet.snapshot().vms.get(uuid)?.gaps).toEqual([gap])
    report('h1', 10_000, { vms: [sample(10_000)] })
    expect(fleet.snapshot().vms.get(uuid)?.gaps).toEqual([])
  })
})

describe('what a host cannot measure', () => {
  it('is absent with the reason, even if a value is sent', () => {
    const limited = [
      { name: 'cpu', support: 'yes' as const, reason: '' },
      { name: 'disk-latency', support: 'no' as const, reason: 'Xen has no latency' },
    ]
    fleet = new Fleet()
    connect('h1', 'agent-of-h1', limited)
    inventory('h1', [facts])
    report('h1', 0, { vms: [sample(0, written(0))] })
    const { points } = report('h1', 10_000, { vms: [sample(10_000, { levels: { memoryBytes: 1 }, ...written(1e6) })] })
    const metrics = fleet.snapshot().vms.get(uuid)?.metrics
    expect(metrics?.['writeLatencyMs']).toEqual({ absent: 'Xen has no latency' })
    expect(metrics?.['memoryBytes']).toEqual({ absent: 'not measured by this driver' })
    expect(points.flatMap((point) => Object.keys(point.fields))).not.toContain('writeLatencyMs')
  })
})

describe('events', () => {
  it.each([
    ['stopped', 'destroyed', 'shutoff'],
    ['stopped', 'shutdown', 'shutoff'],
    ['suspended', 'user', 'paused'],
    ['crashed', 'panicked', 'crashed'],
  ])('%s (%s) makes it %s at once', (kind, reason, state) => {
    report('h1', 0, { vms: [sample(0)] })
    const applied = report('h1', 3000, { lane: 'event', events: [event(kind, 3000, reason)] })
    const vm = fleet.snapshot().vms.get(uuid)
    expect([vm?.state, vm?.stateReason, vm?.stateSince]).toEqual([state, reason, t0 + 3000])
    expect(applied.events).toEqual([
      { at: t0 + 3000, hostId: 'h1', hostName: 'h1', vmUuid: uuid, vmName: 'mail', kind, reason, message: '' },
    ])
  })

  it('that stop a VM take its live figures away', () => {
    report('h1', 0, { vms: [sample(0, written(0))] })
    report('h1', 10_000, { vms: [sample(10_000, written(1e6))] })
    report('h1', 11_000, { lane: 'event', events: [event('stopped', 11_000, 'destroyed')] })
    expect(fleet.snapshot().vms.get(uuid)?.metrics['writeBytesPerSecond']).toEqual({ absent: 'not running' })
  })

  it('older than the state do not bring it back', () => {
    report('h1', 0, { vms: [sample(0)] })
    report('h1', 5000, { lane: 'event', events: [event('stopped', 5000, 'destroyed')] })
    report('h1', 6000, { lane: 'event', events: [event('started', 4000, 'booted')] })
    expect(fleet.snapshot().vms.get(uuid)?.state).toBe('shutoff')
  })
})

describe('placement', () => {
  beforeEach(() => {
    connect('h2')
    report('h1', 0, { vms: [sample(0)] })
  })

  it('follows the running copy through a migration', () => {
    inventory('h2', [facts])
    report('h2', 1000, { vms: [sample(1000, { state: 'paused', stateReason: 'migration' })] })
    expect(fleet.snapshot().vms.get(uuid)?.hostId).toBe('h1')
    report('h1', 2000, { lane: 'event', events: [event('stopped', 2000, 'migrated')] })
    report('h2', 2000, { lane: 'event', events: [event('resumed', 2000, 'migrated')] })
    const { vms, placements } = fleet.snapshot()
    expect([vms.get(uuid)?.hostId, vms.get(uuid)?.state, placements.get(uuid)?.doubled]).toEqual([
      'h2',
      'running',
      false,
    ])
  })

  it('calls a VM doubled that two hosts run, and keeps their series apart', () => {
    inventory('h2', [facts])
    report('h2', 1000, { vms: [sample(1000)] })
    expect(fleet.snapshot().placements.get(uuid)).toMatchObject({ doubled: true, runningOn: ['h1', 'h2'] })
    const { points } = report('h2', 11_000, { vms: [sample(11_000)] })
    expect(points.map((point) => point.entity.id)).toEqual([`${uuid}@h2`])
  })
})

describe('a VM that is new', () => {
  beforeEach(() => {
    fleet = new Fleet()
    connect('h1')
  })

  // ESXi's samples are of intervals that ended up to 40 s before the inventory was read.
  it('has the state of its first sample, though that is of before the inventory', () => {
    inventory('h1', [facts])
    report('h1', -30_000, { vms: [sample(-30_000)] })
    expect(fleet.snapshot().vms.get(uuid)).toMatchObject({ state: 'running', stateSince: t0 - 30_000 })
    report('h1', -10_000, { vms: [sample(-10_000, { state: 'shutoff' })] })
    expect(fleet.snapshot().vms.get(uuid)).toMatchObject({ state: 'shutoff', stateSince: t0 - 10_000 })
  })

  it('has the state of its first sample after an event that says nothing of it, and of the event after one that does', () => {
    report('h1', 0, { lane: 'event', events: [event('defined', 0)] })
    report('h1', -30_000, { vms: [sample(-30_000)] })
    expect(fleet.snapshot().vms.get(uuid)?.state).toBe('running')
    report('h1', 0, { lane: 'event', events: [event('stopped', 0)] })
    report('h1', -10_000, { vms: [sample(-10_000)] })
    expect(fleet.snapshot().vms.get(uuid)?.state).toBe('shutoff')
  })
})

describe('late reports', () => {
  function hello(spoolId: string, backlog: readonly string[]): void {
    const agentId = 'agent-of-h1'
    const host = { hostId: 'h1', name: 'h1', kind: 'kvm' as const, bootId: 'boot', simulated: false, capabilities }
    fleet.apply(
      { type: 'agent-connected', agentId, name: '', version: '', hosts: [host], clockOffsetMs: 0, spoolId, backlog },
      t0,
    )
  }

  function late(atMs: number, part: Partial<ReportObservation>): Applied {
    const body: ReportObservation = {
      spoolId: 'old',
      seq: 1,
      at: t0 + atMs,
      hostId: 'h1',
      bootId: 'boot',
      lane: 'state',
      gaps: [],
      host: undefined,
      vms: [],
      arrays: [],
      collectors: [],
      events: [],
      agent: undefined,
      ...part,
    }
    return fleet.apply({ type: 'report', agentId: 'agent-of-h1', report: body, isLate: true }, t0 + 700_000)
  }

  function ratesIn({ points }: Applied): (number | undefined)[] {
    return points.filter((point) => point.entity.kind === 'vm').map((point) => point.fields['writeBytesPerSecond'])
  }

  it('count from the report before them, also when fresh ones came in between, and leave the present alone', () => {
    hello('old', [])
    report('h1', 0, { spoolId: 'old', vms: [sample(0, written(0))] })
    report('h1', 10_000, { spoolId: 'old', vms: [sample(10_000, written(1e6))] })
    // Away for ten minutes; 'old' holds what was seen meanwhile.
    hello('new', ['old'])
    report('h1', 600_000, { spoolId: 'new', vms: [sample(600_000, written(9e6))] })
    expect(ratesIn(late(20_000, { vms: [sample(20_000, written(3e6))] }))).toEqual([2e5])
    report('h1', 610_000, { spoolId: 'new', vms: [sample(610_000, written(9.5e6))] })
    expect(metric('writeBytesPerSecond')).toBe(5e4)
    expect(ratesIn(late(30_000, { vms: [sample(30_000, written(4e6))] }))).toEqual([1e5])
    expect(metric('writeBytesPerSecond')).toBe(5e4)
  })

  it('say nothing of how the storage is now', () => {
    hello('new', ['old'])
    const well = storageHealth({ mdArrays: [mdArray()] })
    report('h1', 600_000, { spoolId: 'new', storageHealth: well })
    late(20_000, { storageHealth: storageHealth({ mdArrays: [mdArray({ inSyncDevices: 1 })] }) })
    expect(fleet.snapshot().hosts.get('h1')?.storageHealth).toBe(well)
    // Most reports do not tell of it.
    report('h1', 610_000, { spoolId: 'new' })
    expect(fleet.snapshot().hosts.get('h1')?.storageHealth).toBe(well)
    // Another spool than before: its figures are compared with nothing, and the storage is as it was.
    hello('newer', ['new'])
    report('h1', 620_000, { spoolId: 'newer' })
    expect(fleet.snapshot().hosts.get('h1')?.storageHealth).toBe(well)
  })

  it('put their events into history only', () => {
    hello('new', ['old'])
    report('h1', 600_000, { spoolId: 'new', vms: [sample(600_000)] })
    const { events } = late(20_000, { events: [event('stopped', 20_000, 'destroyed')] })
    expect(events.map((one) => [one.kind, one.at])).toEqual([['stopped', t0 + 20_000]])
    expect(fleet.snapshot().vms.get(uuid)?.state).toBe('running')
  })
})

describe('hosts', () => {
  it('that cannot measure something any more lose its figures, and say why; those that can again wait for a reading', () => {
    const disks = { ...written(4096), totals: { cpuSeconds: 1 }, levels: { memoryRssBytes: 7 } }
    report('h1', 0, { vms: [sample(0, disks)] })
    report('h1', 10_000, { vms: [sample(10_000, { ...disks, ...written(8192) })] })
    report('h1', 10_000, { arrays: [{ key: 'iscsi:box', runId: '', totals: {}, levels: { inFlight: 3 } }] })
    const why = (name: string): unknown => fleet.snapshot().vms.get(uuid)?.metrics[name]
    const onDisk = (): unknown => fleet.snapshot().disks.get(`${uuid}/vda`)?.metrics['writeBytesPerSecond']
    expect([metric('memoryRssBytes'), metric('writeBytesPerSecond')]).toEqual([7, 409.6])
    expect(valueOf(fleet.snapshot().arrays.get('iscsi:box')?.metrics['writeBytesPerSecond'])).toBe(409.6)

    const without = new Set(['memory-rss', 'disk-bytes', 'array-counters'])
    const reason = 'no longer'
    const less = capabilities.map((one) => (without.has(one.name) ? { ...one, support: 'no' as const, reason } : one))
    expect(fleet.contradictions().size).toBe(0)
    connect('h1', 'agent-of-h1', less)
    expect([why('memoryRssBytes'), why('writeBytesPerSecond'), onDisk()]).toEqual(
      Array.from({ length: 3 }, () => ({ absent: reason })),
    )
    expect(fleet.snapshot().arrays.get('iscsi:box')?.metrics['writeBytesPerSecond']).toHaveProperty('absent')
    expect(metric('cpuCores')).toBe(0)
    const { points } = report('h1', 20_000, {
      vms: [sample(20_000, disks)],
      arrays: [{ key: 'iscsi:box', runId: '', totals: {}, levels: { inFlight: 3 } }],
    })
    const stored = points.flatMap(({ entity, fields }) => Object.keys(fields).map((field) => `${entity.kind} ${field}`))
    expect(stored.filter((one) => /Rss|Bytes(PerSecond|Total)|inFlight/.test(one))).toEqual([])
    expect(Object.fromEntries(fleet.contradictions())).toMatchObject({ 'vm.memoryRssBytes': 1, 'array.inFlight': 1 })

    connect('h1')
    expect(why('memoryRssBytes')).toEqual({ absent: 'not read yet' })
    expect(metric('cpuCores')).toBe(0)
  })

  it('tell no 0 of what is not known: inodes that are not counted, errors of one way, sizes of VMs', () => {
    const fileSystem = { mount: '/', device: 'd', type: 'btrfs', sizeBytes: 9, availableBytes: 4, readOnly: false }
    const machine = (totals: number): ReportObservation['host'] => ({
      runId: '',
      totals: { cpuUsedSeconds: totals },
      levels: {},
      disks: [],
      networks: [{ device: 'eth0', totals: { receiveBytes: totals, transmitBytes: totals, receiveErrors: totals } }],
      fileSystems: [{ ...fileSystem, files: 0, filesFree: 0 }],
      unreadFileSystems: [],
    })
    inventory('h1', [facts, { ...facts, uuid: uuid.replaceAll('1', '9'), name: 'new', memoryMaxBytes: undefined }])
    report('h1', 0, { host: machine(0) })
    const { points } = report('h1', 10_000, { host: machine(20) })
    const fieldsOf = (kind: string): unknown => points.find(({ entity }) => entity.kind === kind)?.fields
    expect(fieldsOf('file_system')).toEqual({ sizeBytes: 9, availableBytes: 4 })
    expect(fieldsOf('host')).toEqual({
      cpuUsedCores: 2,
      memoryManagedBytes: 2 ** 33,
      receiveBytesPerSecond: 2,
      transmitBytesPerSecond: 2,
    })
    expect(fleet.snapshot().hosts.get('h1')?.networks[0]?.errorsPerSecond).toEqual({ absent: 'not read yet' })
  })

  it('say of what they measure in part how far that goes', () => {
    const limited = { name: 'memory-guest', support: 'degraded' as const, reason: 'only with a balloon' }
    connect('h1', 'agent-of-h1', [...capabilities.filter(({ name }) => name !== 'memory-guest'), limited])
    report('h1', 0, { vms: [sample(0)] })
    expect(fleet.snapshot().vms.get(uuid)?.metrics['memoryGuestUsedBytes']).toEqual({
      absent: 'not read yet; limited here: only with a balloon',
    })
  })

  it('are spoken for by their own agent only', () => {
    const applied = report('h1', 1000, { vms: [sample(1000)] }, 'somebody-else')
    expect([applied.points, fleet.snapshot().vms.get(uuid)?.state]).toEqual([[], 'unknown'])
  })

  it('are silent until a report, after their agent went, and after too long a silence', () => {
    const status = (): string | undefined => fleet.snapshot().hosts.get('h1')?.status
    expect(status()).toBe('silent')
    report('h1', 1000, {})
    expect(status()).toBe('up')
    fleet.apply({ type: 'tick', silentAfterMs: 30_000 }, t0 + 20_000)
    expect(status()).toBe('up')
    fleet.apply({ type: 'tick', silentAfterMs: 30_000 }, t0 + 40_000)
    expect(status()).toBe('silent')
    report('h1', 41_000, {})
    fleet.apply({ type: 'agent-disconnected', agentId: 'agent-of-h1' }, t0 + 42_000)
    expect(status()).toBe('silent')
  })

  it('are unreachable while the agent cannot read the hypervisor', () => {
    const gap = { vmUuid: '', group: 'state', reason: 'disconnected', message: 'no libvirtd', sinceMs: t0 }
    report('h1', 1000, { gaps: [gap] })
    expect(fleet.snapshot().hosts.get('h1')).toMatchObject({ status: 'unreachable', gaps: [gap] })
    report('h1', 2000, {})
    expect(fleet.snapshot().hosts.get('h1')).toMatchObject({ status: 'up', gaps: [] })
  })

  it('leave the fleet with their VMs and arrays when their agent does not name them any more', () => {
    report('h1', 1000, { vms: [sample(1000)] })
    fleet.apply(
      { type: 'agent-connected', agentId: 'agent-of-h1', name: '', version: '', hosts: [], clockOffsetMs: 0 },
      t0 + 2000,
    )
    const { hosts, vms, disks, arrays } = fleet.snapshot()
    expect([hosts.size, vms.size, disks.size, arrays.size]).toEqual([0, 0, 0, 0])
  })
})

describe('passes that were overtaken', () => {
  it('do not bring back a VM that the inventory has dropped', () => {
    report('h1', 0, { vms: [sample(0)] })
    inventory('h1', [])
    report('h1', 1000, { vms: [sample(-500)] })
    expect(fleet.snapshot().vms.size).toBe(0)
  })

  it('do not bring back a VM that the state lane does not list any more', () => {
    report('h1', 0, { vms: [sample(0)] })
    report('h1', 10_000, {})
    const { points } = report('h1', 9000, { lane: 'fast', vms: [sample(9000, written(1000))] })
    expect([fleet.snapshot().vms.size, points]).toEqual([0, []])
    report('h1', 11_000, { lane: 'event', vms: [sample(10_500)] })
    expect(fleet.snapshot().vms.size).toBe(1)
  })

  it('do not undo what an event told since', () => {
    report('h1', 9000, { vms: [sample(9000)] })
    report('h1', 10_500, { lane: 'event', events: [event('stopped', 10_500, 'destroyed')] })
    report('h1', 10_000, { vms: [sample(10_000)] })
    expect(fleet.snapshot().vms.get(uuid)?.state).toBe('shutoff')
  })

  it('a VM that the state lane does not list any more is gone, unless it has a gap', () => {
    report('h1', 0, { vms: [sample(0)] })
    const gap = { vmUuid: uuid, group: 'state', reason: 'timeout', message: '', sinceMs: t0 }
    report('h1', 10_000, { gaps: [gap] })
    expect(fleet.snapshot().vms.size).toBe(1)
    report('h1', 20_000, {})
    expect(fleet.snapshot().vms.size).toBe(0)
  })
})

describe('devices that come and go', () => {
  const array = (bytes: number, runId: string): ReportObservation['arrays'][number] => {
    return { key: 'iscsi:box', runId, totals: { writeBytes: bytes }, levels: {} }
  }
  const onDisk = (writeBytes: number): Partial<VmObservation> => ({
    disks: [{ target: 'vda', totals: { writeBytes } }],
  })
  const written = (): number | undefined =>
    valueOf(fleet.snapshot().arrays.get('iscsi:box')?.metrics['writeBytesPerSecond'])

  beforeEach(() => {
    report('h1', -1000, {})
  })

  it('an array with another disk beneath is not compared with what it was before', () => {
    report('h1', 0, { lane: 'fast', arrays: [array(1e6, 'sda')] })
    report('h1', 1000, { lane: 'fast', arrays: [array(2e6, 'sda')] })
    expect(written()).toBe(1e6)
    const { points } = report('h1', 2000, { lane: 'fast', arrays: [array(5e11, 'sda+sdb')] })
    expect(points).toEqual([])
    report('h1', 3000, { lane: 'fast', arrays: [array(5e11 + 2e6, 'sda+sdb')] })
    expect(written()).toBe(2e6)
  })

  it('an array that is not counted any more has no figure of then', () => {
    report('h1', 0, { lane: 'fast', arrays: [array(1e6, 'sda')] })
    report('h1', 1000, { lane: 'fast', arrays: [array(2e6, 'sda')] })
    report('h1', 2000, { lane: 'fast' })
    expect(written()).toBe(undefined)
  })

  it('arrays that are told of apart keep their figures when a report has none', () => {
    report('h1', 0, { lane: 'fast', arrays: [array(1e6, 'sda')] })
    report('h1', 1000, { lane: 'event', arrays: [array(2e6, 'sda')] })
    report('h1', 500, { lane: 'fast', arraysApart: true })
    expect(written()).toBe(1e6)
    report('h1', 2000, { lane: 'event', arrays: [array(4e6, 'sda')] })
    expect(written()).toBe(2e6)
  })

  it('a canary tells how long its write took or has not come back, also where nothing counts the array; the slowest speaks', () => {
    connect('h2')
    inventory('h2', [])
    report('h2', -1000, {})
    const canary = (levels: Record<string, number>): Pick<ReportObservation, 'lane' | 'arrays'> => ({
      lane: 'fast',
      arrays: [{ key: 'iscsi:box', runId: '', totals: {}, levels }],
    })
    const figures = (): unknown[] =>
      ['canaryMs', 'canaryOverdueMs'].map((name) => fleet.snapshot().arrays.get('iscsi:box')?.metrics[name])
    const told = (host: string, at: number, levels: Record<string, number>): unknown =>
      report(host, at, canary(levels)).points.map(({ entity, fields }) => [entity.id, fields])
    expect(told('h1', 0, { canaryMs: 2 })).toEqual([['iscsi:box/h1', { canaryMs: 2 }]])
    told('h2', 0, { canaryMs: 5 })
    expect(figures()).toEqual([{ value: 5, at: t0, source: 'machine' }, { absent: 'not read yet' }])
    expect(told('h2', 5000, { canaryOverdueMs: 3000 })).toEqual([['iscsi:box/h2', { canaryOverdueMs: 3000 }]])
    expect(figures()).toMatchObject([{ value: 2 }, { value: 3000 }])
    const own = (): unknown => fleet.snapshot().arrays.get('iscsi:box')
    told('h2', 9000, { canaryMs: 7000 })
    expect(figures()).toMatchObject([{ value: 7000 }, { absent: 'not read yet' }])
    expect(own()).toMatchObject({ writeCache: undefined })
  })

  it('a host with a canary only still has its array added up from its disks', () => {
    const canary = { key: 'iscsi:box', runId: '', totals: {}, levels: { canaryMs: 2 } }
    report('h1', 0, { lane: 'fast', arrays: [canary], vms: [sample(0, onDisk(0))] })
    report('h1', 9000, { lane: 'fast', arrays: [canary], vms: [sample(9000, onDisk(9000))] })
    const { points } = report('h1', 10_000, { vms: [sample(10_000, onDisk(10_000))] })
    const stored = points.filter(({ entity }) => entity.kind === 'array').map(({ fields }) => fields)
    expect(stored).toMatchObject([{ writeBytesPerSecond: 1000 }])
  })

  it('a write cache that is switched off is so for the array, whatever another host says', () => {
    connect('h2')
    inventory('h2', [])
    const cache = (
      writeCache: 'write-back' | 'write-through' | undefined,
    ): Pick<ReportObservation, 'lane' | 'arrays'> => ({
      lane: 'fast',
      arrays: [{ key: 'iscsi:box', runId: '', totals: {}, levels: {}, writeCache }],
    })
    const told = (): unknown => fleet.snapshot().arrays.get('iscsi:box')?.writeCache
    report('h2', -1000, {})
    expect(told()).toBeUndefined()
    report('h1', 0, cache('write-back'))
    expect(told()).toBe('write-back')
    report('h2', 0, cache('write-through'))
    expect(told()).toBe('write-through')
    report('h2', 1000, cache(undefined))
    expect(told()).toBe('write-back')
  })

  it('an array has the requests in flight of all its hosts, and no latency only because nothing was asked of it', () => {
    connect('h2')
    inventory('h2', [])
    report('h2', -1000, {})
    const counted = (requests: number, inFlight: number): Pick<ReportObservation, 'lane' | 'arrays'> => ({
      lane: 'fast',
      arrays: [
        {
          key: 'iscsi:box',
          runId: 'sda',
          totals: { writeBytes: 0, writeRequests: requests, writeSeconds: requests / 100 },
          levels: { inFlight },
        },
      ],
    })
    const figure = (name: string) => fleet.snapshot().arrays.get('iscsi:box')?.metrics[name]
    report('h1', 0, counted(0, 1))
    report('h2', 0, counted(0, 1))
    report('h1', 1000, counted(100, 4))
    report('h2', 1000, counted(100, 3))
    expect(valueOf(figure('inFlight'))).toBe(7)
    expect(valueOf(figure('writeLatencyMs'))).toBeCloseTo(10)
    report('h1', 2000, counted(100, 0))
    report('h2', 2000, counted(100, 0))
    expect(figure('writeLatencyMs')).toEqual({ absent: noRequests })
    expect(figure('readLatencyMs')).toHaveProperty('absent', 'not read yet')
  })

  it('a VM shows the interfaces that it has, not those of earlier starts', () => {
    const nic = (device: string): VmFacts['nics'][number] => ({ device, mac: '', network: '', model: '' })
    inventory('h1', [{ ...facts, nics: [nic('vnet0')] }])
    report('h1', 0, { vms: [sample(0, { nics: [{ device: 'vnet0', totals: { receiveBytes: 1 } }] })] })
    inventory('h1', [{ ...facts, nics: [nic('vnet1')] }])
    expect(
      fleet
        .snapshot()
        .vms.get(uuid)
        ?.nics.map(({ device }) => device),
    ).toEqual(['vnet1'])
  })
})

describe('snapshots', () => {
  it('share what did not change', () => {
    connect('h2')
    inventory('h2', [{ ...facts, uuid: uuid.replace('1', '2'), name: 'other' }])
    const before = fleet.snapshot()
    report('h1', 1000, { vms: [sample(1000)] })
    const after = fleet.snapshot()
    const other = uuid.replace('1', '2')
    expect(after.vms.get(other)).toBe(before.vms.get(other))
    expect(after.hosts.get('h2')).toBe(before.hosts.get('h2'))
    expect(after.vms.get(uuid)).not.toBe(before.vms.get(uuid))
    expect(before.vms.get(uuid)?.state).toBe('unknown')
  })

  it('lose a VM that the inventory does not list any more', () => {
    report('h1', 1000, { vms: [sample(1000)] })
    inventory('h1', [])
    const { vms, disks, placements } = fleet.snapshot()
    expect([vms.size, disks.size, placements.size]).toEqual([0, 0, 0])
  })

  it('tell listeners of each change, with its events', () => {
    const revisions: number[] = []
    const unsubscribe = fleet.subscribe((change) => revisions.push(change.revision))
    report('h1', 1000, { vms: [sample(1000)] })
    fleet.apply({ type: 'tick', silentAfterMs: 30_000 }, t0 + 2000)
    unsubscribe()
    report('h1', 3000, {})
    expect(revisions).toHaveLength(1)
  })

  it('are of now once a minute where nothing changes', () => {
    report('h1', 1000, { vms: [sample(1000)] })
    const first = fleet.snapshot()
    const still = (ms: number): Snapshot => {
      fleet.apply({ type: 'tick', silentAfterMs: 1e9 }, first.at + ms)
      return fleet.snapshot()
    }
    expect(still(59_999)).toBe(first)
    expect(still(60_000)).toEqual({ ...first, at: first.at + 60_000 })
    expect(fleet.snapshot().vms).toBe(first.vms)
  })

  it('are of now again when a clock that was ahead is set back, with what is heard meanwhile and without', () => {
    const day = 86_400_000
    const tick = (ms: number): void => void fleet.apply({ type: 'tick', silentAfterMs: 30_000 }, t0 + ms)
    report('h1', 1000, { vms: [sample(1000)] })
    tick(day)
    expect(fleet.snapshot().at).toBe(t0 + day)
    tick(2000)
    expect(fleet.snapshot().at).toBe(t0 + 2000)
    report('h1', day, {})
    report('h1', 3000, { vms: [sample(3000)] })
    tick(4000)
    expect(fleet.snapshot().at).toBe(t0 + 4000)
  })

  it('know a host that fell silent while the clock was ahead', () => {
    const day = 86_400_000
    const statusAfter = (ms: number): string | undefined => {
      fleet.apply({ type: 'tick', silentAfterMs: 30_000 }, t0 + ms)
      return fleet.snapshot().hosts.get('h1')?.status
    }
    report('h1', day, {})
    expect([1000, 31_000, 31_001].map(statusAfter)).toEqual(['up', 'up', 'silent'])
  })

  it('tell of each host that has a VM of one UUID, and what that calls it', () => {
    expect(fleet.snapshot().placements.get(uuid)?.copies).toBeUndefined()
    connect('h2')
    inventory('h2', [{ ...facts, name: 'web' }])
    expect(fleet.snapshot().placements.get(uuid)?.copies).toEqual([
      { hostId: 'h1', name: 'mail', runs: false },
      { hostId: 'h2', name: 'web', runs: false },
    ])
  })
})

describe('points', () => {
  it('carry the names that things had', () => {
    connect('h2')
    inventory('h2', [facts])
    const fileSystem = { mount: '/', device: 'd', type: 'xfs', sizeBytes: 9, availableBytes: 4, readOnly: false }
    const machine = (cpuUsedSeconds: number): ReportObservation['host'] => ({
      runId: '',
      totals: { cpuUsedSeconds },
      levels: {},
      disks: [],
      networks: [],
      fileSystems: [{ ...fileSystem, files: 0, filesFree: 0 }],
      unreadFileSystems: [],
    })
    const labels = (applied: Applied): unknown =>
      Object.fromEntries(applied.points.map(({ entity, labels }) => [`${entity.kind} ${entity.id}`, labels]))
    const arrays = (key: string): Pick<ReportObservation, 'arrays'> => ({
      arrays: [{ key, runId: '1', totals: {}, levels: { inFlight: 1 } }],
    })
    const first = { host: machine(0), vms: [sample(0, { ...written(0), levels: { memoryBytes: 5 } })] }
    report('h1', 0, first)
    const second = { host: machine(20), vms: [sample(10_000, { ...written(1e6), levels: { memoryBytes: 6 } })] }
    expect(labels(report('h1', 10_000, { ...second, ...arrays('iscsi:box') }))).toEqual({
      [`vm ${uuid}`]: { name: 'mail', hostName: 'h1' },
      [`disk ${uuid}/vda`]: { vmName: 'mail' },
      'host h1': { name: 'h1' },
      'file_system h1//': { hostName: 'h1' },
      'array iscsi:box/h1': { name: 'box', hostName: 'h1' },
    })
    inventory('h1', [{ ...facts, name: 'post' }])
    expect(labels(report('h1', 20_000, { ...arrays('local:x/y'), vms: [sample(20_000)] }))).toMatchObject({
      [`vm ${uuid}`]: { name: 'post', hostName: 'h1' },
      'array local:x/y/h1': { name: 'local:x/y', hostName: 'h1' },
    })
  })
})

it('a source of storage that was read and is gone is as it was, until its host is booted', () => {
  connect('h1')
  const source = { name: 'md', state: 'read', reason: '', readAt: t0 } as const
  report('h1', 0, { storageHealth: storageHealth({ sources: [source], mdArrays: [mdArray()] }) })
  const gone = storageHealth({ sources: [{ ...source, state: 'not-here', reason: 'no md', readAt: undefined }] })
  const told = (part: Partial<ReportObservation>): unknown => {
    report('h1', 10_000, { storageHealth: gone, ...part })
    const health = fleet.snapshot().hosts.get('h1')?.storageHealth
    return [health?.sources[0]?.state, health?.mdArrays.length]
  }
  expect(told({})).toEqual(['failed', 1])
  expect(told({ bootId: 'next' })).toEqual(['not-here', 0])
})
