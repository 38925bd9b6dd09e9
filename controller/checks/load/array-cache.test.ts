import { describe, expect, it } from 'vitest'

import { around, arrayCondition as condition } from '../../../test/support/array-condition.js'
import { uuidOf } from '../../../test/support/snapshot-builder.js'
import { boxKey, secondKey, storageFleet, storagePolicy, vmOnBox } from '../../../test/support/storage-fleet.js'
import { culpritsOf, suspectOf, watchedOf } from '../../../test/support/watched-arrays.js'
import type { ArrayCacheState, ArrayCondition } from '../../model/array-condition.js'
import type { Finding } from '../../model/finding.js'
import type { ArrayUser, WatchedArray } from '../../model/watched-array.js'
import { fleetFindings } from '../fleet-findings.js'

const user = (id: string, megabytes: number, kind: ArrayUser['kind'] = 'vm'): ArrayUser => ({
  kind,
  id: kind === 'vm' ? uuidOf(id) : `id-${id}`,
  writeBytesPerSecond: megabytes * 1e6,
  readBytesPerSecond: 0,
  requestsPerSecond: megabytes * 16,
})

function found(
  of: ArrayCondition,
  change: Partial<WatchedArray> = {},
  vms = ['c1', 'p1'],
  policy = '',
): readonly Finding[] {
  const watched = watchedOf(of, { users: [user('p1', 60), user('c1', 2)], ...change })
  const circumstances = { arrays: new Map([[of.boxId, watched]]) }
  const fleet = storageFleet(vms.map((name) => vmOnBox(name)))
  const { stands, kept } = fleetFindings(fleet, storagePolicy(policy), circumstances)
  return [...stands, ...kept].filter(({ check }) => check === 'array-cache')
}

const inShort = ({ strength, severity, part }: Finding): string => `${strength} ${severity} ${part}`.trimEnd()
/** A tenth of the capacity below half. */
const low = { fill: around(225e6) }
const noBurst = { burst: { ...condition('idle').burst, secondsForTwoCopies: undefined } }

