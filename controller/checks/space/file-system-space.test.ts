import { describe, expect, it } from 'vitest'

import { policyOf } from '../../../test/support/policy-with.js'
import { buildSnapshot, hostIdOf, type HostRow } from '../../../test/support/snapshot-builder.js'
import { findingKey, type Finding } from '../../model/finding.js'
import type { FileSystem, HostStatus, Snapshot } from '../../model/snapshot.js'
import { fileSystemId, type SpaceTrend, type SpaceTrends } from '../../model/space-trend.js'
import { fleetFindings } from '../fleet-findings.js'
import { fileSystemSpace } from './file-system-space.js'

const GiB = 2 ** 30
const day = 86_400_000

const root = (more: Partial<FileSystem> = {}): FileSystem => ({
  mount: '/',
  device: '/dev/sda1',
  type: 'ext4',
  sizeBytes: 100 * GiB,
  availableBytes: 50 * GiB,
  files: 1000,
  filesFree: 900,
  readOnly: false,
  ...more,
})
/** So many of 100 GiB, or of what is said, are available. */
const left = (gibibytes: number, ofGibibytes = 100): FileSystem =>
  root({ sizeBytes: ofGibibytes * GiB, availableBytes: gibibytes * GiB })

const host = (name: string, fileSystems: readonly FileSystem[], more: Partial<HostRow> = {}): HostRow => {
  return { name, memoryMiB: 1024, more: { fileSystems }, ...more }
}
const one = (fileSystem: FileSystem): Snapshot => buildSnapshot({ hosts: [host('a', [fileSystem])], vms: [] })
const over = (overMs: number, gibibytesPerDay: number): SpaceTrend => {
  return { bytesPerDay: gibibytesPerDay * GiB, overMs }
}
const known = (...trends: SpaceTrend[]): SpaceTrends =>
  new Map([[fileSystemId(hostIdOf('a'), '/'), { trends, isRecentKnown: true }]])
const fills = (gibibytesPerDay: number): SpaceTrends => known(over(7 * day, gibibytesPerDay))

const find = (snapshot: Snapshot, trends?: SpaceTrends, policy = policyOf('')) =>
  fileSystemSpace(snapshot, policy, trends)
const inShort = (findings: readonly Finding[]): string[] =>
  findings.map(({ strength, severity, subject, part }) => `${strength} ${severity} ${subject.name} ${part}`)

const filer = root({ mount: '/vms', device: 'filer:/vms', type: 'nfs4', availableBytes: GiB })

