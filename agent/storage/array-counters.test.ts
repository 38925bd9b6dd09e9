import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { afterEach, expect, test } from 'vitest'

import { buildTree, type Tree } from '../../test/fixtures/proc/build-tree.js'
import { createLocalFiles } from '../host/local-files.js'
import { ArrayCounters } from './array-counters.js'
import { mergeArrays } from './merge-arrays.js'

const files = createLocalFiles()
let tree: Tree | undefined
afterEach(() => tree?.remove())

const none = new ArrayCounters('/nonexistent', files)

const table = String.raw`
  proc/diskstats = 8 0 sda 10 0 2 1000 20 0 4 2000 1 5 6\n8 1 sda1 9 0 1 1 1 0 1 1 0 1 1\n8 16 sdb 1 0 2 500 3 0 6 700 2 5 6\n8 32 sdc 5 0 5 5 5 0 5 5 0 5 5
`

test('sums over the devices of each array, once', async () => {
  tree = buildTree(table)
  const box = { key: 'iscsi:box', name: 'box', kind: 'iscsi' }
  expect(
    await new ArrayCounters(tree.procRoot, files).read([
      { ...box, devices: ['sda'] },
      { ...box, devices: ['sda', 'sdb'] },
      { key: 'local:h:sdc', name: 'sdc', kind: 'local', devices: ['sdc'] },
      { key: 'local:h:gone', name: 'gone', kind: 'local', devices: ['sdz'] },
      { key: 'iscsi:user-space', name: 'x', kind: 'iscsi' },
    ]),
  ).toEqual([
    {
      key: 'iscsi:box',
      runId: 'sda+sdb',
      readRequests: 11,
      readBytes: 4 * 512,
      readSeconds: 1.5,
      writeRequests: 23,
      writeBytes: 10 * 512,
      writeSeconds: 2.7,
      inFlight: 3,
    },
    expect.objectContaining({ key: 'local:h:sdc', readRequests: 5 }),
  ])
})

test('where the milliseconds of a device begin anew their sum is left out once: it compares with none before', async () => {
  tree = buildTree(table)
  const { procRoot } = tree
  const counters = new ArrayCounters(procRoot, files)
  const read = async (ofSda: string): Promise<unknown> => {
    writeFileSync(join(procRoot, 'diskstats'), `8 0 sda ${ofSda}\n8 16 sdb 1 0 2 500000 3 0 6 700 2 5 6\n`)
    const [array] = await counters.read([{ key: 'a', name: 'a', kind: 'iscsi', devices: ['sda', 'sdb'] }])
    return array
  }
  expect(await read(`10 0 2 ${2 ** 32 - 1000} 20 0 4 2000 1 5 6`)).toMatchObject({ readSeconds: 4294966.296 + 500 })
  const wrapped = await read('12 0 2 500 20 0 4 2100 1 5 6')
  expect(wrapped).toMatchObject({ readRequests: 13, writeSeconds: 2.8 })
  expect(wrapped).not.toHaveProperty('readSeconds')
  expect(await read('13 0 2 700 20 0 4 2100 1 5 6')).toMatchObject({ readSeconds: 500.7 })
})

test('no devices: the file is not even read', async () => {
  expect(await none.read([{ key: 'iscsi:x', name: 'x', kind: 'iscsi' }])).toEqual([])
})

test('no file is an error', async () => {
  const arrays = [{ key: 'local:h:a', name: 'a', kind: 'local', devices: ['a'] }]
  await expect(none.read(arrays)).rejects.toThrow('ENOENT')
})

test('arrays of one key become one', () => {
  expect(
    mergeArrays([
      { key: 'a', name: 'first', kind: 'local', devices: ['sdb'] },
      { key: 'b', name: 'b', kind: 'nfs' },
      { key: 'a', name: 'second', kind: 'local', devices: ['sda', 'sdb'], sizeBytes: 5 },
    ]),
  ).toEqual([
    { key: 'a', name: 'first', kind: 'local', devices: ['sda', 'sdb'], sizeBytes: 5 },
    { key: 'b', name: 'b', kind: 'nfs' },
  ])
})
