import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'

import type { FleetInput, ReportObservation, VmObservation } from '../model/observation.js'
import type { Point } from '../store/time-series.js'
import { Fleet } from './fleet.js'

const uuid = '11111111-2222-4333-8444-555555555555'
const t0 = 1_700_000_000_000
const capabilities = ['cpu', 'disk-bytes', 'disk-requests'].map((name) => ({
  name,
  support: 'yes' as const,
  reason: '',
}))

type HostId = 'source' | 'target'

/** One report of one host, and when it reaches the controller. Times in milliseconds since t0. */
interface Told {
  readonly host: HostId
  readonly arrivesMs: number
  readonly report: Partial<ReportObservation> & { readonly atMs: number }
}

let fleet: Fleet
let points: Point[]

beforeEach(() => {
  fleet = new Fleet()
  points = []
  for (const hostId of ['source', 'target'] as const) {
    const host = { hostId, name: hostId, kind: 'kvm' as const, bootId: 'boot', simulated: false, capabilities }
    const input: FleetInput = {
      type: 'agent-connected',
      agentId: hostId,
      name: hostId,
      version: '1',
      hosts: [host],
      clockOffsetMs: 0,
    }
    fleet.apply(input, t0)
    tell({ host: hostId, arrivesMs: 0, report: { atMs: 0, lane: 'state' } })
  }
})

function tell({ host, arrivesMs, report: { atMs, ...part } }: Told): void {
  const base: ReportObservation = {
    spoolId: host,
    seq: 1,
    hostId: host,
    bootId: 'boot',
    at: t0 + atMs,
    lane: 'fast',
    gaps: [],
    host: undefined,
    vms: [],
    arrays: [],
    collectors: [],
    events: [],
    agent: undefined,
  }
  const applied = fleet.apply({ type: 'report', agentId: host, report: { ...base, ...part } }, t0 + arrivesMs)
  points.push(...applied.points)
}

function event(host: HostId, atMs: number, kind: string, reason: string, lateMs = 5): Told {
  const events = [{ at: t0 + atMs, vmUuid: uuid, vmName: 'mail', kind, reason, message: '' }]
  return { host, arrivesMs: atMs + lateMs, report: { atMs, lane: 'event', events } }
}

function read(host: HostId, atMs: number, writeBytes: number, part: Partial<VmObservation> = {}, lateMs = 5): Told {
  const sample: VmObservation = {
    uuid,
    runId: `run on ${host}`,
    at: t0 + atMs,
    state: undefined,
    stateReason: 'unknown',
    vcpus: 1,
    totals: {},
    levels: {},
    guestMemoryAt: undefined,
    disks: [{ target: 'vda', totals: { writeBytes, writeRequests: writeBytes / 4096 } }],
    nics: [],
    ...part,
  }
  return { host, arrivesMs: atMs + lateMs, report: { atMs, vms: [sample] } }
}

const running = { state: 'running', stateReason: 'booted' } as const
const leaving = { state: 'paused', stateReason: 'migration' } as const

/** Rates of the VM's own series, by time. */
function rates(): { atMs: number; rate: number }[] {
  return points
    .flatMap(({ entity, atMs, fields }) => {
      const rate = fields['writeBytesPerSecond']
      return entity.kind === 'vm' && entity.id === uuid && rate !== undefined ? [{ atMs: atMs - t0, rate }] : []
    })
    .toSorted((a, b) => a.atMs - b.atMs)
}

function integral(): number {
  const rows = rates()
  return rows.reduce((sum, { atMs, rate }, index) => sum + (rate * (atMs - (rows[index - 1]?.atMs ?? 0))) / 1000, 0)
}

/** Everything in the order in which it arrives; one host's own reports never overtake each other. */
function deliver(told: readonly Told[]): void {
  for (const one of told.toSorted((a, b) => a.arrivesMs - b.arrivesMs)) tell(one)
}

