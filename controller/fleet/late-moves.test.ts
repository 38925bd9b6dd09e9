import fc from 'fast-check'
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

/** Lists merged: each keeps its order, `choose` says whose turn it is. */
function interleaved(lists: readonly (readonly Told[])[], choose: (waiting: number) => number): Told[] {
  const rest = lists.map((list) => [...list]).filter((list) => list.length > 0)
  const merged: Told[] = []
  while (rest.length > 0) {
    const index = choose(rest.length)
    const next = rest[index]?.shift()
    if (next !== undefined) merged.push(next)
    if (rest[index]?.length === 0) rest.splice(index, 1)
  }
  return merged
}

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
    const word = told.some(({ report }) => report.atMs === 3600) ? [3600] : []
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
    expect(world.rates().map(({ atMs }) => atMs)).toEqual([1000, 2000, 3000, 3600, 5000, 6000])
  })

  it.each([
    ['while the source is still known to have had it', false],
    ['after the source said that it has it no more', true],
  ])('leaves no trace of definitions that do not run, told %s', (_what, isGone) => {
    for (const host of ['source', 'target']) world.wasAway(host)
    const off = (host: string, atMs: number): Told =>
      read(host, atMs, 0, { state: 'shutoff', stateReason: 'unknown', disks: [], runId: '' })
    const now: Told = { host: 'source', arrivesMs: 20_000, report: { atMs: 20_000, lane: 'state', spoolId: 'fresh' } }
    const told = [off('target', 900), off('target', 1900), ...onTarget, ...onSource, off('source', 10_000)]
    for (const one of [...(isGone ? [now] : []), ...told]) world.tell(one)
    const state = [...(world.stored().get(`vm ${uuid}`) ?? [])].map(([atMs, fields]) => [atMs, fields['running']])
    // The source says at 3600 that it is suspended there, and at 0 and 3760 it runs.
    expect(state.filter(([, value]) => value !== undefined)).toEqual([
      [0, 1],
      [3760, 1],
      [3600, 0],
    ])
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
      expect(world.rates().map(({ atMs }) => atMs)).toEqual([1000, 2000, 3000, 3560, 4700, 6700])
    }
  })
})

/** A VM that goes from host to host, told by each of them, and what it wrote. */
const journeys = fc
  .record({
    hosts: fc.integer({ min: 2, max: 3 }),
    hops: fc.array(
      fc.record({
        runMs: fc.integer({ min: 3000, max: 6000 }),
        suspendedMs: fc.integer({ min: 20, max: 1500 }),
        wordMs: fc.integer({ min: 10, max: 250 }),
        prepareMs: fc.integer({ min: 100, max: 900 }),
      }),
      { minLength: 1, maxLength: 4 },
    ),
    phasesMs: fc.array(fc.nat(999), { minLength: 3, maxLength: 3 }),
    /** Bytes a millisecond, second by second. */
    pace: fc.array(fc.nat(5000), { minLength: 1, maxLength: 10 }),
  })
  .map(({ hosts, hops, phasesMs, pace }) => {
    const names = Array.from({ length: hosts }, (_, n) => `hv${n}`)
    const nameOf = (hop: number): string => names[hop % hosts] ?? ''
    const told = new Map<string, Told[]>(names.map((name) => [name, []]))
    const tell = (...all: readonly Told[]): void => {
      for (const one of all) told.get(one.host)?.push(one)
    }
    let from = 0
    let written = 0
    // What it has written since it came to a host, `forMs` later; it does not depend on the host.
    const wrote = (forMs: number): number => {
      let bytes = 0
      for (let ms = 0; ms < forMs; ms += 1000) {
        bytes += (pace[(ms / 1000) % pace.length] ?? 0) * Math.min(1000, forMs - ms)
      }
      return bytes
    }
    const beats = (host: string, runId: string, cameMs: number, untilMs: number): void => {
      const phase = phasesMs[names.indexOf(host)] ?? 0
      for (let atMs = phase; atMs < untilMs; atMs += 1000) {
        if (atMs > cameMs + 60) tell(read(host, atMs, wrote(atMs - cameMs), { runId }))
      }
    }
    hops.forEach(({ runMs, suspendedMs, wordMs, prepareMs }, hop) => {
      const [host, next, runId] = [nameOf(hop), nameOf(hop + 1), `run ${hop}`]
      const leftMs = from + runMs
      if (hop > 0) tell(event(host, from, 'resumed', 'migrated'))
      tell(read(host, from === 0 ? 0 : from + 60, wrote(from === 0 ? 0 : 60), { ...running, runId }))
      beats(host, runId, from, leftMs)
      tell(event(next, leftMs - prepareMs, 'started', 'migrated'))
      tell(read(next, leftMs - prepareMs + 30, 0, { ...leaving, runId: `run ${hop + 1}` }))
      tell(event(host, leftMs, 'suspended', 'migration'))
      tell(read(host, leftMs + wordMs, wrote(runMs), { ...leaving, runId }))
      tell(event(host, leftMs + suspendedMs + 260, 'stopped', 'migrated'))
      written += wrote(runMs)
      from = leftMs + suspendedMs
    })
    const [host, runId] = [nameOf(hops.length), `run ${hops.length}`]
    tell(event(host, from, 'resumed', 'migrated'))
    tell(read(host, from + 60, wrote(60), { ...running, runId }))
    beats(host, runId, from, from + 3000)
    tell(read(host, from + 4000, wrote(4000), { runId }))
    written += wrote(4000)
    return { names, lists: [...told.values()], last: host, written, endMs: from + 4000 }
  })

