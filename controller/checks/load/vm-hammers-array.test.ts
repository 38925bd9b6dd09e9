import { describe, expect, it } from 'vitest'

import { buildSnapshot, uuidOf, withVm } from '../../../test/support/snapshot-builder.js'
import { withIo } from '../../../test/support/snapshot-io.js'
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
import { arrayCondition as conditionOf } from '../../../test/support/array-condition.js'
import { culpritsOf, suspectOf, watchedOf } from '../../../test/support/watched-arrays.js'
import type { Culprits } from '../../model/culprits.js'
import type { Snapshot } from '../../model/snapshot.js'
import { fleetFindings } from '../fleet-findings.js'
import { vmHammersArray } from './vm-hammers-array.js'

/** `p1`, or who is named, makes so many requests of the 100; the array takes so long for each. */
const busy = (ofHundred: number, latencyMs: number, who = 'p1'): Snapshot => {
  const rest = who === 'c1' ? 'p1' : 'c1'
  return withIo(fleet(), {
    vms: { x1: writes(0), [who]: writes(ofHundred), [rest]: writes(100 - ofHundred) },
    arrays: { [key]: writes(100, latencyMs) },
  })
}

/** The first of these VMs boots on a slow disk of their host. */
const onLocalDisk = (...names: string[]): Snapshot => {
  const array = 'local:id-a:1'
  const rows = names.map((name) => vm(name, { array }))
  const hosts = [{ name: 'a', memoryMiB: 65_536 }]
  const built = buildSnapshot({ hosts, vms: rows, arrays: [{ key: array, name: 'disk', kind: 'local' }] })
  return withIo(built, { vms: { [names[0] ?? '']: writes(90) }, arrays: { [array]: writes(91, 31) } })
}

