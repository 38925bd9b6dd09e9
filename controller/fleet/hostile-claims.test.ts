import { beforeEach, describe, expect, it } from 'vitest'

import type { EventObservation, ReportObservation, VmObservation } from '../model/observation.js'
import type { Point } from '../store/time-series.js'
import { Disbelief } from './disbelief.js'
import { Fleet } from './fleet.js'
import { RunSpans } from './run-spans.js'

/** What a host can do to the history of a VM that runs on another, by claiming that it runs the same. */
const uuid = '11111111-2222-4333-8444-555555555555'
const t0 = 1_700_000_000_000
const beatMs = 10_000
let fleet: Fleet
/** Of the series of the VM itself, in the order in which they were told: by whom, and when. */
let history: string[]
let apart: string[]
/** Bytes written a second, of its disk. */
let rates: number[]
let totals: Record<string, number>

beforeEach(() => {
  fleet = new Fleet()
  history = []
  apart = []
  rates = []
  totals = {}
  for (const host of ['own', 'bad']) connect(host, 's')
})

function connect(hostId: string, spoolId: string, backlog: readonly string[] = []): void {
  const capabilities = ['cpu', 'disk-bytes', 'memory-size'].map((name) => ({
    name,
    support: 'yes' as const,
    reason: '',
  }))
  const host = { hostId, name: hostId, kind: 'kvm' as const, bootId: 'b', simulated: false, capabilities }
  const input = {
    agentId: `agent of ${hostId}`,
    name: '',
    version: '',
    hosts: [host],
    clockOffsetMs: 0,
    spoolId,
    backlog,
  }
  fleet.apply({ type: 'agent-connected', ...input }, t0)
}