/** Everything that all hosts tell of now, once they are back. */
function present(names: readonly string[], last: string, atMs: number): Told[] {
  return names.map((host) => {
    const fresh = { lane: 'state', spoolId: 'fresh', vms: [] } as const
    const sample = read(host, atMs, 7, { ...running, runId: 'as it is now' }).report
    return { host, arrivesMs: atMs, report: { ...sample, ...fresh, vms: host === last ? (sample.vms ?? []) : [] } }
  })
}

describe('moves from host to host', () => {
  it('give the same series, with what was written, however late reports of the hosts come between each other', () => {
    fc.assert(
      fc.property(journeys, fc.infiniteStream(fc.nat(5)), ({ names, lists, last, written, endMs }, turns) => {
        const [first = [], ...others] = lists
        const play = (told: readonly Told[]): MoveWorld => {
          const played = new MoveWorld(names)
          const [start, ...rest] = told
          if (start !== undefined) played.tell(start)
          for (const name of names) played.wasAway(name)
          for (const one of rest) played.tell(one)
          return played
        }
        const [start, ...ofFirst] = first
        const begin = start === undefined ? [] : [start]
        const choose = (waiting: number): number => (turns.next().value ?? 0) % waiting
        const now = present(names, last, endMs + 2000).map((one) => [one])
        const inTime = play([...begin, ...[ofFirst, ...others].flat().toSorted((a, b) => a.arrivesMs - b.arrivesMs)])
        const mixed = play([...begin, ...interleaved([ofFirst, ...others, ...now], choose)])
        expect(inTime.integral()).toBeCloseTo(written, -1)
        expect(mixed.integral(endMs)).toBeCloseTo(written, -1)
        for (const [id, rows] of inTime.stored()) {
          for (const [atMs, fields] of rows) expect(mixed.stored().get(id)?.get(atMs), `${id} ${atMs}`).toEqual(fields)
        }
        expect(mixed.rates().at(-1)?.atMs).toBe(endMs)
      }),
      { seed: 1, numRuns: 120 },
    )
  })

  it('give it as well where some of the hosts were away and others were not', () => {
    fc.assert(
      fc.property(
        journeys,
        fc.infiniteStream(fc.nat(5)),
        fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }),
        ({ names, lists, written }, turns, away) => {
          const played = new MoveWorld(names)
          const [[start, ...ofFirst] = [], ...others] = lists
          if (start !== undefined) played.tell(start)
          names.forEach((name, index) => {
            if (away[index] === true) played.wasAway(name)
          })
          const choose = (waiting: number): number => (turns.next().value ?? 0) % waiting
          for (const one of interleaved([ofFirst, ...others], choose)) played.tell(one)
          expect(played.integral()).toBeCloseTo(written, -1)
          expect([...played.stored().keys()].filter((id) => id.includes('@'))).toEqual([])
        },
      ),
      { seed: 1, numRuns: 120 },
    )
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
