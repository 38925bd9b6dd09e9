import { readFileSync } from 'node:fs'

import { describe, expect, test } from 'vitest'

import type { DiskRaw, Sample, VmRaw } from '../hypervisor.js'
import { loadFleet, parseFleet } from '../../../common/fleet-file/fleet-file.js'
import type { FleetSpec } from '../../../common/fleet-file/fleet-spec.js'
import { simulateTicks, type SimulatedTick } from './simulate-ticks.js'
import { createWorld, type World } from './world.js'
import type { ArrayTruth, VmTruth } from './world-truth.js'

const elab = loadFleet(new URL('../../../deploy/fleets/elab.yaml', import.meta.url).pathname)
const tinyText = readFileSync(new URL('../../../deploy/fleets/tiny.yaml', import.meta.url), 'utf8')
/** A Friday, 13:00 in the lab. */
const startMs = Date.UTC(2011, 3, 8, 4)
const second = 1000
const minute = 60 * second

function withTimeline(events: string, text = tinyText): FleetSpec {
  return parseFleet(`${text}\ntimeline:\n${events}`, 'test.yaml')
}

function ticks(world: World, seconds: number, stepMs = second, fromMs = world.nowMs): SimulatedTick[] {
  return [...simulateTicks(world, { fromMs, toMs: fromMs + seconds * second, stepMs })]
}

function array(world: World, name: string): ArrayTruth {
  const found = world.truth().arrays.find((one) => one.name === name)
  if (found === undefined) throw new Error(`no array ${name}`)
  return found
}

function vm(world: World, name: string): VmTruth {
  const found = world.truth().vms.find((one) => one.name === name)
  if (found === undefined) throw new Error(`no VM ${name}`)
  return found
}

function uuid(world: World, name: string): string {
  return world.vms.find(({ spec }) => spec.name === name)?.uuid ?? ''
}

function diskOf(vm: VmRaw | undefined): DiskRaw {
  const disk = vm?.disks?.[0]
  if (disk === undefined) throw new Error('no disk was read')
  return disk
}

describe('determinism', () => {
  test('equal seeds give equal samples, another seed others', () => {
    const samples = [1, 1, 2].map((seed) => ticks(createWorld(elab, { seed, startMs }), 30))
    expect(samples[1]).toEqual(samples[0])
    expect(samples[2]).not.toEqual(samples[0])
  })

  test.each([[[10_000]], [[1000]], [[333]], [[1, 4999, 7, 12_345]]])(
    'advancing by %j ms at a time changes nothing',
    (chops) => {
      const whole = createWorld(elab, { seed: 1, startMs })
      const chopped = createWorld(elab, { seed: 1, startMs })
      whole.advance(startMs + 10 * minute)
      for (let index = 0, atMs = startMs; atMs < startMs + 10 * minute; index += 1) {
        atMs = Math.min(startMs + 10 * minute, atMs + (chops[index % chops.length] ?? 1))
        chopped.advance(atMs)
      }
      expect(chopped.truth()).toEqual(whole.truth())
      expect(ticks(chopped, 2)).toEqual(ticks(whole, 2))
    },
  )

  test('the order of VMs in the file changes no VM', () => {
    const calm = { ...elab, arrays: elab.arrays.map((one) => ({ ...one, writeCacheBytes: 1e12 })) }
    const turned = { ...calm, vms: [...calm.vms].reverse() }
    const load = (spec: FleetSpec): ReadonlyMap<string, number> => {
      const world = createWorld(spec, { seed: 1, startMs })
      world.advance(startMs + minute)
      return new Map(world.vms.map((one) => [one.spec.name, one.want.cpu]))
    }
    expect(load(turned)).toEqual(load(calm))
  })
})

test('between two steps a reader gets the straight line', () => {
  const world = createWorld(elab, { seed: 1, startMs, stepMs: 1000 })
  const cpuAt = (atMs: number): number => {
    const [tick] = simulateTicks(world, { fromMs: atMs - 1, toMs: atMs, stepMs: 1 })
    return tick?.sample?.vms[0]?.cpuSeconds ?? NaN
  }
  world.advance(startMs + minute)
  const [a, b, c] = [minute + 250, minute + 500, minute + 1000].map((ms) => cpuAt(startMs + ms))
  const before = cpuAt(startMs + minute)
  expect((c ?? 0) - before).toBeGreaterThan(0)
  expect(((b ?? 0) - before) / ((c ?? 0) - before)).toBeCloseTo(0.5, 6)
  expect(((a ?? 0) - before) / ((c ?? 0) - before)).toBeCloseTo(0.25, 6)
})

