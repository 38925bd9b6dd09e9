import { expect, test } from 'vitest'

import { mayHang, mountOf, mountsPaths, parseMounts } from './mounts.js'

test('escapes, options and odd white space', () => {
  const text = String.raw`/dev/sda1 / ext4 rw,relatime 0 0
/dev/sdb1 /srv/my\040disk\134x xfs ro,noatime 0 0
filer:/vms /mnt/vms nfs4 rw,errors=remount-ro 0 0
`
  expect(parseMounts(text)).toEqual([
    { device: '/dev/sda1', path: '/', type: 'ext4', readOnly: false },
    { device: '/dev/sdb1', path: '/srv/my disk\\x', type: 'xfs', readOnly: true },
    { device: 'filer:/vms', path: '/mnt/vms', type: 'nfs4', readOnly: false },
  ])
})

test.each(['/dev/sda1 / ext4\n', 'garbage\n'])('%j is refused', (text) => {
  expect(() => parseMounts(text)).toThrow('/proc/mounts:1: expected device, path, type, options')
})

test('an empty file has no mounts', () => {
  expect(parseMounts('')).toEqual([])
})

const mounts = parseMounts(`/dev/a / ext4 rw 0 0
/dev/b /var/lib ext4 rw 0 0
auto /data autofs rw 0 0
filer:/x /data nfs rw 0 0
`)

test.each([
  ['/', '/dev/a'],
  ['/var/library/x', '/dev/a'],
  ['/var/lib', '/dev/b'],
  ['/var/lib/x.img', '/dev/b'],
  // of two on one path the later hides the earlier
  ['/data/x', 'filer:/x'],
])('%s is on %s', (path, device) => {
  expect(mountOf(path, mounts)?.device).toBe(device)
})

test('no mounts, no answer', () => {
  expect(mountOf('/x', [])).toBeUndefined()
})

test.each([
  ['nfs', true],
  ['nfs4', true],
  ['fuse.sshfs', true],
  ['ext4', false],
  ['fuseblk', false],
])('%s may hang: %s', (type, expected) => {
  expect(mayHang(type)).toBe(expected)
})

test('the mounts of process 1 come first: our own may be read-only for us alone', () => {
  expect(mountsPaths('/host/proc')).toEqual(['/host/proc/1/mounts', '/host/proc/self/mounts', '/host/proc/mounts'])
})
