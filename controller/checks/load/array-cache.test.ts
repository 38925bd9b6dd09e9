import { describe, expect, it } from 'vitest'

import { uuidOf } from '../../../test/support/snapshot-builder.js'
import { boxKey, secondKey, storageFleet, storagePolicy, vmOnBox } from '../../../test/support/storage-fleet.js'
import type { ArrayCacheState, ArrayCondition } from '../../model/array-condition.js'
import type { Finding } from '../../model/finding.js'
import type { ArrayUser, WatchedArray } from '../../model/watched-array.js'
import { fleetFindings } from '../fleet-findings.js'

const around = (likely: number) => ({ low: 0.8 * likely, likely, high: 1.25 * likely })

function condition(state: ArrayCacheState, change: Partial<ArrayCondition> = {}): ArrayCondition {
  return {
    boxId: 'joined:the box',
    at: 0,
    state,
    since: 0,
    fill: around(400e6),
    capacity: { ...around(500e6), basis: 'learnt' },
    drain: { ...around(25e6), basis: 'learnt' },
    drains: { sequential: { ...around(25e6), basis: 'learnt' } },
    loadClass: 'sequential',
    inflowBytesPerSecond: 75e6,
    secondsToSaturation: around(2),
    burst: { room: around(100e6), bulkCopyBytesPerSecond: 60e6, bulkCopies: 0, secondsForTwoCopies: around(4) },
    overflows: 1,
    observedSeconds: 100,
    ...change,
  }
}

const user = (id: string, megabytes: number, kind: ArrayUser['kind'] = 'vm'): ArrayUser => ({
  kind,
  id: kind === 'vm' ? uuidOf(id) : `id-${id}`,
  writeBytesPerSecond: megabytes * 1e6,
  readBytesPerSecond: 0,
  requestsPerSecond: megabytes * 16,
})

function found(of: ArrayCondition, change: Partial<WatchedArray> = {}, vms = ['c1', 'p1']): readonly Finding[] {
  const watched: WatchedArray = {
    condition: of,
    expectsWriteBack: true,
    arrayKeys: [boxKey],
    users: [user('p1', 60), user('c1', 2)],
    ...change,
  }
  const circumstances = { arrays: new Map([[of.boxId, watched]]) }
  const fleet = storageFleet(vms.map((name) => vmOnBox(name)))
  const { stands, kept } = fleetFindings(fleet, storagePolicy(), circumstances)
  return [...stands, ...kept].filter(({ check }) => check === 'array-cache')
}

const inShort = ({ strength, severity, part }: Finding): string => `${strength} ${severity} ${part}`.trimEnd()
const noBurst = { burst: { ...condition('idle').burst, secondsForTwoCopies: undefined } }

describe('write caches of arrays', () => {
  it.each<[string, ArrayCacheState, Partial<ArrayCondition>, Partial<WatchedArray>, string[], string[]?]>([
    ['nothing to say', 'idle', noBurst, {}, []],
    ['two copies would fill it', 'idle', {}, {}, ['raise info burst']],
    ['the same, by nothing that is known', 'idle', { capacity: { ...around(5e8), basis: 'assumed' } }, {}, []],
    ['nearly full', 'near-full', {}, {}, ['raise info']],
    ['full, with core VMs there', 'saturated', {}, {}, ['raise critical']],
    ['full, without', 'saturated', {}, {}, ['raise warning'], ['p1', 'p2']],
    ['standing still', 'stalled', {}, {}, ['raise critical'], ['p1']],
    ['off, and meant to be on', 'write-through', {}, {}, ['raise warning']],
    ['off, and always so', 'write-through', {}, { expectsWriteBack: false }, []],
    ['not known: nothing ends by that', 'unknown', noBurst, {}, ['keep warning']],
    ['an array that is gone', 'saturated', {}, { arrayKeys: ['iscsi:gone'] }, []],
  ])('%s', (_what, state, change, watched, expected, vms) => {
    expect(found(condition(state, change), watched, vms).map(inShort)).toEqual(expected)
  })

  it('names state, suspects, victims and what helps', () => {
    const [one] = found(condition('near-full'), { arrayKeys: [boxKey, secondKey] })
    expect(one?.message).toBe(
      'its write cache is nearly full: 400 MB of about 500 MB; 75 MB/s come in and 25 MB/s drain, full in about 2 s (2 s to 3 s); ' +
        'most of its work: p1 (97%, writes 60 MB/s); others there: c1; ' +
        'limit or pause p1, or let it wait; another host does not help, another array for its disk does',
    )
    expect(one?.related.map(({ role, subject }) => `${role} ${subject.name}`)).toContain('culprit p1')
    expect(one?.related.map(({ role, subject }) => `${role} ${subject.name}`)).toContain('victim c1')
  })

  it('names a host that copies by itself', () => {
    const [one] = found(condition('saturated'), { users: [user('a', 70, 'host'), user('p1', 1)] })
    expect(one?.message).toContain('a itself (99%, writes 70 MB/s)')
    expect(one?.message).toContain('pause what copies on a')
  })
})
