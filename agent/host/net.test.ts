import { expect, test } from 'vitest'

import { isHostNetwork, parseNetDev } from './net.js'

const headings = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
`
const all = () => true

test('every column in its place; no space after the colon on old kernels', () => {
  const text = `${headings}  eth0: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\nxenbr0:629670095 16207 0 0 0 0 0 0 1157500 9109 0 0 0 0 0 0\n`
  expect(parseNetDev(text, all)).toEqual([
    {
      device: 'eth0',
      receiveBytes: 1,
      receivePackets: 2,
      receiveErrors: 3,
      receiveDrops: 4,
      transmitBytes: 9,
      transmitPackets: 10,
      transmitErrors: 11,
      transmitDrops: 12,
    },
    expect.objectContaining({ device: 'xenbr0', receiveBytes: 629670095, transmitPackets: 9109 }),
  ])
})

test('an alias keeps its colon', () => {
  expect(parseNetDev(`${headings}eth0:1: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16`, all)[0]?.device).toBe('eth0:1')
})

test('only headings: no devices', () => {
  expect(parseNetDev(headings, all)).toEqual([])
})

test.each([
  ['', '/proc/net/dev:1: expected two lines of headings'],
  [`${headings}eth0 1 2 3\n`, '/proc/net/dev:3: expected a device, a colon and counts'],
  [`${headings}eth0: 1 2 3\n`, '/proc/net/dev:3: expected a count in column 4, got ""'],
  [`${headings}eth0: 1 2 3 4 5 6 7 8 9 10 -11 12\n`, 'expected a count in column 11, got "-11"'],
  [`${headings}eth0: 18446744073709551615 2 3 4 5 6 7 8 9 10 11 12\n`, 'expected a count in column 1'],
])('%j is refused', (text, message) => {
  expect(() => parseNetDev(text, all)).toThrow(message)
})

test.each(['eth0', 'enp3s0f1', 'bond0', 'br0', 'xenbr0', 'peth0', 'virbr0', 'vlan12', 'eth0.12', 'vmbr0', 'team0'])(
  '%s belongs to the host',
  (device) => {
    expect(isHostNetwork(device)).toBe(true)
  },
)

test.each(['lo', 'vnet3', 'vif7.0', 'vif7.0-emu', 'tap12i0', 'tap7.0', 'macvtap0', 'veth3f2a', 'fwbr100i0', 'ifb0'])(
  '%s does not',
  (device) => {
    expect(isHostNetwork(device)).toBe(false)
  },
)
