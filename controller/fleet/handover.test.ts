import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'

import { event, leaving, MoveWorld, read, running, uuid, type Told } from '../../test/support/move-world.js'
import type { VmObservation } from '../model/observation.js'

let world: MoveWorld

beforeEach(() => {
  world = new MoveWorld(['source', 'target'])
})

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
    world.deliver([...before, read('source', 3600, 3.5e6, leaving), ...after])
    expect(world.integral()).toBeCloseTo(5.5e6, 0)
    expect(world.rates().map(({ atMs }) => atMs)).toEqual([1000, 2000, 3000, 3500, 4700, 5700])
    expect(new Set(world.points.map(({ entity }) => entity.id))).toEqual(new Set([uuid, `${uuid}/vda`]))
  })

  it('gives it also when the last reading comes right after the one before, which would make a rate of nothing', () => {
    const word = [read('source', 3400, 3.4e6), read('source', 3600, 3.5e6, leaving)]
    world.deliver([...before, ...word, ...after])
    expect(world.rates().map(({ atMs }) => atMs)).toEqual([1000, 2000, 3000, 3400, 4700, 5700])
    expect(world.integral()).toBeCloseTo(5.5e6, 0)
  })

  it('takes its last moments for as busy as those before if the source was gone before it could be read', () => {
    world.deliver([...before, ...after])
    expect(world.rates().map(({ atMs }) => atMs)).toEqual([1000, 2000, 3000, 4700, 5700])
    expect(world.integral()).toBeCloseTo(5.5e6, 0)
  })

  it('has a first interval that ends where the new host proves that nothing has moved since it was read', () => {
    const idle: Told = { host: 'target', arrivesMs: 4305, report: { atMs: 4300 } }
    const still = read('target', 4700, 60_000)
    const moves = [read('target', 5700, 1.06e6)]
    world.deliver([...before, read('source', 3600, 3.5e6, leaving), ...after.slice(0, 3), idle, still, ...moves])
    expect(world.rates().map(({ atMs }) => atMs)).toEqual([1000, 2000, 3000, 3500, 4300, 4700, 5700])
    expect(world.integral()).toBeCloseTo(4.56e6, 0)
  })

  it('goes on in the same way when it is seen running before the event that tells of it', () => {
    const late = after.map((one) => (one.report.events === undefined ? one : { ...one, arrivesMs: 4000 }))
    world.deliver([...before, read('source', 3600, 3.5e6, leaving), ...late])
    expect(world.integral()).toBeCloseTo(5.5e6, 0)
    expect(world.fleet.snapshot().placements.get(uuid)).toMatchObject({ hostId: 'target', doubled: false })
  })

  it('is one VM, on the source until it is resumed on the target, and never doubled', () => {
    const seen: string[] = []
    for (const one of [...before, ...after].toSorted((a, b) => a.arrivesMs - b.arrivesMs)) {
      world.tell(one)
      const { vms, placements } = world.fleet.snapshot()
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
    world.deliver([...late, ...after.filter(({ host }) => host === 'target')])
    expect(world.fleet.snapshot().placements.get(uuid)).toMatchObject({ hostId: 'target', doubled: false })
    expect(world.points.some(({ entity }) => entity.id.includes('@'))).toBe(false)
  })

  it('that fails goes on where it was, without a spike', () => {
    world.deliver([
      ...before,
      read('source', 3600, 3.5e6, leaving),
      event('source', 4000, 'resumed', 'migrated'),
      event('target', 4000, 'stopped', 'failed'),
      read('source', 5000, 4.5e6, running),
      read('source', 6000, 5.5e6),
    ])
    expect(world.integral()).toBeCloseTo(5.5e6, 0)
    expect(Math.max(...world.rates().map(({ rate }) => rate))).toBeLessThan(1.1e6)
    expect(world.fleet.snapshot().vms.get(uuid)).toMatchObject({ hostId: 'source', state: 'running' })
  })

  it('that fails goes on where it was though no event tells of that', () => {
    const untold = [read('source', 5000, 4.5e6, running), read('source', 6000, 5.5e6), read('source', 7000, 6.5e6)]
    world.deliver([...before, read('source', 3600, 3.5e6, leaving), ...untold])
    expect(world.integral()).toBeCloseTo(6.5e6, 0)
    expect(world.rates().map(({ atMs }) => atMs)).toEqual([1000, 2000, 3000, 3500, 5000, 6000, 7000])
  })

  it('leaves no trace in the series of the source that keeps its definition', () => {
    world.deliver([...before, read('source', 3600, 3.5e6, leaving), ...after])
    world.points = []
    const stopped = { state: 'shutoff', stateReason: 'migrated', disks: [], runId: '' } as const
    world.tell(read('source', 10_000, 0, stopped))
    expect(world.points).toEqual([])
    expect(world.fleet.snapshot().vms.get(uuid)?.hostId).toBe('target')
  })

  it('may go back and forth, and each way counts', () => {
    world.deliver([...before, read('source', 3600, 3.5e6, leaving), ...after])
    world.deliver([
      event('source', 6000, 'started', 'migrated'),
      event('target', 6200, 'suspended', 'migration'),
      read('target', 6250, 2.5e6, leaving),
      event('source', 6400, 'resumed', 'migrated'),
      read('source', 6500, 1e5, { ...running, runId: 'back again' }),
      read('source', 7400, 1e6, { runId: 'back again' }),
    ])
    expect(world.integral()).toBeCloseTo(7e6, 0)
  })

  it('does not count what its emulator did before it ran as CPU time of the VM', () => {
    const cpu = (cpuSeconds: number): Partial<VmObservation> => ({ totals: { cpuSeconds } })
    world.deliver([
      read('source', 0, 0, { ...running, ...cpu(100) }),
      event('target', 2500, 'started', 'migrated'),
      read('target', 2550, 0, { ...leaving, ...cpu(1) }),
      event('source', 3500, 'suspended', 'migration'),
      read('source', 3600, 0, { ...leaving, ...cpu(101.75) }),
      event('target', 3700, 'resumed', 'migrated'),
      read('target', 3760, 0, { ...running, ...cpu(4) }),
      read('target', 4760, 0, cpu(4.5)),
      read('target', 5760, 0, cpu(5)),
    ])
    const cores = world.points.flatMap(({ fields }) => fields['cpuCores'] ?? [])
    expect(cores.map((value) => value.toFixed(2))).toEqual(['0.50', '0.50', '0.50'])
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
      world = new MoveWorld(['source', 'target'])
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
      world.deliver(told)
      expect(world.integral()).toBeCloseTo((suspendedMs + 3000) * rate, -1)
      expect(world.points.some(({ entity }) => entity.id.includes('@'))).toBe(false)
    }),
    { seed: 1 },
  )
})
