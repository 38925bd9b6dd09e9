import { expect, test } from 'vitest'

import { diskDefinition, parsePlace, type ToolDisk } from './tool-disk.js'

test.each<[string, string | undefined, string | undefined, string | undefined]>([
  ['phy:/dev/elab/maxwell', 'block', '/dev/elab/maxwell', undefined],
  ['phy:elab/maxwell', 'block', '/dev/elab/maxwell', undefined],
  ['phy:sda3', 'block', '/dev/sda3', undefined],
  // xend takes a file here too, and puts a loop device before it; what dom0 serves counts.
  ['phy:/images/x.img', 'block', '/images/x.img', undefined],
  ['file:/images/x.img', 'file', '/images/x.img', undefined],
  ['file:/dev/sdb', 'block', '/dev/sdb', undefined],
  ['tap:aio:/images/x.img', 'file', '/images/x.img', 'raw'],
  ['tap:qcow:/images/x.qcow', 'file', '/images/x.qcow', 'qcow'],
  ['tap2:vhd:/images/x.vhd', 'file', '/images/x.vhd', 'vhd'],
  ['tap:tapdisk:aio:/dev/vg/lv', 'block', '/dev/vg/lv', 'raw'],
  ['tap:/images/x.img', 'file', '/images/x.img', undefined],
  ['/dev/loop0', 'block', '/dev/loop0', undefined],
  ['/images/a:b.img', 'file', '/images/a:b.img', undefined],
  ['drbd:mail', 'other', 'drbd:mail', undefined],
  ['phy:', undefined, undefined, undefined],
  ['tap:aio:', undefined, undefined, undefined],
  ['', undefined, undefined, undefined],
])('%j lies on %s %s', (place, type, source, format) => {
  expect(parsePlace(place)).toEqual({ source: type === undefined ? undefined : { type, source }, format })
})

const disk: ToolDisk = { device: 'xvda', place: '/dev/x', writable: true, cdrom: false, format: undefined }

test.each<[string, Partial<ToolDisk>, object]>([
  ['a disk', {}, { target: 'xvda', readOnly: false, removable: false, bus: 'xen', format: undefined }],
  ['read only', { writable: false }, { readOnly: true, removable: false }],
  ['the kind after the name', { device: 'xvda:disk' }, { target: 'xvda', removable: false }],
  ['a drive, by xm', { device: 'hdc:cdrom' }, { target: 'hdc', readOnly: true, removable: true, bus: 'ide' }],
  ['a drive, by xl', { device: 'hdc', cdrom: true }, { target: 'hdc', readOnly: true, removable: true, bus: 'ide' }],
  ['an empty drive', { device: 'hdc:cdrom', place: undefined }, { source: undefined }],
  ['emulated', { device: 'ioemu:hda' }, { target: 'hda', bus: 'ide' }],
  ['with its directory', { device: '/dev/sdb' }, { target: 'sdb', bus: 'scsi' }],
  ['the tool knows the format better', { place: 'tap:aio:/x', format: 'qcow2' }, { format: 'qcow2' }],
])('%s', (_, change, expected) => {
  expect(diskDefinition({ ...disk, ...change })).toMatchObject(expected)
})

test.each(['', ':cdrom', '/dev/'])('no disk: %j', (device) => {
  expect(diskDefinition({ ...disk, device })).toBe(undefined)
})
