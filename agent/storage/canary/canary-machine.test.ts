import { expect, it } from 'vitest'

import { createLog } from '../../../common/log.js'
import type { ArrayFacts, ArrayRaw } from '../../hypervisor/hypervisor.js'
import type { MachineFiles } from '../../host/machine-files.js'
import { createLocalFiles } from '../../host/local-files.js'
import type { Machine } from '../../schedule/host-loop.js'
import type { ResolvedArray } from '../disk-source.js'
import { canaryMachine, withCanaries, type CanarySetting } from './canary-machine.js'
import type { CanaryThread } from './canary-thread.js'
import type { WriteEnd } from './canary-beat.js'

const lun: ArrayFacts = { key: 'iscsi:iqn.a', name: 'iqn.a', kind: 'iscsi', devices: ['sdb'] }
const mounts = '/dev/sda1 / ext4 rw 0 0\n/dev/sdb1 /srv/vm ext4 rw 0 0\n'

const plain: Machine = {
  sample: async () => ({ host: {}, collectors: [] }),
  complete: async (facts) => facts,
  capabilities: async () => [
    { name: 'host-cpu', support: 'yes' },
    { name: 'canary', support: 'no', reason: 'none' },
  ],
  arrays: async () => [{ key: lun.key, writeBytes: 5 }],
}

function made(
  setting: CanarySetting,
  found: ResolvedArray | (() => ResolvedArray),
): { machine: Machine; threads: string[]; end: { now: WriteEnd | undefined } } {
  const ground = typeof found === 'function' ? found : () => found
  const threads: string[] = []
  const end: { now: WriteEnd | undefined } = { now: undefined }
  const startThread = (file: string): CanaryThread => {
    threads.push(file)
    return { begin: () => undefined, ended: () => end.now, stop: async () => end.now !== undefined }
  }
  const files: MachineFiles = { ...createLocalFiles(), readFile: async () => Buffer.from(mounts) }
  const log = createLog('test', 'silent')
  const createResolver = () => async () => ground()
  const options = { settings: [setting], createResolver, files, procRoot: '/proc', startThread, log }
  return { machine: canaryMachine(plain, { ...options, monotonicMs: () => 0 }), threads, end }
}

const onLun: ResolvedArray = { key: lun.key, backend: 'file', array: lun }
const unknown: ResolvedArray = { key: 'local:h:unknown', backend: 'file', array: undefined }
const fuse: ResolvedArray = {
  key: 'fuse:nbdfuse',
  backend: 'file',
  array: { key: 'fuse:nbdfuse', name: 'nbdfuse', kind: 'fuse' },
}
const file = '/srv/vm/own/headroom-canary'
const asNamed = { key: lun.key, name: lun.key, kind: 'iscsi' }

const capabilityOf = async (machine: Machine): Promise<unknown> =>
  (await machine.capabilities()).find(({ name }) => name === 'canary')

it.each<[string, CanarySetting, ResolvedArray, readonly ArrayFacts[]]>([
  ['by its key, where it lies there', { on: lun.key, file }, onLun, [lun]],
  ['by its mount', { on: '/srv/vm', file }, onLun, [lun]],
  ['by its mount with a slash', { on: '/srv/vm/', file }, onLun, [lun]],
  ['by its key, where nothing shows what it lies on', { on: lun.key, file }, unknown, [asNamed]],
  ['by its key, behind FUSE', { on: lun.key, file }, fuse, [asNamed]],
])('speaks for its array: %s', async (_what, setting, found, expected) => {
  const { machine, threads } = made(setting, found)
  expect(await machine.ownArrays?.()).toEqual(expected)
  await machine.arrays([])
  expect(threads).toEqual([setting.file])
  expect(await capabilityOf(machine)).toMatchObject({ support: 'degraded' })
})

it.each<[string, CanarySetting, ResolvedArray, RegExp]>([
  ['on another array', { on: 'iscsi:iqn.b', file }, onLun, /expected it on iscsi:iqn.b, it is on iscsi:iqn.a/],
  [
    'on what is not mounted',
    { on: '/srv/other', file: '/srv/other/headroom-canary' },
    onLun,
    /not mounted; it is on \//,
  ],
  ['on a mount that nobody knows', { on: '/srv/vm', file }, unknown, /not known which array \/srv\/vm is/],
])('writes nothing: %s', async (_what, setting, found, reason) => {
  const { machine, threads } = made(setting, found)
  expect(await machine.ownArrays?.()).toEqual([])
  await machine.arrays([])
  expect(threads).toEqual([])
  expect(await capabilityOf(machine)).toMatchObject({ support: 'no', reason: expect.stringMatching(reason) })
  expect((await machine.sample(AbortSignal.timeout(1000))).collectors).toMatchObject([{ success: false }])
})

it('adds what it measured to the counters, says why it failed, and whether it could be ended', async () => {
  const { machine, end } = made({ on: lun.key, file }, onLun)
  await machine.ownArrays?.()
  expect(await machine.arrays([])).toEqual([{ key: lun.key, writeBytes: 5 }])
  end.now = { seconds: 0.5 }
  expect(await machine.arrays([])).toEqual([{ key: lun.key, writeBytes: 5, canarySeconds: 0.5 }])
  end.now = { problem: 'EIO' }
  await machine.arrays([])
  const { collectors } = await machine.sample(AbortSignal.timeout(1000))
  expect(collectors).toMatchObject([{ name: 'canary', success: false, error: `${file}: EIO` }])
  expect(await machine.close?.()).toBe(true)
  end.now = undefined
  expect(await machine.close?.()).toBe(false)
})

it.each<[string, ResolvedArray, number, readonly object[]]>([
  ['on the same array', onLun, 2, [{ writeBytes: 5 }, { canarySeconds: 0.25 }]],
  ['on another one', { ...onLun, key: 'iscsi:iqn.b' }, 1, [{ canarySeconds: 0.25 }, { canarySeconds: 0.25 }]],
  ['on what nothing shows', unknown, 1, [{ canarySeconds: 0.25 }, { canarySeconds: 0.25 }]],
])(
  'a writer that fails has a successor at the next inventory only where it is seen to be: %s',
  async (_what, later, threadsThen, told) => {
    let now = onLun
    const { machine, threads, end } = made({ on: lun.key, file }, () => now)
    await machine.ownArrays?.()
    await machine.arrays([])
    end.now = { problem: 'on another device than before' }
    await machine.arrays([])
    now = later
    await machine.ownArrays?.()
    end.now = { seconds: 0.25 }
    // What the first one had begun is not taken for the second one's.
    const beats = [await machine.arrays([]), await machine.arrays([])]
    expect(beats.flat()).toMatchObject(told)
    expect(beats.flat().map((beat) => 'canarySeconds' in beat)).toEqual(told.map((beat) => 'canarySeconds' in beat))
    expect(threads).toHaveLength(threadsThen)
  },
)

it('an array without counters is told by its canary alone; of two canaries the first speaks', () => {
  const canary = (key: string, canarySeconds: number): ArrayRaw => ({ key, canarySeconds })
  expect(withCanaries([{ key: 'a', readBytes: 1 }], [canary('b', 1), canary('a', 2), canary('a', 3)])).toEqual([
    { key: 'a', readBytes: 1, canarySeconds: 2 },
    { key: 'b', canarySeconds: 1 },
  ])
})