describe('a migration', () => {
  /** 1 MB a second; suspended at 3500, resumed at 3700. */
  const before = [
    read('source', 0, 0, running),
    read('source', 1000, 1e6),
    read('source', 2000, 2e6),
    event('target', 2500, 'started', 'migrated'),
    read('target', 2550, 0, leaving),
    read('source', 3000, 3e6),
    event('source', 3500, 'suspended', 'migration'),
  ]
  const after = [
    event('target', 3700, 'resumed', 'migrated'),
    read('target', 3760, 60_000, { ...running, stateReason: 'migrated' }),
    event('source', 3900, 'stopped', 'migrated'),
    read('target', 4700, 1e6),
    read('target', 5700, 2e6),
  ]

  it('leaves one series that gives what was written: the source is read once more after its end', () => {
    deliver([...before, read('source', 3600, 3.5e6, leaving), ...after])
    expect(integral()).toBeCloseTo(5.5e6, 0)
    expect(rates().map(({ atMs }) => atMs)).toEqual([1000, 2000, 3000, 3600, 4700, 5700])
    expect(new Set(points.map(({ entity }) => entity.id))).toEqual(new Set([uuid, `${uuid}/vda`]))
  })

  it('gives it also when the last reading comes right after the one before, which would make a rate of nothing', () => {
    const word = [read('source', 3400, 3.4e6), read('source', 3600, 3.5e6, leaving)]
    deliver([...before, ...word, ...after])
    expect(rates().map(({ atMs }) => atMs)).toEqual([1000, 2000, 3000, 3400, 4700, 5700])
    expect(integral()).toBeCloseTo(5.5e6, 0)
  })

  it('takes its last moments for as busy as those before if the source was gone before it could be read', () => {
    deliver([...before, ...after])
    expect(rates().map(({ atMs }) => atMs)).toEqual([1000, 2000, 3000, 4700, 5700])
    expect(integral()).toBeCloseTo(5.5e6, 0)
  })

  it('goes on in the same way when it is seen running before the event that tells of it', () => {
    const late = after.map((one) => (one.report.events === undefined ? one : { ...one, arrivesMs: 4000 }))
    deliver([...before, read('source', 3600, 3.5e6, leaving), ...late])
    expect(integral()).toBeCloseTo(5.5e6, 0)
    expect(fleet.snapshot().placements.get(uuid)).toMatchObject({ hostId: 'target', doubled: false })
  })

  it('is one VM, on the source until it is resumed on the target, and never doubled', () => {
    const seen: string[] = []
    for (const one of [...before, ...after].toSorted((a, b) => a.arrivesMs - b.arrivesMs)) {
      tell(one)
      const { vms, placements } = fleet.snapshot()
      expect(placements.get(uuid)?.doubled).toBe(false)
      const place = `${vms.get(uuid)?.hostId} ${vms.get(uuid)?.state}`
      if (seen.at(-1) !== place) seen.push(place)
    }
    expect(seen).toEqual(['source running', 'source paused', 'target running'])
  })

  it('is not doubled when the end on the source is told late: what it said is from before', () => {
    const late = before.map((one) =>
      one.report.lane === 'event' && one.host === 'source' ? { ...one, arrivesMs: 6000 } : one,
    )
    deliver([...late, ...after.filter(({ host }) => host === 'target')])
    expect(fleet.snapshot().placements.get(uuid)).toMatchObject({ hostId: 'target', doubled: false })
    expect(points.some(({ entity }) => entity.id.includes('@'))).toBe(false)
  })

  it('that fails goes on where it was, without a spike', () => {
    deliver([
      ...before,
      read('source', 3600, 3.5e6, leaving),
      event('source', 4000, 'resumed', 'migrated'),
      event('target', 4000, 'stopped', 'failed'),
      read('source', 5000, 4.5e6, running),
      read('source', 6000, 5.5e6),
    ])
    expect(integral()).toBeCloseTo(5.5e6, 0)
    expect(Math.max(...rates().map(({ rate }) => rate))).toBeLessThan(1.1e6)
    expect(fleet.snapshot().vms.get(uuid)).toMatchObject({ hostId: 'source', state: 'running' })
  })

  it('leaves no trace in the series of the source that keeps its definition', () => {
    deliver([...before, read('source', 3600, 3.5e6, leaving), ...after])
    points = []
    const stopped = { state: 'shutoff', stateReason: 'migrated', disks: [], runId: '' } as const
    tell(read('source', 10_000, 0, stopped))
    expect(points).toEqual([])
    expect(fleet.snapshot().vms.get(uuid)?.hostId).toBe('target')
  })

  it('may go back and forth, and each way counts', () => {
    deliver([...before, read('source', 3600, 3.5e6, leaving), ...after])
    deliver([
      event('source', 6000, 'started', 'migrated'),
      event('target', 6200, 'suspended', 'migration'),
      read('target', 6250, 2.5e6, leaving),
      event('source', 6400, 'resumed', 'migrated'),
      read('source', 6500, 1e5, { ...running, runId: 'back again' }),
      read('source', 7400, 1e6, { runId: 'back again' }),
    ])
    expect(integral()).toBeCloseTo(7e6, 0)
  })

  it('does not count what its emulator did before it ran as CPU time of the VM', () => {
    const cpu = (cpuSeconds: number): Partial<VmObservation> => ({ totals: { cpuSeconds } })
    deliver([
      read('source', 0, 0, { ...running, ...cpu(100) }),
      event('target', 2500, 'started', 'migrated'),
      read('target', 2550, 0, { ...leaving, ...cpu(1) }),
      event('source', 3500, 'suspended', 'migration'),
      read('source', 3600, 0, { ...leaving, ...cpu(101.8) }),
      event('target', 3700, 'resumed', 'migrated'),
      read('target', 3760, 0, { ...running, ...cpu(4) }),
      read('target', 4760, 0, cpu(4.5)),
      read('target', 5760, 0, cpu(5)),
    ])
    const cores = points.flatMap(({ fields }) => fields['cpuCores'] ?? [])
    expect(cores.map((value) => value.toFixed(2))).toEqual(['0.50', '0.50'])
  })
})

