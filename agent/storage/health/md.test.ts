import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

import { afterEach, describe, expect, it } from 'vitest'

import { createLocalFiles } from '../../host/local-files.js'
import type { MdArrayRaw } from './health-raw.js'
import { mdCollector, parseMdstat } from './md.js'

const MiB = 2 ** 20

/** Hand-written after Documentation/admin-guide/md.rst and drivers/md/md.c (md_seq_show) of the kernel. */
const text = (...arrays: string[]): string =>
  ['Personalities : [raid1] [raid6] [raid5] [raid4]', ...arrays, 'unused devices: <none>', ''].join('\n')

const mirror = `md0 : active raid1 sdb1[1] sda1[0]
      1046528 blocks super 1.2 [2/2] [UU]
      bitmap: 0/1 pages [0KB], 65536KB chunk
`
const whole: MdArrayRaw = {
  device: 'md0',
  level: 'raid1',
  state: 'active',
  devices: 2,
  inSyncDevices: 2,
  members: [
    { device: 'sdb1', state: 'active' },
    { device: 'sda1', state: 'active' },
  ],
  syncPending: false,
  sizeBytes: 1022 * MiB,
}

/** What an array may leave out. */
const unsaid = { devices: undefined, inSyncDevices: undefined }

describe('mdstat', () => {
  it.each<[string, string, readonly object[]]>([
    ['none', text(), []],
    ['a mirror that is whole', text(mirror), [whole]],
    [
      'a member that failed',
      text('md0 : active raid1 sdb1[1](F) sda1[0]\n      1046528 blocks super 1.2 [2/1] [U_]\n'),
      [{ ...whole, inSyncDevices: 1, members: [{ device: 'sdb1', state: 'faulty' }, whole.members[1]] }],
    ],
    [
      'a rebuild',
      text(`md0 : active raid1 sdb1[2] sda1[0]
      1046528 blocks super 1.2 [2/1] [U_]
      [==>..................]  recovery = 12.6% (37043392/292945152) finish=127.5min speed=33440K/sec
`),
      [
        {
          ...whole,
          inSyncDevices: 1,
          syncAction: 'recover',
          syncFraction: 0.126,
          syncBytesPerSecond: 33_440 * 1024,
        },
      ],
    ],
    [
      'two that wait for each other, one of them with a spare',
      text(
        'md1 : active raid5 sdd1[3](S) sdc1[2] sdb1[1] sda1[0]\n      2093056 blocks super 1.2 level 5, 512k chunk, algorithm 2 [3/2] [_UU]\n      \tresync=DELAYED\n',
        'md2 : active (auto-read-only) raid1 sdb2[1] sda2[0]\n      1046528 blocks super 1.2 [2/2] [UU]\n      \tresync=PENDING\n',
      ),
      [
        { device: 'md1', level: 'raid5', devices: 3, inSyncDevices: 2, syncAction: 'resync', syncPending: true },
        { device: 'md2', state: 'auto-read-only', syncAction: 'resync', syncPending: true },
      ],
    ],
    [
      'a stripe has nothing to lose',
      text('md3 : active raid0 sdb3[1] sda3[0]\n      2093056 blocks super 1.2 512k chunks\n'),
      [
        {
          ...whole,
          device: 'md3',
          level: 'raid0',
          sizeBytes: 2044 * MiB,
          members: [
            { device: 'sdb3', state: 'active' },
            { device: 'sda3', state: 'active' },
          ],
          devices: undefined,
          inSyncDevices: undefined,
        },
      ],
    ],
    [
      'not assembled',
      text('md127 : inactive sdc1[0](S)\n      1048512 blocks super 1.2\n'),
      [{ device: 'md127', level: '', state: 'inactive', members: [{ device: 'sdc1', state: 'spare' }] }],
    ],
    [
      "Intel's metadata: the container, and the array in it",
      text(
        'md126 : active raid1 sda[1] sdb[0]\n      20960256 blocks super external:/md127/0 [2/2] [UU]\n',
        'md127 : inactive sdb[1](S) sda[0](S)\n      6306 blocks super external:imsm\n',
      ),
      [
        { device: 'md126', level: 'raid1' },
        { device: 'md127', level: 'container', state: 'inactive' },
      ],
    ],
    [
      'of Linux 2.6.18',
      text('md0 : active raid1 sda1[0] sdb1[1]\n      104320 blocks [2/2] [UU]\n      \n'),
      [{ device: 'md0', devices: 2, inSyncDevices: 2 }],
    ],
  ])('%s', (_what, mdstat, expected) => {
    const arrays = parseMdstat(mdstat)
    expect(arrays).toHaveLength(expected.length)
    for (const [index, one] of expected.entries()) expect({ ...unsaid, ...arrays[index] }).toMatchObject(one)
  })

  it.each([
    ['no array', 'what is this', /mdstat:1: expected name, state/],
    ['a state that is none', 'md0 : gone raid1 sda1[0]', /expected name, state/],
    ['a member that is none', 'md0 : active raid1 sda1[0] sdb1', /expected members/],
  ])('%s is an error, not "no arrays"', (_what, mdstat, message) => {
    expect(() => parseMdstat(mdstat)).toThrow(message)
  })
})

describe('the collector', () => {
  const trees: string[] = []
  afterEach(() => {
    for (const tree of trees.splice(0)) rmSync(tree, { recursive: true })
  })

  async function collected(content: Readonly<Record<string, string>>): Promise<unknown> {
    const root = mkdtempSync(join(tmpdir(), 'headroom-md-'))
    trees.push(root)
    for (const [path, body] of Object.entries(content)) {
      mkdirSync(dirname(join(root, path)), { recursive: true })
      writeFileSync(join(root, path), body)
    }
    const roots = { procRoot: join(root, 'proc'), sysRoot: join(root, 'sys') }
    return mdCollector(roots, createLocalFiles()).collect(new AbortController().signal)
  }

  it('takes from sysfs what mdstat has no word for', async () => {
    const repairing = mirror.replace('[UU]\n', '[UU]\n      [>....]  resync =  5.0% (1/20) finish=1min speed=10K/sec\n')
    const found = await collected({
      'proc/mdstat': text(
        repairing,
        'md3 : active raid0 sdb3[1] sda3[0]\n      2093056 blocks super 1.2 512k chunks\n',
      ),
      'sys/block/md0/md/array_state': 'active\n',
      'sys/block/md0/md/sync_action': 'repair\n',
      'sys/block/md3/md/array_state': 'broken\n',
    })
    expect(found).toMatchObject({ md: [{ syncAction: 'repair', state: 'active' }, { state: 'broken' }] })
  })

  it('says that a kernel has no md; but not if devices of md are there', async () => {
    await expect(collected({ 'sys/block/sda/size': '1\n' })).rejects.toThrow('this kernel has no md')
    await expect(collected({ 'sys/block/md0/size': '1\n' })).rejects.toThrow('an older one')
  })
})
