import { describe, expect, it } from 'vitest'

import { buildSnapshot } from '../../../test/support/snapshot-builder.js'
import { withIo, type Io } from '../../../test/support/snapshot-io.js'
import {
  boxKey as key,
  foundBy,
  inShort,
  secondKey,
  standsStill,
  storageFleet as fleet,
  storagePolicy,
  vmOnBox as vm,
  writes,
} from '../../../test/support/storage-fleet.js'
import type { Snapshot } from '../../model/snapshot.js'
import { arrayCondition as conditionOf } from '../../../test/support/array-condition.js'
import { culpritsOf, suspectOf, watchedOf } from '../../../test/support/watched-arrays.js'
import type { Culprits } from '../../model/culprits.js'
import { fleetFindings } from '../fleet-findings.js'
import { arrayLatency } from './array-latency.js'

const array = (latencyMs: number): Snapshot => withIo(fleet(), { arrays: { [key]: writes(100, latencyMs) } })

describe('array-latency', () => {
  it.each<[string, Snapshot, string[]]>([
    ['slow', array(50), ['raise warning the box']],
    ['less slow: not over', array(30), ['keep warning the box']],
    ['quick', array(29), []],
    ['very slow', array(1000), ['raise critical the box']],
    ['slow for one request in minutes', withIo(fleet(), { arrays: { [key]: writes(0.5, 150) } }), []],
    [
      'reads, beside writes that the cache takes',
      withIo(fleet(), { arrays: { [key]: { ...writes(100, 1), read: [1e6, 60, 70] } } }),
      ['raise warning the box'],
    ],
    ['nobody measures how slow', withIo(fleet(), { arrays: { [key]: writes(100) } }), []],
    ['no figures', fleet(), []],
    ['nothing is asked of it', withIo(fleet(), { arrays: { [key]: standsStill(0) } }), []],
    ['one request between two readings', withIo(fleet(), { arrays: { [key]: standsStill(1) } }), []],
    ['it stands still', withIo(fleet(), { arrays: { [key]: standsStill(2) } }), ['raise critical the box']],
    [
      'requests wait and nobody counts those that are completed',
      withIo(fleet(), { arrays: { [key]: { inFlight: 5 } } }),
      [],
    ],
    ['nobody uses it', withIo(fleet([]), { arrays: { [key]: writes(100, 90) } }), []],
    [
      'one VM alone that keeps many requests in flight waits for itself',
      withIo(fleet([vm('p1')]), { arrays: { [key]: writes(100, 90) } }),
      [],
    ],
    [
      'one VM alone, of which each request takes long',
      withIo(fleet([vm('p1')]), { arrays: { [key]: writes(2, 90) } }),
      ['raise warning the box'],
    ],
    [
      'the other way into the same box is not slow',
      withIo(fleet(), { arrays: { [key]: writes(100, 60), [secondKey]: writes(100, 4) } }),
      ['raise warning the box'],
    ],
  ])('%s', (_what, snapshot, expected) => {
    expect(foundBy(arrayLatency, snapshot).map(inShort)).toEqual(expected)
  })

  it.each<[string, readonly string[], Io, string[]]>([
    ['personal VMs alone: told only', ['p1', 'p2'], writes(100, 60), ['raise info disk']],
    ['the same, very slow', ['p1', 'p2'], writes(100, 1000), ['raise warning disk']],
    ['the same, standing still', ['p1', 'p2'], standsStill(2), ['raise critical disk']],
    ['a core VM among them', ['p1', 'c1'], writes(100, 60), ['raise warning disk']],
    ['one of no class among them', ['p1', 'x1'], writes(100, 60), ['raise warning disk']],
  ])('on a local disk: %s', (_what, names, io, expected) => {
    const disk = 'local:id-a:1'
    const built = buildSnapshot({
      hosts: [{ name: 'a', memoryMiB: 65_536 }],
      arrays: [{ key: disk, name: 'disk', kind: 'local' }],
      vms: names.map((name) => vm(name, { array: disk })),
    })
    expect(foundBy(arrayLatency, withIo(built, { arrays: { [disk]: io } })).map(inShort)).toEqual(expected)
  })

  it('names who makes most of the work, and who waits', () => {
    const [one] = foundBy(
      arrayLatency,
      withIo(fleet(['p1', 'p2', 'p3', 'c1', 'x1'].map((name) => vm(name))), {
        vms: { p1: writes(40), p2: writes(30), p3: writes(20), x1: writes(10) },
        arrays: { [key]: writes(100, 81.6) },
      }),
    )
    expect(one?.message).toBe(
      'its writes take 82 ms; most of its work: p1 (40%) and p2 (30%); others there: c1, p3 and x1',
    )
    expect(one?.evidence).toEqual([
      { entityKind: 'array', entityId: key, field: 'writeLatencyMs', value: 81.6, limit: 50 },
    ])
    expect(one?.related.map(({ role, subject }) => `${role} ${subject.name}`)).toEqual([
      'culprit p1',
      'culprit p2',
      'victim c1',
      'victim p3',
      'victim x1',
    ])
  })

  it('names who does more than usual, where that is followed', () => {
    const snapshot = withIo(fleet(['p1', 'p2', 'c1'].map((name) => vm(name))), {
      vms: { p1: writes(80), p2: writes(10) },
      arrays: { [key]: writes(100, 81.6) },
    })
    const told = (culprits: Culprits): string | undefined => {
      const watched = watchedOf(conditionOf('draining'), { culprits })
      return foundBy(arrayLatency, snapshot, undefined, new Map([[watched.condition.boxId, watched]]))[0]?.message
    }
    expect(told(culpritsOf([suspectOf('p2')]))).toMatch(
      /^its writes take 82 ms; who makes others wait: p2 \(.*; others there: c1 and p1$/,
    )
    // Nobody waits longer than usual: who does much is no culprit.
    expect(told(culpritsOf([suspectOf('p2')], { incidentSince: undefined }))).toContain('most of its work: p1 (80%)')
    expect(told(culpritsOf([suspectOf('p2', { confidence: 'low' })]))).toContain('most of its work: p1 (80%)')
    // It has just begun to move again: those who waited write what they held back.
    const endedAgo = (ms: number): Partial<Culprits> => ({ incidentSince: undefined, endedAt: snapshot.at - ms })
    expect(told(culpritsOf([suspectOf('p2')], endedAgo(119_000)))).toContain('who makes others wait: p2')
    expect(told(culpritsOf([suspectOf('p2')], endedAgo(121_000)))).toContain('most of its work: p1 (80%)')
  })

  it('blames nobody for the work of many', () => {
    const names = Array.from({ length: 20 }, (_, at) => `p${at}`)
    const [one] = foundBy(
      arrayLatency,
      withIo(fleet(names.map((name) => vm(name))), {
        vms: Object.fromEntries(names.map((name) => [name, writes(5)])),
        arrays: { [key]: writes(100, 60) },
      }),
    )
    expect(one?.message).toBe('its writes take 60 ms; others there: p0, p1, p10 and 17 more')
  })

  it('says of one that stands still how many requests wait', () => {
    const [one] = foundBy(arrayLatency, withIo(fleet(), { arrays: { [key]: standsStill(12) } }))
    expect(one?.message).toBe('it stands still: 12 requests wait, and none is completed; on it: c1, p1 and x1')
    expect(one?.evidence).toMatchObject([{ field: 'inFlight', value: 12 }])
  })

  it('is set by the policy', () => {
    const found = (text: string): string[] =>
      fleetFindings(array(60), storagePolicy(text)).stands.map(({ check }) => check)
    expect(found('')).toEqual(expect.arrayContaining(['array-latency']))
    expect(found('thresholds: { array-latency: { above: 61ms } }')).not.toContain('array-latency')
  })
})