test('totals only grow within a run, and start at 0 with a new one', () => {
  const world = createWorld(
    withTimeline('  - { at: 20s, event: destroy, vm: www }\n  - { at: 30s, event: start, vm: www }'),
    { seed: 1, startMs },
  )
  const www = uuid(world, 'www')
  const runs = new Map<string, VmRaw[]>()
  for (const { sample } of ticks(world, 60)) {
    for (const raw of sample?.vms.filter((one) => one.uuid === www) ?? []) {
      runs.set(raw.runId, [...(runs.get(raw.runId) ?? []), raw])
    }
  }
  expect([...runs].map(([runId, list]) => [runId === '', list.length])).toEqual([
    [false, 20],
    [true, 10],
    [false, 30],
  ])
  expect(
    runs
      .get('')
      ?.every(
        ({ cpuSeconds, disks, memoryBytes }) =>
          cpuSeconds === undefined && disks === undefined && memoryBytes === undefined,
      ),
  ).toBe(true)
  for (const [runId, list] of runs) {
    if (runId === '') continue
    for (const [index, raw] of list.entries()) {
      const last = list[index - 1]
      const [now, then] = [diskOf(raw), last === undefined ? undefined : diskOf(last)]
      expect(raw.cpuSeconds).toBeGreaterThan(last?.cpuSeconds ?? 0)
      for (const name of [
        'readBytes',
        'readRequests',
        'readSeconds',
        'writeBytes',
        'writeRequests',
        'writeSeconds',
      ] as const) {
        expect(now[name]).toBeGreaterThanOrEqual(then?.[name] ?? 0)
      }
    }
  }
  // One second of booting, not a continued total.
  const second = [...runs.values()][2]?.[0]
  expect(second?.cpuSeconds).toBeLessThan(1.01)
})

test("the sum of the VMs' bytes is the arrays' total, whole requests of whole bytes", () => {
  const world = createWorld(elab, { seed: 1, startMs })
  world.apply({ atMs: 0, event: 'profile', vm: 'kure', profile: 'runaway' })
  world.apply({ atMs: 0, event: 'profile', vm: 'ictepc', profile: 'fsck' })
  const last = ticks(world, 120, minute).slice(-5)
  for (const name of ['readBytes', 'writeBytes', 'readRequests', 'writeRequests'] as const) {
    const ofVms = last
      .flatMap(({ sample }) => sample?.vms ?? [])
      .reduce((sum, raw) => sum + (diskOf(raw)[name] ?? 0), 0)
    const ofArrays = last.flatMap(({ sample }) => sample?.arrays ?? []).reduce((sum, raw) => sum + (raw[name] ?? 0), 0)
    expect(ofVms).toBe(ofArrays)
    expect(Number.isInteger(ofVms)).toBe(true)
    expect(ofVms).toBeGreaterThan(0)
  }
})

test('what a host does itself is in its total of the array and in no VM', () => {
  const world = createWorld(elab, { seed: 1, startMs })
  const onBox = new Set(elab.vms.filter(({ storage }) => storage === 'iscsi1').map(({ name }) => uuid(world, name)))
  const own = ({ sample }: SimulatedTick): number => {
    const total = sample?.arrays?.find(({ key }) => key.endsWith(':iscsi1'))?.readBytes ?? 0
    const ofVms = sample?.vms.filter((raw) => onBox.has(raw.uuid)) ?? []
    return total - ofVms.reduce((sum, raw) => sum + (diskOf(raw).readBytes ?? 0), 0)
  }
  const ofHost = (more: number): SimulatedTick[] => ticks(world, more).filter(({ hostName }) => hostName === 'xenhv01')
  expect(ofHost(10).map(own)).toEqual(Array.from({ length: 10 }, () => 0))
  world.apply({ atMs: 0, event: 'host-job', host: 'xenhv01', array: 'iscsi1', profile: 'fsck' })
  const read = ofHost(10).map(own)
  expect(read.at(-1)).toBeGreaterThan(10e6)
  world.apply({ atMs: 0, event: 'host-job-end', host: 'xenhv01', array: 'iscsi1' })
  expect(new Set(ofHost(10).map(own)).size).toBe(1)
  expect(world.apply({ atMs: 0, event: 'host-job', host: 'esxhv01', array: 'iscsi1', profile: 'fsck' })).toBe(
    'esxhv01 does not see iscsi1',
  )
})

