import { beforeEach, describe, expect, it } from 'vitest'

import { event, leaving, MoveWorld, read, running, uuid, type Told } from '../../test/support/move-world.js'

/** 1 MB a second; suspended at 3500, resumed at 3700. */
const beginning = read('source', 0, 0, running)
const onSource = [
  read('source', 1000, 1e6),
  read('source', 2000, 2e6),
  read('source', 3000, 3e6),
  event('source', 3500, 'suspended', 'migration'),
  read('source', 3600, 3.5e6, leaving),
  event('source', 3900, 'stopped', 'migrated'),
]
const onTarget = [
  event('target', 2500, 'started', 'migrated'),
  read('target', 2550, 0, leaving),
  event('target', 3700, 'resumed', 'migrated'),
  read('target', 3760, 60_000, { ...running, stateReason: 'migrated' }),
  read('target', 4700, 1e6),
  read('target', 5700, 2e6),
]

let world: MoveWorld

beforeEach(() => {
  world = new MoveWorld(['source', 'target'])
  world.tell(beginning)
})

const sourceFirst = [...onSource, ...onTarget]
const targetFirst = [...onTarget, ...onSource]
const inTime = sourceFirst.toSorted((a, b) => a.arrivesMs - b.arrivesMs)
const untilTheEnd = (told: readonly Told[]): Told[] => told.filter(({ report }) => report.atMs !== 3600)