it('gives what was written however long things take and whatever is told first', () => {
  const timing = fc.record({
    rate: fc.integer({ min: 1, max: 100_000 }),
    phaseMs: fc.nat(999),
    suspendedMs: fc.integer({ min: 2100, max: 4000 }),
    restMs: fc.integer({ min: 20, max: 1500 }),
    wordAfterMs: fc.integer({ min: 10, max: 250 }),
    lateMs: fc.record({ source: fc.nat(100), target: fc.nat(100) }),
  })
  fc.assert(
    fc.property(timing, ({ rate, phaseMs, suspendedMs, restMs, wordAfterMs, lateMs }) => {
      fleet = new Fleet()
      points = []
      for (const hostId of ['source', 'target'] as const) {
        const host = { hostId, name: hostId, kind: 'kvm' as const, bootId: 'b', simulated: false, capabilities }
        fleet.apply(
          { type: 'agent-connected', agentId: hostId, name: hostId, version: '1', hosts: [host], clockOffsetMs: 0 },
          t0,
        )
        tell({ host: hostId, arrivesMs: 0, report: { atMs: 0, lane: 'state' } })
      }
      const resumedMs = suspendedMs + restMs
      const { source, target } = lateMs
      const told: Told[] = [
        read('source', 0, 0, running, source),
        event('target', 2000, 'started', 'migrated', target),
        event('source', suspendedMs, 'suspended', 'migration', source),
        read('source', suspendedMs + wordAfterMs, suspendedMs * rate, leaving, source),
        event('target', resumedMs, 'resumed', 'migrated', target),
        read('target', resumedMs + 60, 60 * rate, running, target),
        event('source', suspendedMs + 300, 'stopped', 'migrated', source),
      ]
      for (let atMs = phaseMs; atMs < suspendedMs; atMs += 1000)
        told.push(read('source', atMs, atMs * rate, {}, source))
      for (let atMs = 2050; atMs < resumedMs; atMs += 1000) told.push(read('target', atMs, 0, leaving, target))
      for (let beat = 1; beat <= 3; beat += 1) {
        const atMs = resumedMs + beat * 1000
        told.push(read('target', atMs, beat * 1000 * rate, {}, target))
      }
      deliver(told)
      expect(integral()).toBeCloseTo((suspendedMs + 3000) * rate, -1)
      expect(points.some(({ entity }) => entity.id.includes('@'))).toBe(false)
    }),
    { seed: 1 },
  )
})