test('an array that freezes answers nobody for so long', () => {
  const world = createWorld(elab, { seed: 1, startMs })
  world.apply({ atMs: 0, event: 'freeze', array: 'iscsi1', forMs: 10_000 })
  world.advance(startMs + 9 * second)
  expect(array(world, 'iscsi1').frozen).toBe(true)
  world.advance(startMs + 11 * second)
  expect(array(world, 'iscsi1').frozen).toBe(false)
})

describe('a full cache', () => {
  const onBox = elab.vms.filter((one) => one.storage === 'iscsi1').map((one) => one.name)
  const elsewhere = elab.vms.filter((one) => one.storage === 'local').map((one) => one.name)

  test('slows everybody on that array and nobody else, and recovers', () => {
    const world = createWorld(elab, { seed: 1, startMs })
    world.advance(startMs + minute)
    const calm = new Map(world.truth().vms.map((one) => [one.name, one]))
    expect(array(world, 'iscsi1').fillBytes).toBe(0)

    world.apply({ atMs: 0, event: 'profile', vm: 'kure', profile: 'runaway' })
    world.advance(startMs + 2 * minute)
    const full = array(world, 'iscsi1')
    expect(full.fillBytes / full.cacheBytes).toBeGreaterThan(0.95)
    expect(full.acceptedBytesPerSecond).toBeLessThanOrEqual(25e6)
    expect(full.acceptedBytesPerSecond).toBeGreaterThan(15e6)
    for (const name of onBox) {
      expect(vm(world, name).writeSeconds).toBeGreaterThan(5 * (calm.get(name)?.writeSeconds ?? 1))
      expect(vm(world, name).readSeconds).toBeGreaterThan(2 * (calm.get(name)?.readSeconds ?? 1))
    }
    for (const name of elsewhere) {
      expect(vm(world, name).writeSeconds).toBeLessThan(1.2 * (calm.get(name)?.writeSeconds ?? 0))
      expect(vm(world, name).readSeconds).toBeLessThan(1.2 * (calm.get(name)?.readSeconds ?? 0))
    }

    world.apply({ atMs: 0, event: 'destroy', vm: 'kure' })
    world.advance(startMs + 2 * minute + 5 * second)
    expect(vm(world, 'mail').writeSeconds).toBeLessThan(1.2 * (calm.get('mail')?.writeSeconds ?? 0))
    world.advance(startMs + 3 * minute)
    expect(array(world, 'iscsi1').fillBytes).toBe(0)
  })

  test('shows in the samples as latency', () => {
    const world = createWorld(withTimeline('  - { at: 60s, event: profile, vm: www, profile: runaway }'), {
      seed: 1,
      startMs,
    })
    const mail = uuid(world, 'mail')
    const meanMs = (from: Sample | undefined, to: Sample | undefined): number => {
      const [a, b] = [from, to].map((sample) => diskOf(sample?.vms.find((one) => one.uuid === mail)))
      return (
        (1000 * ((b?.writeSeconds ?? 0) - (a?.writeSeconds ?? 0))) / ((b?.writeRequests ?? 0) - (a?.writeRequests ?? 0))
      )
    }
    const samples = ticks(world, 120)
      .filter(({ hostName }) => hostName === 'one')
      .map(({ sample }) => sample)
    expect(meanMs(samples[30], samples[59])).toBeLessThan(3)
    expect(meanMs(samples[90], samples[119])).toBeGreaterThan(8)
  })

  test('kept full by several heavy users, the box freezes: nothing completes, then one long wait', () => {
    const world = createWorld(elab, { seed: 1, startMs })
    world.apply({ atMs: 0, event: 'profile', vm: 'kure', profile: 'runaway' })
    world.apply({ atMs: 0, event: 'profile', vm: 'ictepc', profile: 'fsck' })
    const mail = uuid(world, 'mail')
    const seen = ticks(world, 180).filter(({ hostName }) => hostName === 'xenhv02')
    const requests = seen.map(({ sample }) => diskOf(sample?.vms.find((one) => one.uuid === mail)).writeRequests)
    const seconds = seen.map(
      ({ sample }) => sample?.arrays?.find(({ key }) => key.endsWith(':iscsi1'))?.writeSeconds ?? 0,
    )
    expect(requests.filter((count, index) => count === requests[index - 1]).length).toBeGreaterThan(80)
    expect(Math.max(...seconds.map((total, index) => total - (seconds[index - 1] ?? total)))).toBeGreaterThan(80)
  })

  test('left alone, the elab never fills it', () => {
    const world = createWorld(elab, { seed: 1, startMs, stepMs: 30 * second })
    let most = 0
    for (let atMs = startMs; atMs < startMs + 7 * 24 * 60 * minute; atMs += 10 * minute) {
      world.advance(atMs)
      most = Math.max(most, array(world, 'iscsi1').fillBytes / array(world, 'iscsi1').cacheBytes)
    }
    expect(most).toBeLessThan(0.5)
  })
})

