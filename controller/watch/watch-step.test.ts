import { describe, expect, it } from 'vitest'

import { buildAgent } from '../../test/support/agent-rows.js'
import {
  buildSnapshot,
  builtAt,
  hostIdOf,
  known,
  uuidOf,
  type HostRow,
  type SnapshotRows,
  type VmRow,
} from '../../test/support/snapshot-builder.js'
import { increaseOf } from '../model/recent-changes.js'
import type { FleetEvent, Snapshot } from '../model/snapshot.js'
import { beginWatch, watchStep, type Watched } from './watch-step.js'

const second = 1000
const minute = 60 * second
const hosts = (change: Partial<HostRow> = {}): HostRow[] =>
  ['a', 'b'].map((name) => ({ name, memoryMiB: 8192, ...(name === 'a' ? change : {}) }))
const vm = (name = 'mail', change: Partial<VmRow> = {}): VmRow => ({ name, host: 'a', memoryMiB: 1024, ...change })

/** The fleet `seconds` after the beginning. */
function at(seconds: number, rows: Partial<SnapshotRows> = {}): Snapshot {
  return { ...buildSnapshot({ hosts: hosts(), vms: [vm()], ...rows }), at: builtAt + seconds * second }
}

function event(kind: string, reason: string, seconds: number, host = 'a'): FleetEvent {
  const hostId = hostIdOf(host)
  return { at: builtAt + seconds * second, hostId, vmUuid: uuidOf('mail'), vmName: 'mail', kind, reason, message: '' }
}

type Look = readonly [snapshot: Snapshot, ...events: FleetEvent[]]

function watchedOver(...looks: readonly Look[]): Watched {
  return looks.reduce((watched, [snapshot, ...events]) => watchStep(watched, snapshot, events), beginWatch(at(0)))
}

const gone: Partial<SnapshotRows> = { vms: [] }
const moved: Partial<SnapshotRows> = { vms: [vm('mail', { host: 'b' })] }
const off = (reason: string, more: Partial<VmRow> = {}): Partial<SnapshotRows> => ({
  vms: [vm('mail', { state: 'shutoff', more: { stateReason: reason, stateSince: builtAt + 10 * second }, ...more })],
})

