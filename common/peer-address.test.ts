import { expect, it } from 'vitest'

import { addressOf, isNetwork, sourceOf } from './peer-address.js'

it.each([
  ['192.0.2.7', '192.0.2.7'],
  ['::ffff:192.0.2.7', '192.0.2.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['', ''],
])('limits %j as %j', (address, source) => {
  expect(sourceOf(address)).toBe(source)
})

it.each([
  ['192.0.2.7:8421', '192.0.2.7'],
  ['[2001:db8::1]:8421', '2001:db8::1'],
  ['2001:db8::1:8421', '2001:db8::1'],
  ['unknown', 'unknown'],
])('takes %j for the peer at %j', (peer, address) => {
  expect(addressOf(peer)).toBe(address)
})

it.each<[string, boolean]>([
  ['127.0.0.1', true],
  ['::1', true],
  ['10.0.0.0/8', true],
  ['fd00::/8', true],
  ['10.0.0.0/33', false],
  ['0.0.0.0/0', false],
  ['::/0', false],
  ['10.0.0.0/08', false],
  ['10.0.0.0/255.0.0.0', false],
  ['10.0.0.0/8/8', false],
  ['loopback', false],
  ['proxy.example', false],
  ['*', false],
  ['', false],
])('%j is an address or a network: %s', (text, expected) => {
  expect(isNetwork(text)).toBe(expected)
})