describe('a migration that is told late', () => {
  it.each<[string, readonly string[], readonly Told[], number]>([
    ['in time order', ['source', 'target'], inTime, 5.5e6],
    ['all of the source first', ['source', 'target'], sourceFirst, 5.5e6],
    ['all of the target first', ['source', 'target'], targetFirst, 5.5e6],
    ['only the source was away', ['source'], targetFirst, 5.5e6],
    ['only the target was away', ['target'], sourceFirst, 5.5e6],
    ['nobody was away for long: one burst after the other', [], targetFirst, 5.5e6],
    ['the source was gone before its last reading', ['source', 'target'], untilTheEnd(sourceFirst), 5.5e6],
    ['the same, the target first', ['source', 'target'], untilTheEnd(targetFirst), 5.5e6],
  ])('gives one series with what was written: %s', (_what, away, told, bytes) => {
    for (const host of away) world.wasAway(host)
    for (const one of told) world.tell(one)
    expect(world.integral()).toBeCloseTo(bytes, 0)
    const word = told.some(({ report }) => report.atMs === 3600) ? [3500] : []
    expect(world.rates().map(({ atMs }) => atMs)).toEqual([1000, 2000, 3000, ...word, 4700, 5700])
    expect([...world.stored().keys()].toSorted()).toEqual([`disk ${uuid}/vda`, `vm ${uuid}`])
    const disk = world.stored().get(`disk ${uuid}/vda`)
    for (const { atMs, rate } of world.rates()) expect(disk?.get(atMs)?.['writeBytesPerSecond']).toBe(rate)
  })

  it('begins with the arrival if the source never tells', () => {
    for (const host of ['source', 'target']) world.wasAway(host)
    for (const one of onTarget) world.tell(one)
    expect(world.rates().map(({ atMs, rate }) => [atMs, rate])).toEqual([
      [4700, 1e6],
      [5700, 1e6],
    ])
  })

  it('says nothing of the present', () => {
    for (const host of ['source', 'target']) world.wasAway(host)
    world.tell({ host: 'target', arrivesMs: 9000, report: read('target', 9000, 5e6, running).report })
    const before = world.fleet.snapshot()
    for (const one of targetFirst) world.tell(one)
    expect(world.fleet.snapshot()).toBe(before)
  })

  it('that failed goes on where it was', () => {
    for (const host of ['source', 'target']) world.wasAway(host)
    const failed = [
      ...onSource.slice(0, 5),
      event('source', 4000, 'resumed', 'migrated'),
      read('source', 5000, 4.5e6, running),
      read('source', 6000, 5.5e6),
    ]
    for (const one of [...onTarget.slice(0, 2), event('target', 4000, 'stopped', 'failed'), ...failed]) world.tell(one)
    expect(world.integral()).toBeCloseTo(5.5e6, 0)
    expect(world.rates().map(({ atMs }) => atMs)).toEqual([1000, 2000, 3000, 3500, 5000, 6000])
  })

  it.each([
    ['while the source is still known to have had it', false],
    ['after the source said that it has it no more', true],
  ])('leaves no trace of definitions that do not run, told %s', (_what, isGone) => {
    for (const host of ['source', 'target']) world.wasAway(host)
    const now: Told = { host: 'source', arrivesMs: 20_000, report: { atMs: 20_000, lane: 'state', spoolId: 'fresh' } }
    const told = [off('target', 900), off('target', 1900), ...onTarget, ...onSource, off('source', 10_000)]
    for (const one of [...(isGone ? [now] : []), ...told]) world.tell(one)
    const state = [...(world.stored().get(`vm ${uuid}`) ?? [])].map(([atMs, fields]) => [atMs, fields['running']])
    // The source says that it was suspended there at 3500, and at 0 and 3760 it runs.
    expect(state.filter(([, value]) => value !== undefined)).toEqual([
      [0, 1],
      [3760, 1],
      [3500, 0],
    ])
  })

  it('leaves no trace of a definition on a third host that was not away', () => {
    world = new MoveWorld(['source', 'target', 'third'])
    world.tell(beginning)
    for (const host of ['source', 'target']) world.goesAway(host)
    world.tell(off('third', 1500))
    world.wasAway('source')
    for (const one of onSource) world.tell(one)
    world.tell(off('third', 4500))
    world.wasAway('target')
    for (const one of onTarget) world.tell(one)
    expect([...(world.stored().get(`vm ${uuid}`)?.keys() ?? [])].filter((atMs) => atMs % 1000 === 500)).toEqual([3500])
    expect(world.integral()).toBeCloseTo(5.5e6, 0)
  })

  it('has zeros where the fast lane proves that nothing was written', () => {
    world.wasAway('source')
    const idle = (atMs: number): Told => ({ host: 'source', arrivesMs: atMs, report: { atMs } })
    for (const one of [read('source', 1000, 1e6), idle(2000), idle(3000), read('source', 4000, 2e6)]) world.tell(one)
    expect(world.rates()).toEqual([
      { atMs: 1000, rate: 1e6 },
      { atMs: 3000, rate: 0 },
      { atMs: 4000, rate: 1e6 },
    ])
  })

  it('says that a VM of one host is off', () => {
    world.wasAway('source')
    const stopped = [event('source', 1500, 'stopped', 'shutdown')]
    const off = read('source', 2000, 0, { state: 'shutoff', stateReason: 'shutdown', disks: [], runId: '' })
    for (const one of [...stopped, off]) world.tell(one)
    expect(world.stored().get(`vm ${uuid}`)?.get(2000)).toEqual({ running: 0 })
  })

  it('of post-copy goes on too: the source stays suspended while the target runs and the rest is copied', () => {
    const paused = { ...leaving, stateReason: 'post-copy' } as const
    const post = [
      ...onSource.slice(0, 3),
      event('source', 3500, 'suspended', 'post-copy'),
      read('source', 3560, 3.5e6, paused),
      read('source', 4000, 3.5e6, paused),
      read('source', 5000, 3.5e6, paused),
      event('source', 6000, 'stopped', 'migrated'),
    ]
    const received = [
      event('target', 2500, 'started', 'migrated'),
      event('target', 3550, 'resumed', 'post-copy'),
      read('target', 3760, 210_000, { ...running, stateReason: 'post-copy' }),
      read('target', 4700, 1.15e6),
      event('target', 6000, 'resumed', 'migrated'),
      read('target', 6700, 3.15e6),
    ]
    for (const told of [
      [...post, ...received],
      [...received, ...post],
    ]) {
      world = new MoveWorld(['source', 'target'])
      world.tell(beginning)
      for (const host of ['source', 'target']) world.wasAway(host)
      for (const one of told) world.tell(one)
      expect(world.integral()).toBeCloseTo(6.65e6, 0)
      expect(world.rates().map(({ atMs }) => atMs)).toEqual([1000, 2000, 3000, 3500, 4700, 6700])
    }
  })
})

/** What one host tells, with something else in the place of what it told of these moments. */
function changed(told: readonly Told[], moments: readonly number[], ...instead: readonly Told[]): Told[] {
  return [...told.filter(({ report }) => !moments.includes(report.atMs)), ...instead].toSorted(
    (a, b) => a.arrivesMs - b.arrivesMs,
  )
}