function tell(
  hostId: string,
  atMs: number,
  part: Partial<ReportObservation>,
  late?: { readonly spoolId: string },
): void {
  const report: ReportObservation = {
    spoolId: late?.spoolId ?? 's',
    seq: 1,
    hostId,
    bootId: 'b',
    at: t0 + atMs,
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
  const isLate = late !== undefined
  const { points } = fleet.apply({ type: 'report', agentId: `agent of ${hostId}`, report, isLate }, t0 + atMs)
  const disk = points.filter(({ entity }) => entity.id === `${uuid}/vda`)
  rates.push(...disk.map(({ fields }) => fields['writeBytesPerSecond'] ?? 0))
  for (const { entity, atMs: at } of points.filter(isOfVm)) {
    const line = `${hostId} ${(at - t0) / 1000}`
    if (entity.id === uuid) history.push(line)
    else apart.push(line)
  }
}

function isOfVm({ entity }: Point): boolean {
  return entity.kind === 'vm' && entity.id.startsWith(uuid)
}

/** The host tells of the VM: it runs, unless something else is said. Each host counts for itself. */
function sees(
  hostId: string,
  atMs: number,
  part: Partial<VmObservation> = {},
  late?: { readonly spoolId: string },
): void {
  const written = (totals[hostId] = (totals[hostId] ?? 0) + 1000)
  const vm: VmObservation = {
    uuid,
    runId: `run on ${hostId}`,
    at: t0 + atMs,
    state: 'running',
    stateReason: 'booted',
    vcpus: 1,
    totals: {},
    levels: { memoryBytes: 1000 },
    guestMemoryAt: undefined,
    disks: [{ target: 'vda', totals: { writeBytes: written } }],
    nics: [],
    ...part,
  }
  tell(hostId, atMs, { vms: [vm] }, late)
}

function happens(hostId: string, atMs: number, kind: string, reason: string, at = t0 + atMs): void {
  const event: EventObservation = { at, vmUuid: uuid, vmName: 'x', kind, reason, message: '' }
  tell(hostId, atMs, { lane: 'event', events: [event] })
}

/** What the host that has the VM tells in so many beats. */
const honest = (beats: number): string[] => Array.from({ length: beats }, (_, beat) => `own ${(beat * beatMs) / 1000}`)
const placedOn = (): string | undefined => fleet.snapshot().vms.get(uuid)?.hostId

describe('a host that claims to run the VM of another', () => {
  it('is told apart from its first word on; the other goes on under the name of the VM, and is shown', () => {
    for (let beat = 0; beat < 5; beat += 1) {
      sees('own', beat * beatMs)
      sees('bad', beat * beatMs + 10)
    }
    expect(history).toEqual(honest(5))
    expect(apart).toHaveLength(5)
    expect(placedOn()).toBe('own')
    expect(fleet.snapshot().placements.get(uuid)).toMatchObject({ doubled: true, runningOn: ['bad', 'own'] })
  })

  it('gains nothing by forgetting it and claiming anew', () => {
    for (let beat = 0; beat < 5; beat += 1) {
      sees('own', beat * beatMs)
      tell('bad', beat * beatMs + 10, {})
      sees('bad', beat * beatMs + 20)
    }
    expect(history).toEqual(honest(5))
  })

  it('gains nothing by saying that it has run for a year', () => {
    sees('own', 0)
    happens('bad', 1, 'started', 'booted', t0 - 365 * 86_400_000)
    for (let beat = 1; beat < 4; beat += 1) {
      sees('own', beat * beatMs)
      sees('bad', beat * beatMs + 10)
    }
    expect(history).toEqual(honest(4))
  })

  it('has its say while the other is silent, and no longer', () => {
    sees('own', 0)
    fleet.apply({ type: 'tick', silentAfterMs: 1000 }, t0 + 60_000)
    sees('bad', 60_000)
    sees('bad', 70_000)
    sees('own', 80_000)
    sees('bad', 80_010)
    sees('own', 90_000)
    sees('bad', 90_010)
    expect(history.filter((line) => line > 'own')).toEqual(['own 0', 'own 80', 'own 90'])
    expect(apart).toEqual(['bad 80.01', 'bad 90.01'])
  })
})

describe('a host that says the VM came to it', () => {
  it('is believed once, until the other is heard: the VM runs on there', () => {
    for (let beat = 0; beat < 8; beat += 1) {
      const at = beat * beatMs
      sees('own', at)
      happens('bad', at + 100, 'stopped', 'migrated')
      happens('bad', at + 200, 'started', 'migrated')
      happens('bad', at + 300, 'resumed', 'migrated')
      sees('bad', at + 5000)
    }
    expect(history.filter((line) => line.startsWith('own'))).toEqual(honest(8))
    expect(history.filter((line) => line.startsWith('bad'))).toEqual(['bad 5'])
    expect(placedOn()).toBe('own')
  })

  it('is believed again when it has stopped there', () => {
    sees('own', 0)
    happens('bad', 100, 'started', 'migrated')
    happens('bad', 200, 'resumed', 'migrated')
    sees('own', beatMs)
    sees('bad', beatMs + 10)
    happens('own', 2 * beatMs, 'suspended', 'migration')
    happens('own', 2 * beatMs + 300, 'stopped', 'migrated')
    sees('bad', 3 * beatMs)
    sees('bad', 4 * beatMs)
    expect(history.slice(-2)).toEqual(['bad 30', 'bad 40'])
    expect(placedOn()).toBe('bad')
  })

  it('cannot say what the VM left behind elsewhere', () => {
    connect('target', 's')
    sees('own', 0)
    sees('own', 1000)
    sees('bad', 1500)
    happens('target', 1900, 'started', 'migrated')
    happens('own', 2000, 'suspended', 'migration')
    // Says that the VM left it, with far more written than it had told before.
    happens('bad', 2010, 'suspended', 'migration')
    sees('bad', 2020, { state: 'paused', stateReason: 'migration' })
    totals['bad'] = 1e12
    sees('bad', 2050, { state: 'paused', stateReason: 'migration' })
    happens('target', 2100, 'resumed', 'migrated')
    const before = history.length
    sees('target', 3500)
    expect(rates.at(-1)).toBeGreaterThan(0)
    expect(Math.max(...rates)).toBeLessThan(10_000)
    expect(history.slice(before)).toEqual(['target 3.5'])
    expect(history.filter((line) => line.startsWith('bad'))).toEqual([])
  })

  it.each([
    ['never had it', false],
    ['had it before', true],
  ])('cannot say that it has just left: one that %s', (_what, hadIt) => {
    if (hadIt) {
      sees('bad', 0)
      happens('own', 900, 'started', 'migrated')
      happens('bad', 1000, 'suspended', 'migration')
      happens('own', 1100, 'resumed', 'migrated')
      happens('bad', 1200, 'stopped', 'migrated')
    }
    for (const at of [2000, 3000]) sees('own', at)
    const before = history.length
    happens('bad', 3500, 'started', 'migrated')
    happens('bad', 3550, 'suspended', 'migration')
    sees('bad', 3600, { at: t0 + 3540, state: 'paused' })
    happens('bad', 3700, 'stopped', 'migrated')
    sees('bad', 3800, { at: t0 + 3545, state: undefined })
    sees('bad', 3900, { at: t0 + 3650, state: undefined })
    sees('own', 4000)
    expect(history.slice(before)).toEqual(['own 4'])
    expect(Math.max(...rates)).toBeLessThanOrEqual(1000)
  })
})

describe('a host that tells late', () => {
  it('does not write the past of a VM that ran elsewhere then', () => {
    for (let beat = 0; beat < 6; beat += 1) sees('own', beat * beatMs)
    connect('bad', 'fresh', ['old'])
    for (const at of [10_000, 20_000, 30_000]) sees('bad', at, {}, { spoolId: 'old' })
    expect(history).toEqual(honest(6))
    expect(apart).toEqual(['bad 10', 'bad 20', 'bad 30'])
  })

  it('tells of the time in which nobody else had it', () => {
    sees('own', 0)
    happens('own', 1000, 'stopped', 'destroyed')
    happens('own', 60_000, 'started', 'booted')
    for (const at of [60_000, 70_000, 80_000]) sees('own', at)
    connect('bad', 'fresh', ['old'])
    for (const at of [10_000, 20_000, 75_000]) sees('bad', at, {}, { spoolId: 'old' })
    expect(history.filter((line) => line.startsWith('bad'))).toEqual(['bad 10', 'bad 20'])
    expect(apart).toEqual(['bad 75'])
  })
})

describe('memory', () => {
  it('of a host that tells of ever new VMs, disks and arrays is bounded', () => {
    for (let beat = 0; beat < 50; beat += 1) {
      const vms = Array.from(
        { length: 200 },
        (_, n) => `00000000-0000-4000-8000-${(beat * 200 + n).toString(16).padStart(12, '0')}`,
      )
      tell('bad', beat, {
        lane: 'event',
        vms: vms.map((one) => vmOf(one, [])),
        arrays: Array.from({ length: 100 }, (_, n) => ({
          key: `k${beat} ${n}`,
          runId: '',
          totals: { readBytes: 1 },
          levels: {},
        })),
      })
      tell('bad', beat, {
        lane: 'event',
        vms: [
          vmOf(
            uuid,
            Array.from({ length: 100 }, (_, n) => `d${beat * 100 + n}`),
          ),
        ],
      })
    }
    const { vms, arrays } = fleet.snapshot()
    expect(vms.size).toBe(8192)
    expect(arrays.size).toBe(0)
    expect(vms.get(uuid)).toBeDefined()
  })

  it('of what is known of hosts is bounded', () => {
    const [spans, disbelief] = [new RunSpans(), new Disbelief()]
    const vm = (n: number): string => `vm ${n}`
    for (let n = 0; n <= 100_000; n += 1) spans.runs(vm(n), 'h', { sinceAt: 0, heardAt: 10_000 })
    expect([spans.isElsewhere(vm(0), 'x', 5000), spans.isElsewhere(vm(1), 'x', 5000)]).toEqual([false, true])
    for (let n = 0; n <= 10_000; n += 1) disbelief.add(vm(n), 'h')
    expect([disbelief.has(vm(0), 'h'), disbelief.has(vm(1), 'h')]).toEqual([false, true])
    for (let n = 0; n < 20; n += 1) disbelief.add(vm(1), `h${n}`)
    expect([disbelief.has(vm(1), 'h14'), disbelief.has(vm(1), 'h15')]).toEqual([true, false])
  })
})

function vmOf(one: string, targets: readonly string[]): VmObservation {
  return {
    uuid: one,
    runId: '',
    at: t0,
    state: 'running',
    stateReason: '',
    vcpus: 1,
    totals: {},
    levels: {},
    guestMemoryAt: undefined,
    disks: targets.map((target) => ({ target, totals: { writeBytes: 1 } })),
    nics: [],
  }
}
