import { afterEach, expect, test } from 'vitest'

import { buildTree, type Tree } from '../../test/fixtures/proc/build-tree.js'
import { createLocalFiles } from '../host/local-files.js'
import { cleaned, parseUnitSerial, readDiskIdentity } from './disk-identity.js'

let tree: Tree | undefined
afterEach(() => tree?.remove())

test.each([
  [Buffer.from('\x00\x80\x00\x08 WD-1234 ', 'latin1'), 'WD-1234'],
  // the length in the header counts, not the file's
  [Buffer.from('\x00\x80\x00\x02ABCDEF', 'latin1'), 'AB'],
  [Buffer.from('\x00\x80\xff\xffAB', 'latin1'), 'AB'],
  [Buffer.from('\x00\x80\x00\x03\xff\x00\x01', 'latin1'), undefined],
  [Buffer.from('\x00\x83\x00\x02AB', 'latin1'), undefined],
  [Buffer.alloc(0), undefined],
  [undefined, undefined],
])('unit serial %#', (page, expected) => {
  expect(parseUnitSerial(page)).toBe(expected)
})

test.each([
  ['  a\n b\u0000c  ', 'a b c'],
  ['\n', undefined],
  [undefined, undefined],
  ['x'.repeat(500), 'x'.repeat(128)],
])('cleaned %j', (text, expected) => {
  expect(cleaned(text)).toBe(expected)
})

test.each([
  ['virtio', 'sys/d/serial = disk-1', { serial: 'disk-1' }],
  [
    'nvme',
    'sys/d/device/serial = S4EV\n sys/d/wwid = eui.00253\n sys/d/device/model = Samsung SSD',
    { serial: 'S4EV', model: 'Samsung SSD' },
  ],
  [
    'scsi by name',
    'sys/d/device/wwid = naa.5000c500\n sys/d/device/vendor = SEAGATE\n sys/d/device/model = ST4',
    { serial: 'naa.5000c500', model: 'SEAGATE ST4' },
  ],
  ['no identity', 'sys/d/size = 8\n sys/d/queue/rotational = 0', { sizeBytes: 4096, rotational: false }],
  ['odd values', 'sys/d/size = -8\n sys/d/queue/rotational = maybe\n sys/d/device/vendor = 0x1af4', {}],
  ['a size past all', 'sys/d/size = 99999999999999999999', {}],
])('%s', async (_name, table, expected) => {
  tree = buildTree(table)
  expect(await readDiskIdentity(createLocalFiles(), `${tree.sysRoot}/d`)).toEqual({ device: 'd', ...expected })
})