describe('write caches of arrays', () => {
  it.each<[string, ArrayCacheState, Partial<ArrayCondition>, Partial<WatchedArray>, string[], string[]?, string?]>([
    ['nothing to say', 'idle', noBurst, {}, []],
    ['two copies would fill it', 'idle', {}, {}, ['raise info burst']],
    ['the same, by nothing that is known', 'idle', { capacity: { ...around(5e8), basis: 'assumed' } }, {}, []],
    ['nearly full', 'near-full', {}, {}, ['raise warning']],
    [
      'nearly full, of nobody knows what',
      'near-full',
      { capacity: { ...around(5e8), basis: 'assumed' } },
      {},
      ['raise info'],
    ],
    ['on its way down from full', 'draining', noBurst, {}, ['keep warning']],
    ['clearly below full', 'draining', { ...low, ...noBurst }, {}, []],
    [
      'thought to be idle, with nobody knows how much in it',
      'idle',
      { fill: undefined, ...noBurst },
      {},
      ['keep warning'],
    ],
    [
      'the same, as the policy sees it',
      'draining',
      { ...low, ...noBurst },
      {},
      ['keep warning'],
      ['c1'],
      'clearBelow: 40%',
    ],
    ['filling, far up', 'filling', noBurst, {}, ['keep warning']],
    ['full, with core VMs there', 'saturated', {}, {}, ['raise critical']],
    ['full, without', 'saturated', {}, {}, ['raise warning'], ['p1', 'p2']],
    ['standing still', 'stalled', {}, {}, ['raise critical'], ['p1']],
    ['off, and meant to be on', 'write-through', {}, {}, ['raise warning']],
    ['off, and always so', 'write-through', {}, { expectsWriteBack: false }, []],
    ['not known: nothing ends by that', 'unknown', noBurst, {}, ['keep warning']],
    ['an array that is gone', 'saturated', {}, { arrayKeys: ['iscsi:gone'] }, []],
  ])('%s', (_what, state, change, watched, expected, vms, setting) => {
    const more = setting === undefined ? '' : `thresholds: { array-cache: { ${setting} } }\n`
    const all = found(condition(state, change), watched, vms, more)
    expect(all.map(inShort)).toEqual(expected)
  })

  it('names state, who fills it, who waits and what would help', () => {
    const culprits = culpritsOf([suspectOf('p1')], { mostBytes: suspectOf('x1').members[0] })
    const [one] = found(condition('near-full'), { arrayKeys: [boxKey, secondKey], culprits })
    expect(one?.message).toBe(
      'its write cache is nearly full: 400 MB of about 500 MB; 75 MB/s come in and 25 MB/s drain, full in about 2 s (2 s to 3 s); ' +
        'who fills it: p1 (personal; since 14:03:20 UTC; surely; 80% of what is written, 30% of requests, 90% of what others wait longer); ' +
        'sorted by bytes it would be x1; others there: c1; what would help (limits by headroom alert remedy, the rest by hand): ' +
        'limit p1 to 2 MB/s for 3m, or wait: it has drained about 40 s (20 s to 100 s) after they stop, or pause p1, ' +
        'or move the disk of p1: moving the VM to another host does not help the array',
    )
    expect(inShortRelated(one)).toEqual(['culprit p1', 'victim box', 'victim two', 'victim c1'])
  })

  it('is about the box, whichever of its arrays are in sight', () => {
    const of = condition('saturated')
    const subjects = [[boxKey, secondKey], [secondKey]].map((arrayKeys) => found(of, { arrayKeys })[0]?.subject)
    const box = { kind: 'array', id: 'joined:the box', name: 'the box' }
    expect(subjects).toEqual([box, box])
    const [alone] = found(condition('saturated', { boxId: boxKey }))
    expect(alone?.subject.id).toBe(boxKey)
    expect(alone?.related.filter(({ subject }) => subject.kind === 'array')).toEqual([])
  })

  it('does not say a drain that nobody knows yet', () => {
    const [one] = found(condition('saturated', { drain: { low: 3e6, likely: 124e6, high: 670e6, basis: 'learnt' } }))
    expect(one?.message).toMatch(/^its write cache is full: writes wait for its disks; most of its work: p1 /)
    const [other] = found(condition('saturated'))
    expect(other?.message).toMatch(/^its write cache is full: writes get the 25 MB\/s \(20 MB\/s to 31.3 MB\/s\) that/)
  })

  it('names those who are seen to wait, and who did it before it stood still', () => {
    const victims = [{ id: uuidOf('c2'), kind: 'vm', name: 'c2', times: 12 } as const]
    const culprits = culpritsOf([suspectOf('p1'), suspectOf('p2', { confidence: 'low' })], { victims })
    const vms = ['c1', 'c2', 'p1', 'p2']
    const [slow] = found(condition('saturated'), { culprits }, vms)
    expect(slow?.message).toMatch(/ who makes others wait: p1 \(.*; who waits: c2; what would help/)
    // Who is only perhaps to blame is not written to.
    expect(inShortRelated(slow)).toEqual(['culprit p1', 'victim box', 'victim c2'])
    const [one] = found(condition('stalled'), { culprits }, vms)
    expect(one?.message).toMatch(
      /^it stands still: .* who makes others wait: p1 \(.*; who waits: c1, c2(?:,| and) p2; what would help/,
    )
    // Full may be critical already: that it stands still is told all the same.
    expect([one?.grade, found(condition('saturated'))[0]?.grade]).toEqual([1, undefined])
    expect(inShortRelated(one)).toEqual(['culprit p1', 'victim box', 'victim c1', 'victim c2', 'victim p2'])
  })

  it('names a host that copies by itself, with what it does', () => {
    const culprits = culpritsOf([suspectOf('a', {}, 'host')])
    const [one] = found(condition('saturated'), { culprits })
    expect(one?.message).toContain('who makes others wait: a itself (since 14:03:20 UTC; surely; 80%')
    expect(one?.message).toContain('stop what works on a')
    expect(inShortRelated(one)[0]).toBe('culprit a')
  })

  it('names a herd by what it has in common', () => {
    const members = ['p1', 'p2', 'p3', 'p4'].flatMap((name) => suspectOf(name).members)
    const culprits = culpritsOf([suspectOf('p1', { members, isHerd: true, inCommon: ['host a', 'group people'] })])
    const [one] = found(condition('saturated'), { culprits })
    expect(one?.message).toContain(
      '4 VMs that began together, all of host a, group people (p1, p2, p3 and 1 more; since',
    )
  })

  it('names who makes most of the work where nobody does more than usual', () => {
    const [one] = found(condition('saturated'))
    expect(one?.message).toContain('; most of its work: p1 (97%, writes 60 MB/s); others there: c1; what would help')
    expect(inShortRelated(one)).toEqual(['culprit p1', 'victim box', 'victim c1'])
  })
})

function inShortRelated(one: Finding | undefined): readonly string[] {
  return one?.related.map(({ role, subject }) => `${role} ${subject.name}`) ?? []
}