test('more demand than cores: fair shares, and the rest is waiting', () => {
  const world = createWorld(elab, { seed: 1, startMs })
  const before = ticks(world, 1).find(({ hostName }) => hostName === 'esxhv01')
  const crowd = elab.vms.filter((one) => one.host === 'xenhv04').map((one) => one.name)
  for (const name of crowd) world.apply({ atMs: 0, event: 'profile', vm: name, profile: 'batch' })
  for (const one of world.vms) if (crowd.includes(one.spec.name)) one.load.phaseEndsMs = 0
  world.advance(startMs + 2 * minute)
  const got = crowd.map((name) => vm(world, name).cpuGotCores)
  expect(got.reduce((sum, cores) => sum + cores, 0)).toBeGreaterThan(3.8)
  expect(got.reduce((sum, cores) => sum + cores, 0)).toBeLessThanOrEqual(4)
  expect(Math.max(...got) - Math.min(...got)).toBeLessThan(0.05)
  const after = ticks(world, 1).find(({ hostName }) => hostName === 'xenhv04')
  expect(after?.sample?.host?.load1).toBeGreaterThan(5)
  expect(before?.sample?.vms.every((one) => one.vcpuWaitSeconds === 0)).toBe(true)
})

describe('life', () => {
  test.each([
    ['shutdown', 'shutoff', 'shutdown', ['shutdown/shutdown', 'stopped/shutdown']],
    ['destroy', 'shutoff', 'destroyed', ['stopped/destroyed']],
    ['crash', 'crashed', 'panicked', ['crashed/panicked']],
    ['kill', 'shutoff', 'crashed', ['stopped/failed']],
  ] as const)('%s', (event, state, reason, told) => {
    const world = createWorld(
      withTimeline(`  - { at: 10s, event: ${event}, vm: lab }\n  - { at: 20s, event: start, vm: lab }`),
      { seed: 1, startMs },
    )
    const lab = uuid(world, 'lab')
    const seen = ticks(world, 30).filter(({ hostName }) => hostName === 'two')
    expect(seen.flatMap(({ events }) => events.map((one) => `${one.kind}/${one.reason}`))).toEqual([
      ...told,
      'started/booted',
    ])
    expect(seen.flatMap(({ events }) => events.map((one) => [one.atMs - startMs, one.vmUuid, one.vmName]))[0]).toEqual([
      10_000,
      lab,
      'lab',
    ])
    const states = seen.map(({ sample }) => sample?.vms.find((one) => one.uuid === lab))
    expect([states[9], states[10], states[20]].map((one) => [one?.state, one?.stateReason])).toEqual([
      ['running', 'booted'],
      [state, reason],
      ['running', 'booted'],
    ])
  })

  test('a live migration: the source loses it, the target has it under a new run', () => {
    const world = createWorld(withTimeline('  - { at: 10s, event: migrate, vm: mail, to: two }'), { seed: 1, startMs })
    const mail = uuid(world, 'mail')
    const seen = ticks(world, 20)
    const of = (host: string, at: number): VmRaw | undefined =>
      seen.filter(({ hostName }) => hostName === host)[at]?.sample?.vms.find((one) => one.uuid === mail)
    expect([of('one', 9)?.state, of('two', 9)]).toEqual(['running', undefined])
    expect([of('one', 10), of('two', 10)?.state, of('two', 10)?.stateReason]).toEqual([
      undefined,
      'running',
      'migrated',
    ])
    expect(of('two', 10)?.runId).not.toBe(of('one', 9)?.runId)
    expect(diskOf(of('two', 10)).writeBytes).toBeLessThan(diskOf(of('one', 9)).writeBytes ?? 0)
    const told = (host: string): string[] =>
      seen
        .filter(({ hostName }) => hostName === host)
        .flatMap(({ events }) => events.map((one) => `${one.kind}/${one.reason}`))
    expect([told('one'), told('two')]).toEqual([['stopped/migrated', 'undefined/unknown'], ['started/migrated']])
  })

  test('a host lost and back: silent, then booted anew with its VMs', () => {
    const text = tinyText.replace('storage: local, profile: batch', 'storage: local, autostart: false')
    const world = createWorld(
      withTimeline('  - { at: 10s, event: host-lost, host: two }\n  - { at: 20s, event: host-back, host: two }', text),
      { seed: 1, startMs },
    )
    const seen = ticks(world, 30).filter(({ hostName }) => hostName === 'two')
    expect(seen.map(({ sample }) => sample !== undefined)).toEqual(seen.map((_, index) => index < 10 || index >= 20))
    expect(seen[25]?.bootId).not.toBe(seen[5]?.bootId)
    expect(seen[25]?.sample?.host?.uptimeSeconds).toBe(6)
    expect(seen.flatMap(({ events }) => events.map((one) => `${one.kind}/${one.vmName ?? ''}`))).toEqual([
      'hypervisor-lost/',
      'hypervisor-back/',
      'started/www',
    ])
    expect(seen[25]?.sample?.vms.map(({ state }) => state)).toEqual(['running', 'shutoff'])
    expect(seen[25]?.sample?.vms[0]?.runId).not.toBe(seen[5]?.sample?.vms[0]?.runId)
  })

  test('a file system fills until it is full, somebody cleans up, or its host is lost', () => {
    const text = `  - { at: 2s, event: fill, host: one, rate: 4GB/s }
  - { at: 10s, event: clean, host: one }
  - { at: 20s, event: fill, host: two, rate: 1GB/s }
  - { at: 23s, event: host-lost, host: two }
  - { at: 25s, event: host-back, host: two }`
    const world = createWorld(withTimeline(text), { seed: 1, startMs })
    const seen = ticks(world, 30)
    const free = (host: string, at: number): number | undefined =>
      seen.filter(({ hostName }) => hostName === host)[at - 1]?.sample?.host?.fileSystems?.[0]?.availableBytes
    expect([1, 3, 4, 8, 11].map((at) => free('one', at))).toEqual([14e9, 10e9, 6e9, 0, 14e9])
    expect([19, 21, 24, 26, 30].map((at) => free('two', at))).toEqual([14e9, 13e9, undefined, 11e9, 11e9])
  })

  test('what cannot happen is skipped, and said', () => {
    const world = createWorld(
      withTimeline('  - { at: 1s, event: start, vm: lab }\n  - { at: 2s, event: host-back, host: one }'),
      { seed: 1, startMs },
    )
    world.advance(startMs + 5 * second)
    expect(world.truth().skippedEvents).toEqual(['lab runs already', 'one is not lost'])
  })

  test('events that nobody takes are bounded and counted', () => {
    const world = createWorld(parseFleet(tinyText, 'tiny.yaml'), { seed: 1, startMs })
    for (let round = 0; round < 1000; round += 1) {
      world.apply({ atMs: 0, event: 'destroy', vm: 'lab' })
      world.apply({ atMs: 0, event: 'start', vm: 'lab' })
    }
    expect(world.hosts[1]?.events).toHaveLength(1024)
    expect(world.truth().hosts[1]?.droppedEvents).toBe(2000 - 1024)
  })
})