describe('a VM', () => {
  it.each<[string, readonly Look[], string[]]>([
    ['that stays', [[at(10)]], []],
    ['that nobody tells of any more', [[at(10, gone)]], ['nothing ran']],
    ['that is back', [[at(10, gone)], [at(20)]], []],
    ['that is back on another host', [[at(10, gone)], [at(20, moved)]], []],
    ['that moves', [[at(10, moved)]], []],
    ['that was undefined', [[at(10, gone), event('undefined', 'unknown', 9)]], ['removed ran']],
    [
      'that was undefined, as is told late',
      [[at(10, gone)], [at(90, gone), event('undefined', 'unknown', 9)]],
      ['removed ran'],
    ],
    ['that was destroyed, and was transient', [[at(10, gone), event('stopped', 'destroyed', 9)]], ['ended ran']],
    ['that was shut down, as its state said', [[at(10, off('shutdown'))], [at(20, gone)]], ['ended off']],
    ['that was shut down long before', [[at(10, off('shutdown'))], [at(1000, gone)]], ['nothing off']],
    [
      'whose guest shut down',
      [[at(10, gone), event('shutdown', 'unknown', 8), event('stopped', 'shutdown', 9)]],
      ['ended ran'],
    ],
    ['that crashed', [[at(10, gone), event('crashed', 'panicked', 9)]], ['crashed ran']],
    ['whose process died', [[at(10, gone), event('stopped', 'failed', 9)]], ['crashed ran']],
    ['that stopped on a host that says no reasons', [[at(10, gone), event('stopped', 'unknown', 9)]], ['stopped ran']],
    ['that was moved away', [[at(10, gone), event('stopped', 'migrated', 9)]], ['moved ran']],
    [
      'that was moved away, and undefined where it was',
      [[at(10, gone), event('stopped', 'migrated', 8), event('undefined', 'unknown', 9)]],
      ['moved ran'],
    ],
    [
      'that was moved away and undefined, as is told late',
      [[at(10, gone)], [at(90, gone), event('stopped', 'migrated', 8), event('undefined', 'unknown', 9)]],
      ['moved ran'],
    ],
    [
      'that was stopped and started before it went',
      [[at(10), event('stopped', 'destroyed', 5), event('started', 'booted', 6)], [at(20, gone)]],
      ['nothing ran'],
    ],
    [
      'that was destroyed and started again, as is told late',
      [[at(10, gone)], [at(90, gone), event('stopped', 'destroyed', 5), event('started', 'booted', 6)]],
      ['nothing ran'],
    ],
    ['of which another host says something', [[at(10, gone), event('undefined', 'unknown', 9, 'b')]], ['nothing ran']],
    [
      'that was destroyed too long before it went',
      [[at(10), event('stopped', 'destroyed', 9)], [at(700, gone)]],
      ['nothing ran'],
    ],
    ['that leaves with its host', [[at(10, { hosts: hosts().slice(1), vms: [] })]], []],
    ['whose host leaves later', [[at(10, gone)], [at(20, { hosts: hosts().slice(1), vms: [] })]], []],
    [
      'of which nothing was known but that it is there',
      [[at(5, { vms: [vm('mail', { state: 'unknown' })] })], [at(10, gone)]],
      ['nothing off'],
    ],
    ['missing on purpose, an hour later', [[at(10, gone), event('undefined', 'unknown', 9)], [at(3611, gone)]], []],
    ['missing for a month', [[at(10, gone)], [at(31 * 86_400, gone)]], []],
  ])('%s', (_, looks, expected) => {
    const { missing } = watchedOver(...looks).changes
    expect([...missing.values()].map(({ end, ran }) => `${end} ${ran ? 'ran' : 'off'}`)).toEqual(expected)
  })

  it('is missing since it was missed, and known as it was', () => {
    const { missing } = watchedOver([at(10, gone)], [at(20, gone)]).changes
    expect(missing.get(uuidOf('mail'))).toMatchObject({ name: 'mail', hostName: 'a', sinceMs: builtAt + 10 * second })
  })

  it('is not back before its host is heard of again after a start', () => {
    const { changes } = watchedOver([at(10, gone)])
    const remembered = at(20, { hosts: hosts({ status: 'silent' }) })
    const restarted = beginWatch(remembered, changes)
    expect(watchStep(restarted, at(21, { hosts: hosts({ status: 'silent' }) }), []).changes.missing.size).toBe(1)
    expect(watchStep(restarted, at(21, gone), []).changes.missing.get(uuidOf('mail'))?.sinceMs).toBe(
      builtAt + 10 * second,
    )
    expect(watchStep(restarted, at(21), []).changes.missing.size).toBe(0)
  })

  it('of too many that are missing the first give way, and are counted', () => {
    const many = Array.from({ length: 1200 }, (_, n) => vm(`v${n}`))
    const watched = watchStep(beginWatch(at(0, { vms: many })), at(10, gone), [])
    expect(watched.changes.missing.size).toBe(1000)
    expect(watched.dropped).toBe(200)
  })
})

