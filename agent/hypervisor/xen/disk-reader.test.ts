import { writeFileSync } from 'node:fs'
import path from 'node:path'

import { afterEach, expect, test } from 'vitest'

import { buildTree, type Tree } from '../../../test/fixtures/proc/build-tree.js'
import { recorded } from '../../../test/fixtures/xen/recorded-host.js'
import { createLocalFiles } from '../../host/local-files.js'
import { BackendDevices } from './backend-devices.js'
import { deviceTimes } from './device-times.js'
import { DiskReader } from './disk-reader.js'

let tree: Tree | undefined
afterEach(() => tree?.remove())

const at = 'bus/xen-backend/devices/vbd-3-51712'

/** A VM's disk on 253:3, which dom0 used before the VM was there. */
function world() {
  tree = buildTree(`
    proc/diskstats = ${diskstats(1000, 5000, 400, 8000)}
    sys/${at}/physical_device = fd:3
    ${['rd_req', 'wr_req', 'f_req', 'oo_req', 'rd_sect', 'wr_sect'].map((name) => `sys/${at}/statistics/${name} = 10`).join('\n')}`)
  const { sysRoot, procRoot } = tree
  const backends = new BackendDevices(sysRoot, createLocalFiles())
  const disks = new DiskReader(backends, procRoot, createLocalFiles())
  const served = () => backends.list()?.get(3) ?? { disks: [], nics: [] }
  return {
    disks,
    hasMoved: () => disks.hasMoved(3, served()),
    read: () => disks.read(3, served(), disks.deviceTable())[0],
    set: (name: string, text: string) => writeFileSync(path.join(sysRoot, at, name), text),
    setDiskstats: (text: string) => writeFileSync(path.join(procRoot, 'diskstats'), text),
  }
}

function diskstats(reads: number, readMs: number, writes: number, writeMs: number): string {
  return `253 3 dm-3 ${reads} 0 99 ${readMs} ${writes} 0 77 ${writeMs} 0 0 0`
}

test('times of the device count from the moment the run is first seen', () => {
  const { read, setDiskstats } = world()
  expect(read()).toMatchObject({ readRequests: 10, deviceReadRequests: 0, deviceReadSeconds: 0 })
  setDiskstats(diskstats(1004, 5020, 410, 8500))
  expect(read()).toMatchObject({
    deviceReadRequests: 4,
    deviceReadSeconds: expect.closeTo(0.02),
    deviceWriteRequests: 10,
    deviceWriteSeconds: 0.5,
  })
})

test('a device made anew counts from 0, another one from when it is first seen', () => {
  const { read, set, setDiskstats } = world()
  read()
  setDiskstats(diskstats(3, 6, 0, 0))
  expect(read()).toMatchObject({ deviceReadRequests: 3, deviceReadSeconds: 0.006 })
  setDiskstats(diskstats(2000, 7, 500, 0))
  expect(read()).toMatchObject({ deviceReadRequests: 2000 })
  setDiskstats(diskstats(3, 6, 0, 0).replace('253 3', '253 10'))
  expect(read()).not.toHaveProperty('deviceReadRequests')
  set('physical_device', 'fd:a')
  expect(read()).toMatchObject({ deviceReadRequests: 0 })
})

test('times go on where the kernel counts their milliseconds in 32 bits', () => {
  const { read, setDiskstats } = world()
  const most = 2 ** 32
  setDiskstats(diskstats(1000, most - 2000, 400, 8000))
  read()
  setDiskstats(diskstats(1100, most - 500, 400, 8000))
  expect(read()).toMatchObject({ deviceReadRequests: 100, deviceReadSeconds: expect.closeTo(1.5) })
  setDiskstats(diskstats(1200, 700, 410, 8100))
  expect(read()).toMatchObject({ deviceReadSeconds: expect.closeTo(2.7), deviceWriteSeconds: expect.closeTo(0.1) })
  setDiskstats(diskstats(1300, 900, 410, 8100))
  expect(read()).toMatchObject({ deviceReadRequests: 300, deviceReadSeconds: expect.closeTo(2.9) })
})

test.each([
  ['rd_sect', true],
  ['wr_sect', true],
  ['f_req', true],
  ['oo_req', false],
])('%s moves: %s', (name, expected) => {
  const { hasMoved, read, set } = world()
  expect(hasMoved()).toBe(true)
  read()
  expect(hasMoved()).toBe(false)
  set(`statistics/${name}`, '11')
  expect(hasMoved()).toBe(expected)
  read()
  expect(hasMoved()).toBe(false)
})

test('a disk that came or went is a move; a VM that is forgotten is new', () => {
  const { disks, hasMoved, read } = world()
  read()
  expect(disks.hasMoved(3, { disks: [], nics: [] })).toBe(true)
  disks.keepOnly(new Set())
  expect(hasMoved()).toBe(true)
  expect(disks.hasMoved(4, { disks: [], nics: [] })).toBe(false)
})

test('recorded: all devices of dom0 by number', () => {
  const times = deviceTimes(recorded('dom0-proc-diskstats.txt'))
  expect(times.size).toBe(11)
  expect(times.get('7:0')).toEqual({
    deviceReadRequests: 224,
    deviceReadSeconds: 4.169,
    deviceWriteRequests: 126,
    deviceWriteSeconds: 3.194,
  })
})

test('partitions of old kernels have no times; half a line is an error', () => {
  expect(deviceTimes('8 1 sda1 10 20 30 40\n8 0 sda 1 0 2 3 4 0 5 6 0 7 8').size).toBe(1)
  expect(() => deviceTimes('8 0 sda 1 0 2 3 4')).toThrow('at least 11 columns')
})
