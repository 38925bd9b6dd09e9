import { afterEach, describe, expect, test } from 'vitest'

import { buildTree, type Tree } from '../../../test/fixtures/proc/build-tree.js'
import { recordedTree } from '../../../test/fixtures/xen/recorded-host.js'
import { createLocalFiles } from '../../host/local-files.js'
import { BackendDevices, parseBackendName, parseCount, parsePhysicalDevice } from './backend-devices.js'

let tree: Tree | undefined
afterEach(() => tree?.remove())

function backendsOf(laid: Tree): BackendDevices {
  tree = laid
  return new BackendDevices(laid.sysRoot, createLocalFiles())
}

describe('recorded', () => {
  test('the disk of a guest', () => {
    const backends = backendsOf(recordedTree())
    const served = backends.list()
    expect([...(served?.keys() ?? [])]).toEqual([1])
    const [disk] = served?.get(1)?.disks ?? []
    if (disk === undefined) throw new Error('no disk')
    expect(backends.figures(disk)).toEqual({
      target: 'xvda',
      readRequests: 122,
      readBytes: 30_488 * 512,
      writeRequests: 64,
      writeBytes: 16_384 * 512,
      flushRequests: 7,
      outOfSlots: 0,
    })
    expect([backends.physicalDevice(disk), backends.readOnly(disk)]).toEqual(['7:0', false])
  })

  test('what dom0 sends to the guest is what the guest receives', () => {
    const backends = backendsOf(recordedTree())
    const [nic] = backends.list()?.get(1)?.nics ?? []
    if (nic === undefined) throw new Error('no interface')
    expect(backends.traffic(nic)).toEqual({
      device: 'vif1.0',
      receiveBytes: 946,
      receivePackets: 11,
      receiveErrors: 0,
      receiveDrops: 0,
      transmitBytes: 0,
      transmitPackets: 0,
      transmitErrors: 0,
      transmitDrops: 0,
    })
  })
})

describe('hand-written', () => {
  const at = 'sys/bus/xen-backend/devices'

  test('a kernel without back ends is none; one with none in use is empty', () => {
    expect(backendsOf(buildTree('sys/bus/')).list()).toBe(undefined)
    tree?.remove()
    expect(backendsOf(buildTree(`${at}/`)).list()?.size).toBe(0)
  })

  test('blktap of Xen 3, without flushes, with counters of 32 bits that went below zero', () => {
    const backends = backendsOf(
      buildTree(`
        ${at}/tap-3-51728/statistics/tap_rd_req = 5
        ${at}/tap-3-51728/statistics/tap_wr_req = 6
        ${at}/tap-3-51728/statistics/tap_oo_req = 9
        ${at}/tap-3-51728/statistics/tap_rd_sect = -1
        ${at}/tap-3-51728/statistics/tap_wr_sect = 8`),
    )
    const [disk] = backends.list()?.get(3)?.disks ?? []
    if (disk === undefined) throw new Error('no disk')
    expect(backends.figures(disk)).toEqual({
      target: 'xvdb',
      readRequests: 5,
      readBytes: (2 ** 32 - 1) * 512,
      writeRequests: 6,
      writeBytes: 8 * 512,
      outOfSlots: 9,
    })
    expect([backends.physicalDevice(disk), backends.readOnly(disk)]).toEqual([undefined, undefined])
    expect(backends.activity(disk)).toBe('-1\n 8\n ')
  })

  test('a disk that is not connected yet has no figures', () => {
    const backends = backendsOf(buildTree(`${at}/vbd-3-51712/state = Initialising`))
    const [disk] = backends.list()?.get(3)?.disks ?? []
    if (disk === undefined) throw new Error('no disk')
    expect([backends.figures(disk), backends.activity(disk)]).toEqual([undefined, undefined])
  })

  test.each([
    ['in a directory', `${at}/vif-4-0/net/web0/\nsys/class/net/web0/statistics/tx_bytes = 7`, 'web0', 7],
    ['by a link', `${at}/vif-4-0/net:web0/\nsys/class/net/web0/statistics/tx_bytes = 7`, 'web0', 7],
    ['nowhere', `${at}/vif-4-0/`, 'vif4.0', undefined],
    [
      'beside an emulated card',
      `${at}/vif-4-0/
       sys/class/net/vif4.0/statistics/tx_bytes = 7
       sys/class/net/vif4.0-emu/statistics/tx_bytes = 30`,
      'vif4.0',
      37,
    ],
  ])('an interface whose name is %s', (_, table, device, receiveBytes) => {
    const backends = backendsOf(buildTree(table))
    const [nic] = backends.list()?.get(4)?.nics ?? []
    if (nic === undefined) throw new Error('no interface')
    expect(backends.traffic(nic)).toEqual(receiveBytes === undefined ? undefined : { device, receiveBytes })
  })
})

test.each([
  ['vbd-1-51712', { domainId: 1, target: 'xvda', name: 'vbd-1-51712' }],
  ['tap-12-768', { domainId: 12, target: 'hda', name: 'tap-12-768' }],
  ['vif-1-2', { domainId: 1, usualDevice: 'vif1.2', name: 'vif-1-2' }],
  ['console-1-0', undefined],
  ['vbd-1-2304', undefined],
  ['vbd-1', undefined],
  ['vbd-123456-51712', undefined],
  ['vbd-1-51712 ', undefined],
])('the name %s', (name, device) => {
  expect(parseBackendName(name)).toEqual(device)
})

test.each([
  ['7:0\n', '7:0'],
  ['fd:3\n', '253:3'],
  ['fd:10\n', '253:16'],
  ['103:a', '259:10'],
  ['0:0', undefined],
  ['', undefined],
  ['x:1', undefined],
  [undefined, undefined],
])('the device %j', (text, number) => {
  expect(parsePhysicalDevice(text)).toBe(number)
})

test.each([
  ['12\n', 12],
  ['0', 0],
  ['-2147483648', 2 ** 31],
  ['-2147483649', undefined],
  ['9007199254740993', undefined],
  ['99999999999999999999', undefined],
  ['1e3', undefined],
  ['', undefined],
])('the count %j', (text, count) => {
  expect(parseCount(text)).toBe(count)
})
