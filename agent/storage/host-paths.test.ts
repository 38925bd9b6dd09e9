import { afterEach, expect, test } from 'vitest'

import { buildTree, type Tree } from '../../test/fixtures/proc/build-tree.js'
import { createLocalFiles, numberOf } from '../host/local-files.js'
import { followLinks, seenAt } from './host-paths.js'

const files = createLocalFiles()
let tree: Tree | undefined
afterEach(() => tree?.remove())

test.each([
  ['/dev/sda', '/', '/host/dev', '/host/dev/sda'],
  ['/devices/x', '/', '/host/dev', '/devices/x'],
  ['/srv/x', '/host', '/dev', '/host/srv/x'],
  ['/srv/x', '/host/', '/dev', '/host/srv/x'],
])('%s', (path, rootFs, devRoot, expected) => {
  expect(seenAt(path, { rootFs, devRoot })).toBe(expected)
})

test.each([
  ['a plain path', '/srv/x.img', '/srv/x.img'],
  ['not there', '/nothing/at/all', '/nothing/at/all'],
  ['an absolute link stays below the root', '/images/x.img', '/srv/vms/x.img'],
  ['a relative link', '/srv/rel/x.img', '/srv/vms/x.img'],
  ['out of the root file system into /dev', '/disks/bell', '/dev/dm-0'],
  ['within /dev', '/dev/mapper/vg-bell', '/dev/dm-0'],
  ['dots', '/srv/./vms/../vms/x.img', '/srv/vms/x.img'],
  ['above the root is the root', '/../../srv/x.img', '/srv/x.img'],
])('%s', async (_name, path, expected) => {
  tree = buildTree(`
    root/images -> /srv/vms
    root/srv/rel -> ../srv/vms
    root/srv/vms/x.img = x
    root/disks/bell -> /dev/mapper/vg-bell
    dev/mapper/vg-bell -> ../dm-0
    dev/dm-0 = x
  `)
  expect(await followLinks(path, { ...tree, files }, () => false)).toBe(expected)
})

test('what may hang is not touched', async () => {
  tree = buildTree('root/mnt/link -> /elsewhere')
  expect(await followLinks('/mnt/link/x', { ...tree, files }, (path) => path.startsWith('/mnt/'))).toBe('/mnt/link/x')
})

test('a circle of links ends', async () => {
  tree = buildTree('root/a -> /b\nroot/b -> /a')
  await expect(followLinks('/a/x', { ...tree, files }, () => false)).rejects.toThrow(
    '/a/x: more than 40 symbolic links',
  )
})

test.each([
  [0x0801n, '8:1'],
  [0xfe00n, '254:0'],
  // 20 bits of minor number: 253:300
  [0x10fd2cn, '253:300'],
])('device %s', (device, expected) => {
  expect(numberOf(device)).toBe(expected)
})