const proof = (host: string, atMs: number): Told => ({ host, arrivesMs: atMs + 5, report: { atMs } })
const off = (host: string, atMs: number): Told =>
  read(host, atMs, 0, { state: 'shutoff', stateReason: 'unknown', disks: [], runId: '' })

describe('the same series, whoever is away and whoever tells first', () => {
  it.each<[string, readonly Told[], readonly Told[], number, readonly number[]]>([
    [
      'the source is read last at the moment when the target is read first',
      changed(onSource, [3600], read('source', 3760, 3.5e6, leaving)),
      onTarget,
      5.5e6,
      [1000, 2000, 3000, 3500, 4700, 5700],
    ],
    [
      'the source is read last long after that, and its process has used more CPU time',
      changed(
        onSource,
        [3600, 3900],
        read('source', 4600, 3.5e6, { ...leaving, totals: { cpuSeconds: 9 } }),
        event('source', 5000, 'stopped', 'migrated'),
      ),
      onTarget,
      5.5e6,
      [1000, 2000, 3000, 3500, 4700, 5700],
    ],
    [
      'the last reading is told after the end of the process',
      changed(onSource, [3600], read('source', 3600, 3.5e6, {}, 400)),
      onTarget,
      5.5e6,
      [1000, 2000, 3000, 3500, 4700, 5700],
    ],
    [
      'the same, when a reading after it was told before it',
      changed(onSource, [3600], read('source', 3600, 3.5e6, {}, 1000), off('source', 4000)),
      onTarget,
      5.5e6,
      [1000, 2000, 3000, 3500, 4700, 5700],
    ],
    [
      'the last reading is from before the end, and told after that',
      changed(onSource, [3600], read('source', 3450, 3.45e6, {}, 100)),
      onTarget,
      5.5e6,
      [1000, 2000, 3000, 3450, 4700, 5700],
    ],
    [
      'the same, told after the end of the process',
      changed(onSource, [3600], read('source', 3450, 3.45e6, {}, 500)),
      onTarget,
      5.5e6,
      [1000, 2000, 3000, 3450, 4700, 5700],
    ],
    [
      'it says that it runs, and is told after the end',
      changed(onSource, [3600], read('source', 3450, 3.45e6, running, 100), read('source', 3600, 3.5e6, leaving)),
      onTarget,
      5.5e6,
      [1000, 2000, 3000, 3450, 4700, 5700],
    ],
    [
      'nothing moves on the target for a while',
      onSource,
      changed(onTarget, [4700], proof('target', 4700), read('target', 5700, 1.06e6)),
      5.5e6,
      [1000, 2000, 3000, 3500, 4700, 5700],
    ],
    [
      'the target was read while it was being received, told after that',
      onSource,
      changed(onTarget, [2550], read('target', 3690, 0, leaving, 30)),
      5.5e6,
      [1000, 2000, 3000, 3500, 4700, 5700],
    ],
    [
      'going on from the target fails before its first interval is complete',
      onSource,
      changed(
        onTarget,
        [4700],
        event('target', 3900, 'suspended', 'migration'),
        read('target', 3950, 200_000, leaving),
        event('target', 4100, 'resumed', 'migrated'),
        read('target', 4700, 800_000),
      ),
      5.5e6,
      [1000, 2000, 3000, 3500, 4700, 5700],
    ],
    [
      'going back to the source fails, and what it had received is told after that',
      [
        ...onSource,
        event('source', 5000, 'started', 'migrated'),
        event('source', 5500, 'stopped', 'failed'),
        read('source', 5450, 0, { ...leaving, runId: 'back' }, 100),
      ],
      [
        ...changed(onTarget, [5700], event('target', 5200, 'suspended', 'migration')),
        read('target', 5250, 1.5e6, leaving),
        event('target', 5400, 'resumed', 'migrated'),
        read('target', 5460, 1.56e6, running),
        read('target', 6200, 2.3e6),
      ],
      5.8e6,
      [1000, 2000, 3000, 3500, 4700, 5200, 6200],
    ],
    [
      'it was read while an attempt that failed had it suspended, told after that',
      changed(
        onSource,
        [2000, 3000],
        event('source', 1500, 'suspended', 'migration'),
        event('source', 1600, 'resumed', 'migrated'),
        read('source', 1550, 1.5e6, leaving, 100),
        read('source', 2600, 2.5e6),
      ),
      changed(onTarget, [], event('target', 1200, 'started', 'migrated'), event('target', 1700, 'stopped', 'failed')),
      5.5e6,
      [1000, 1550, 2600, 3500, 4700, 5700],
    ],
    [
      'it is seen running after an attempt that failed, and the event tells of the same moment',
      changed(
        onSource,
        [2000, 3000],
        event('source', 1500, 'suspended', 'migration'),
        read('source', 1600, 1.5e6, running),
        event('source', 1600, 'resumed', 'migrated'),
        read('source', 2600, 2.5e6),
      ),
      onTarget,
      5.5e6,
      [1000, 1600, 2600, 3500, 4700, 5700],
    ],
    [
      'it goes back, and that it runs on the target is told after it left there',
      [
        ...onSource,
        event('source', 5000, 'started', 'migrated'),
        event('source', 5700, 'resumed', 'migrated'),
        read('source', 5760, 60_000, { ...running, runId: 'back' }),
        read('source', 6700, 1e6, { runId: 'back' }),
      ],
      changed(
        onTarget,
        [5700],
        event('target', 5500, 'suspended', 'migration'),
        read('target', 5400, 1.7e6, running, 200),
        read('target', 5600, 1.8e6, leaving, 50),
        event('target', 5900, 'stopped', 'migrated'),
      ),
      6.3e6,
      [1000, 2000, 3000, 3500, 4700, 5400, 6700],
    ],
    [
      'nothing moved on the source in the end, and it was gone before it could be read',
      changed(onSource, [3000, 3600], proof('source', 3000)),
      onTarget,
      4e6,
      [1000, 2000, 4700, 5700],
    ],
    [
      'the rest is copied for long while it runs on the target already',
      changed(
        onSource,
        [3500, 3900],
        event('source', 3500, 'suspended', 'post-copy'),
        read('source', 6500, 3.5e6, leaving),
        event('source', 7000, 'stopped', 'migrated'),
      ),
      [...onTarget, read('target', 6700, 3e6), read('target', 7700, 4e6)],
      7.5e6,
      [1000, 2000, 3000, 3500, 4700, 5700, 6700, 7700],
    ],
  ])('%s', (_what, source, target, bytes, times) => {
    const both = [...source, ...target]
    let first: ReturnType<MoveWorld['stored']> | undefined
    for (const away of [['source', 'target'], ['source'], ['target'], []]) {
      for (const told of [both.toSorted((a, b) => a.arrivesMs - b.arrivesMs), both, [...target, ...source]]) {
        world = new MoveWorld(['source', 'target'])
        world.tell(beginning)
        for (const host of away) world.goesAway(host)
        for (const host of away) world.wasAway(host)
        for (const one of told) world.tell(one)
        expect(world.integral()).toBeCloseTo(bytes, 0)
        expect(world.rates().map(({ atMs }) => atMs)).toEqual(times)
        first ??= world.stored()
        expect(world.stored()).toEqual(first)
      }
    }
    expect([...(first ?? [])].map(([id]) => id).toSorted()).toEqual([`disk ${uuid}/vda`, `vm ${uuid}`])
    // It ran nowhere then.
    const moments = [...(first?.values() ?? [])].flatMap((rows) => [...rows.keys()])
    expect(moments.filter((atMs) => atMs > 3500 && atMs < 3700)).toEqual([])
  })
})

it('a departure long ago is not taken for the one of an arrival', () => {
  for (const host of ['source', 'target']) world.wasAway(host)
  for (const one of onSource) world.tell(one)
  const later = 120_000
  const again = onTarget.map(({ host, report }) => {
    const vms = report.vms?.map((vm) => ({ ...vm, at: vm.at + later }))
    const events = report.events?.map((one) => ({ ...one, at: one.at + later }))
    return {
      host,
      arrivesMs: 0,
      report: { ...report, atMs: report.atMs + later, ...(vms && { vms }), ...(events && { events }) },
    }
  })
  for (const one of again) world.tell(one)
  expect(world.rates().find(({ atMs }) => atMs > later)).toEqual({ atMs: 4700 + later, rate: 1e6 })
})