test('a month of the elab at one-minute ticks: quick, finite, nothing negative', () => {
  const world = createWorld(elab, { seed: 1, startMs, stepMs: minute })
  const before = process.cpuUsage()
  let ticks = 0
  let bad = 0
  const last = new Map<string, number>()
  for (const { sample, hostId } of simulateTicks(world, {
    fromMs: startMs,
    toMs: startMs + 30 * 24 * 60 * minute,
    stepMs: minute,
  })) {
    ticks += 1
    for (const raw of sample?.vms ?? []) {
      const disk = raw.disks?.[0]
      const total =
        (raw.cpuSeconds ?? NaN) +
        (disk?.readBytes ?? NaN) +
        (disk?.writeBytes ?? NaN) +
        (raw.nics?.[0]?.transmitBytes ?? NaN)
      if (!(total >= (last.get(raw.uuid) ?? 0))) bad += 1
      last.set(raw.uuid, total)
    }
    const { cpuIdleSeconds = NaN, memoryFreeBytes = NaN, load1 = 0, uptimeSeconds = NaN } = sample?.host ?? {}
    if (![cpuIdleSeconds, memoryFreeBytes, load1, uptimeSeconds].every((value) => value >= 0 && Number.isFinite(value)))
      bad += 1
    const idle = `${hostId}/idle`
    if (cpuIdleSeconds < (last.get(idle) ?? 0)) bad += 1
    last.set(idle, cpuIdleSeconds)
  }
  const { user, system } = process.cpuUsage(before)
  expect(ticks).toBe(43_200 * 5)
  expect(bad).toBe(0)
  expect((user + system) / 1e6).toBeLessThan(20)
}, 60_000)