describe('what a VM is made of', () => {
  const made = (more: VmRow['more'] = {}, change: Partial<VmRow> = {}): Partial<SnapshotRows> => ({
    vms: [vm('mail', { ...change, more })],
  })
  const nic = (mac: string, network = 'lan') => ({ device: 'vnet0', mac, network, model: '', metrics: {} })
  it.each<[string, readonly Partial<SnapshotRows>[], string[]]>([
    ['stays', [made(), made()], []],
    ['more vCPUs', [made(), made({ vcpus: 2 })], ['vCPUs 1 → 2']],
    ['more memory', [made(), made({}, { memoryMiB: 2048 })], ['memory 1 GiB → 2 GiB']],
    ['memory as rounded by another', [made(), made({}, { memoryMiB: 1030 })], []],
    ['memory that is not known', [made(), made({}, { memoryMiB: null }), made()], []],
    [
      'a definition, and then a sample that says less',
      [made({ vcpus: 4, metrics: { memoryMaxBytes: { value: 2 ** 33, at: 1, source: 'definition' } } }), made()],
      [],
    ],
    ['a disk on another array', [made(), made({}, { array: 'iscsi:x' })], ['disk vda lies elsewhere']],
    ['its disks not known for a while', [made(), made({ diskIds: [] }), made()], []],
    [
      'a NIC more',
      [
        made({ nics: [nic('52:54:00:00:00:01')] }),
        made({ nics: [nic('52:54:00:00:00:01'), nic('52:54:00:00:00:02')] }),
      ],
      ['NIC 52:54:00:00:00:02 is new'],
    ],
    [
      'a NIC on another network',
      [made({ nics: [nic('52:54:00:00:00:01')] }), made({ nics: [nic('52:54:00:00:00:01', 'dmz')] })],
      ['NIC 52:54:00:00:00:01 is on dmz, was on lan'],
    ],
    [
      'several changes within an hour',
      [made(), made({ vcpus: 2 }), made({ vcpus: 3 })],
      ['vCPUs 1 → 2', 'vCPUs 2 → 3'],
    ],
  ])('%s', (_, [first = {}, ...rows], expected) => {
    const last = rows.reduce(
      (watched, row, n) => watchStep(watched, at(10 * n + 10, row), []),
      beginWatch(at(0, first)),
    )
    expect(last.changes.redefined.get(uuidOf('mail'))?.changes ?? []).toEqual(expected)
  })

  it('is compared with what it was before it moved, once that is known of the new host', () => {
    const unknown = { diskIds: [], vcpus: undefined, metrics: {} }
    const watched = watchedOver(
      [at(10, { vms: [vm('mail', { host: 'b', more: unknown })] })],
      [at(20, { vms: [vm('mail', { host: 'b', more: { vcpus: 2, metrics: { memoryMaxBytes: known(2 ** 30) } } })] })],
    )
    expect(watched.changes.redefined.get(uuidOf('mail'))?.changes).toContain('vCPUs 1 → 2')
  })

  it('a change is told by itself after an hour', () => {
    const watched = watchedOver([at(10, made({ vcpus: 2 }))], [at(3700, made({ vcpus: 3 }))])
    expect(watched.changes.redefined.get(uuidOf('mail'))).toEqual({
      atMs: builtAt + 3700 * second,
      changes: ['vCPUs 2 → 3'],
    })
  })
})

describe('a boot', () => {
  const boot = (bootId: string): Partial<SnapshotRows> => ({ hosts: hosts({ more: { bootId } }) })
  it.each<[string, readonly Partial<SnapshotRows>[], number]>([
    ['that is the same', [boot('1'), boot('1')], 0],
    ['that is another', [boot('1'), boot('2')], 1],
    ['that is not known', [boot('1'), boot('')], 0],
    ['that was not known', [boot(''), boot('1')], 0],
    ['of a host at first sight', [{ hosts: hosts().slice(1), vms: [] }, boot('1')], 0],
  ])('%s', (_, [first = {}, second = {}], expected) => {
    const { reboots } = watchStep(beginWatch(at(0, first)), at(10, second), []).changes
    expect(reboots.size).toBe(expected)
  })
})

describe('what agents count', () => {
  const counted = (seconds: number, skippedTicks: number, connected = true): Snapshot =>
    at(seconds, { agents: [buildAgent({ skippedTicks, connected })] })
  it.each<[string, readonly Snapshot[], number]>([
    ['is not of late at first', [counted(0, 500)], 0],
    ['grows', [counted(0, 500), counted(10, 503), counted(70, 505)], 5],
    ['begins anew with the agent', [counted(0, 500), counted(10, 4)], 4],
    ['is forgotten after ten minutes', [counted(0, 500), counted(10, 503), counted(620, 503)], 0],
    ['while it was away is not of now', [counted(0, 500), counted(10, 500, false), counted(20, 900)], 0],
  ])('%s', (_, snapshots, expected) => {
    const [first = at(0), ...rest] = snapshots
    // The agent is first seen by a look.
    const seen = watchStep(beginWatch(at(0)), first, [])
    const { agents } = rest.reduce((watched, snapshot) => watchStep(watched, snapshot, []), seen).changes
    const tally = agents.get('agent-a')
    expect(tally === undefined ? undefined : increaseOf(tally.skippedTicks)).toBe(expected)
  })
})

it('a look that brings nothing leaves everything as it is', () => {
  const before = watchedOver([at(10, gone)])
  expect(watchStep(before, { ...before.snapshot, at: before.snapshot.at + minute }, []).changes).toBe(before.changes)
})