describe('a VM hammers an array', () => {
  it.each<[string, Snapshot, string[]]>([
    ['most of the work of a slow array', busy(90, 31), ['raise warning p1']],
    ['of one that is not slow', busy(90, 5), []],
    ['at its limits', busy(30, 15), ['raise warning p1']],
    ['a little less slow: not over', busy(90, 14), ['keep warning p1']],
    ['a little less of the work: not over', busy(22, 31), ['keep warning p1', 'raise info c1']],
    ['less than that', busy(20, 29), ['keep info c1']],
    ['by a VM of no class: later', busy(90, 29, 'x1'), ['keep warning x1']],
    ['by a VM of no class', busy(60, 30, 'x1'), ['raise warning x1']],
    ['by a core VM: told only', busy(60, 30, 'c1'), ['raise warning p1', 'raise info c1']],
    [
      'little work, all of it: the array is slow of itself',
      withIo(fleet(), { vms: { p1: writes(9) }, arrays: { [key]: writes(9, 500) } }),
      [],
    ],
    [
      'many small requests beside few large ones',
      withIo(fleet(), {
        vms: { p1: { read: [2e6, 500] }, c1: { write: [7e6, 7] } },
        arrays: { [key]: { read: [2e6, 500, 31], write: [7e6, 7, 90] } },
      }),
      ['raise warning p1'],
    ],
    [
      'few large requests beside the small ones of who waits',
      withIo(fleet(), {
        vms: { c1: { write: [63e6, 60] }, p1: { write: [0.4e6, 100] } },
        arrays: { [key]: { write: [63.4e6, 160, 31] } },
      }),
      ['raise info c1'],
    ],
    [
      'nobody else is there',
      withIo(fleet([vm('p1')]), { vms: { p1: writes(90) }, arrays: { [key]: writes(90, 31) } }),
      [],
    ],
    [
      'the others are off',
      withIo(fleet([vm('p1'), vm('c1', { state: 'shutoff' })]), {
        vms: { p1: writes(90) },
        arrays: { [key]: writes(90, 31) },
      }),
      [],
    ],
    [
      'the array serves others too: hosts count more than the VMs did',
      withIo(fleet(), { vms: { p1: writes(90), c1: writes(0) }, arrays: { [key]: writes(600, 31) } }),
      [],
    ],
    [
      'two keys of one box',
      withIo(fleet([vm('p1'), vm('c1', { array: secondKey })]), {
        vms: { p1: writes(90), c1: writes(10, 31) },
        arrays: { [key]: writes(90, 4), [secondKey]: writes(10, 31) },
      }),
      ['raise warning p1'],
    ],
    ['a latency that nobody measures', withIo(fleet(), { vms: { p1: writes(90) }, arrays: { [key]: writes(90) } }), []],
    ['figures that are not there', fleet(), []],
    [
      'it cannot be read',
      withVm(busy(90, 31), 'p1', {
        gaps: [{ vmUuid: uuidOf('p1'), group: 'block', reason: 'timeout', message: '', sinceMs: 0 }],
      }),
      [],
    ],
    [
      'the array stands still: it is not over, and nobody else is blamed',
      withIo(fleet(), {
        vms: { p1: writes(0), c1: writes(0) },
        arrays: { [key]: standsStill(12) },
      }),
      ['keep warning p1', 'keep info c1', 'keep warning x1'],
    ],
    ['personal VMs alone on a local disk: told only', onLocalDisk('p1', 'p2'), ['raise info p1']],
    ['beside one of no class', onLocalDisk('p1', 'x1'), ['raise warning p1']],
    ['nothing is asked of it', withIo(fleet(), { arrays: { [key]: standsStill(0) } }), []],
  ])('%s', (_what, snapshot, expected) => {
    expect(foundBy(vmHammersArray, snapshot).map(inShort)).toEqual(expected)
  })

  it('names it, what it does, and who waits, core VMs first', () => {
    const [one] = foundBy(
      vmHammersArray,
      withIo(fleet([vm('p1'), vm('a1'), vm('c2'), vm('c1')]), {
        vms: { p1: writes(113) },
        arrays: { [key]: writes(125, 31.4) },
      }),
    )
    expect(one?.message).toBe(
      'it makes 90% of the work on the box (7.41 MB/s, 113 requests/s), whose writes take 31 ms; others there: c1, c2 and a1',
    )
    expect(one?.part).toBe('joined:the box')
    expect(one?.evidence).toEqual([
      { entityKind: 'array', entityId: key, field: 'writeLatencyMs', value: 31.4, limit: 15 },
      {
        entityKind: 'disk',
        entityId: `${uuidOf('p1')}/vda`,
        field: 'writeBytesPerSecond',
        value: 113 * 65_536,
        limit: undefined,
      },
    ])
    expect(one?.related.map(({ role, subject }) => `${role} ${subject.kind} ${subject.name}`)).toEqual([
      'partner array the box',
      'victim vm c1',
      'victim vm c2',
      'victim vm a1',
    ])
  })

  it('tells nobody anew of who does as always while another is to blame', () => {
    const told = (culprits: Culprits): string[] => {
      const watched = watchedOf(conditionOf('saturated'), { culprits })
      return foundBy(vmHammersArray, busy(90, 31), undefined, new Map([[watched.condition.boxId, watched]])).map(
        inShort,
      )
    }
    expect(told(culpritsOf([suspectOf('x1')]))).toEqual(['keep warning p1'])
    expect(told(culpritsOf([suspectOf('x1'), suspectOf('p1', { blame: 0.2 })]))).toEqual(['raise warning p1'])
    expect(told(culpritsOf([suspectOf('x1', { confidence: 'low' })]))).toEqual(['raise warning p1'])
    expect(told(culpritsOf([suspectOf('x1')], { incidentSince: undefined }))).toEqual(['raise warning p1'])
  })

  it('can be excepted, and set by the policy', () => {
    const found = (text: string): string[] =>
      fleetFindings(busy(90, 31), storagePolicy(text)).stands.map(({ check }) => check)
    expect(found('')).toContain('vm-hammers-array')
    expect(found('exceptions: [{ vm: p1, rule: vm-hammers-array, reason: it may }]')).not.toContain('vm-hammers-array')
    expect(found('thresholds: { vm-hammers-array: { personalLatency: 32ms } }')).not.toContain('vm-hammers-array')
  })
})