describe('file-system-space', () => {
  it.each<[string, FileSystem, string[]]>([
    ['half full', left(50), []],
    ['a tenth left', left(10), ['keep warning a /']],
    ['less than a tenth left', left(9.9), ['raise warning a /']],
    ['a little more: not over', left(11.9), ['keep warning a /']],
    ['more than that', left(12.1), []],
    ['less than a tenth of a large one', left(400, 5000), []],
    ['little of a large one', left(19, 5000), ['raise warning a /']],
    ['much of a small one', left(0.5, 1), []],
    ['next to nothing', left(1.9), ['raise critical a /']],
    ['few inodes', root({ filesFree: 49 }), ['raise warning a /']],
    ['a few more: not over', root({ filesFree: 55 }), ['keep warning a /']],
    ['no inodes', root({ filesFree: 0 }), ['raise critical a /']],
    ['one that makes inodes as it needs them', root({ files: 0, filesFree: 0 }), []],
    ['of no size', root({ sizeBytes: 0, availableBytes: 0 }), []],
    ['read-only', root({ readOnly: true, availableBytes: 0 }), ['raise warning a /']],
    ['a DVD', root({ type: 'iso9660', readOnly: true, availableBytes: 0 }), []],
  ])('%s', (_what, fileSystem, expected) => {
    expect(inShort(find(one(fileSystem)))).toEqual(expected)
  })

  it.each<[string, number, string[]]>([
    ['full in six days', 50 / 6, ['raise warning a /']],
    ['in eight: not over', 50 / 8, ['keep warning a /']],
    ['in nine', 50 / 9, []],
    ['within a day', 51, ['raise critical a /']],
    ['it empties', -50, []],
    ['it stays as it is', 0, []],
  ])('by its trend: %s', (_what, gibibytesPerDay, expected) => {
    expect(inShort(find(one(left(50)), fills(gibibytesPerDay)))).toEqual(expected)
  })

  const quarter = 15 * 60_000
  it.each<[string, SpaceTrend[], string[]]>([
    ['a day tells of four', [over(day, 50 / 3)], ['raise warning a /']],
    ['and not of six', [over(day, 50 / 6)], []],
    ['a quarter of an hour tells of an hour', [over(quarter, 24 * 60)], ['raise critical a /']],
    ['and not of two', [over(quarter, 24 * 25)], []],
    ['the first to come true counts', [over(7 * day, 8), over(day, 51)], ['raise critical a /']],
    ['one that raises before one that keeps', [over(7 * day, 50 / 6), over(day, 50 / 4.5)], ['raise warning a /']],
    ['one that empties of late takes nothing away', [over(7 * day, 8), over(day, -50)], ['raise warning a /']],
  ])('of several trends: %s', (_what, trends, expected) => {
    expect(inShort(find(one(left(50)), known(...trends)))).toEqual(expected)
  })

  it('says of what fills fast how fast that is', () => {
    expect(find(one(left(50)), known(over(quarter, 24 * 60)))[0]?.message).toBe(
      '/: full in 50m at 17.9 MB/s, as in the last 15m; 53.7 GB available',
    )
  })

  it('says how much is left, and until when', () => {
    const [finding] = find(one(left(5)), fills(2))
    expect(finding?.message).toBe(
      '/: 5.37 GB of 107 GB available (5%); full in 2d 12h at 2.15 GB a day, as in the last 7d; 5.37 GB available',
    )
    const entityId = `${hostIdOf('a')}//`
    expect(finding?.evidence).toEqual([
      { entityKind: 'file_system', entityId, field: 'availableBytes', value: 5 * GiB, limit: 10 * GiB },
      { entityKind: 'file_system', entityId, field: 'availableBytes', value: 5 * GiB, limit: undefined },
    ])
    expect(find(one(root({ filesFree: 12 })))[0]).toMatchObject({
      message: '/: 12 of 1000 inodes free (1.2%)',
      evidence: [{ field: 'filesFree', value: 12, limit: 50 }],
    })
    expect(find(one(root({ readOnly: true })))[0]?.message).toBe(
      '/ (ext4) cannot be written: it is mounted read-only, as happens when errors are found on it',
    )
  })

  it('is not over while its trend was not looked at yet', () => {
    expect(inShort(find(one(left(50)), new Map()))).toEqual(['keep warning a /'])
    expect(inShort(find(one(left(50)), known()))).toEqual([])
    const ofDaysOnly = (gibibytesPerDay: number): SpaceTrends =>
      new Map([[fileSystemId(hostIdOf('a'), '/'), { trends: [over(7 * day, gibibytesPerDay)], isRecentKnown: false }]])
    expect(inShort(find(one(left(50)), ofDaysOnly(0)))).toEqual(['keep warning a /'])
    expect(inShort(find(one(left(50)), ofDaysOnly(51)))).toEqual(['raise critical a /'])
    // What raises it needs no trend.
    expect(find(one(left(5)), new Map())[0]?.message).toBe('/: 5.37 GB of 107 GB available (5%)')
  })

  it('tells once of a file system of another machine, as the same whichever host can be seen', () => {
    const told = (...statuses: readonly HostStatus[]): Finding[] => {
      const hosts = statuses.map((status, at) => host(`${'abc'[at]}`, [filer], { status }))
      return find(buildSnapshot({ hosts, vms: [] }))
    }
    const [all, two] = [told('up', 'up', 'up'), told('silent', 'up', 'up')]
    expect([...all, ...two].map(findingKey)).toEqual(Array(2).fill(all.map(findingKey)[0]))
    expect(inShort(two)).toEqual(['raise critical  filer:/vms'])
    expect(two[0]?.message).toBe('filer:/vms (/vms on b and c): 1.07 GB of 107 GB available (1%)')
    expect(two[0]?.related.map(({ subject }) => subject.name)).toEqual(['a', 'b', 'c'])
    expect(two[0]?.evidence[0]?.entityId).toBe(`${hostIdOf('b')}//vms`)
    expect(told('silent', 'silent')).toEqual([])
  })

  it.each<[string, Parameters<typeof host>]>([
    ['is up', ['b', [filer]]],
    ['is silent', ['b', [filer], { status: 'silent' }]],
    [
      'cannot read it',
      ['b', [], { more: { fileSystems: [], unreadFileSystems: [{ ...filer, reason: 'no answer' }] } }],
    ],
  ])('excepts what is of another machine by one of its hosts, which %s', (_what, hostB) => {
    const hosts = [host('a', [filer]), host(...hostB)]
    const excepted = policyOf('exceptions: [{ host: b, rule: file-system-space, reason: an archive }]')
    const { stands, kept, excepted: found } = fleetFindings(buildSnapshot({ hosts, vms: [] }), excepted)
    expect(found.map(({ key }) => key)).toEqual(['exceptions.0'])
    expect([...stands, ...kept].filter(({ check }) => check === 'file-system-space')).toEqual([])
  })

  it('knows how it fills from any host that has it', () => {
    const filer = root({ mount: '/vms', device: 'filer:/vms', type: 'nfs4', availableBytes: 50 * GiB })
    const snapshot = buildSnapshot({ hosts: [host('a', [filer]), host('b', [filer])], vms: [] })
    const [ofA, ofB] = ['a', 'b'].map((name) => fileSystemId(hostIdOf(name), '/vms'))
    const still = { trends: [], isRecentKnown: false }
    const told = (isRecentKnown: boolean, gibibytesPerDay: number, ofOther?: typeof still): string[] => {
      const ofOne = { trends: [over(7 * day, gibibytesPerDay)], isRecentKnown }
      return inShort(find(snapshot, new Map([...(ofOther ? [[`${ofA}`, ofOther] as const] : []), [`${ofB}`, ofOne]])))
    }
    expect(told(true, 25)).toEqual(['raise warning  filer:/vms'])
    // Whoever saw its last minutes knows best.
    expect(told(true, 25, still)).toEqual(['raise warning  filer:/vms'])
    expect(told(true, 0, still)).toEqual([])
    expect(told(false, 0, still)).toEqual(['keep warning  filer:/vms'])
  })

  it('tells of each local one', () => {
    const hosts = ['a', 'b', 'c'].map((name) => host(name, []))
    const local = hosts.map(({ name }) => host(name, [left(5)]))
    expect(inShort(find(buildSnapshot({ hosts: local, vms: [] })))).toHaveLength(3)
  })

  it('can be excepted and set by the policy, and knows trends from the circumstances', () => {
    const checks = (text: string, snapshot: Snapshot, trends?: SpaceTrends): string[] =>
      fleetFindings(snapshot, policyOf(text), { trends })
        .stands.map(({ check }) => check)
        .filter((check) => check === 'file-system-space')
    expect(checks('', one(left(5)))).toHaveLength(1)
    expect(checks('thresholds: { file-system-space: { share: 4% } }', one(left(5)))).toEqual([])
    expect(checks('exceptions: [{ host: a, rule: file-system-space, reason: an archive }]', one(left(5)))).toEqual([])
    expect(checks('', one(left(50)))).toEqual([])
    expect(checks('', one(left(50)), fills(25))).toHaveLength(1)
  })
})
