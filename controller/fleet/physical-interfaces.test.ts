import { expect, test } from 'vitest'

import { physicalInterfaces } from './physical-interfaces.js'

test.each<[string, readonly string[], readonly string[]]>([
  ['cards and a bridge', ['eth0', 'enp3s0f1', 'br0', 'virbr0', 'vmbr0'], ['eth0', 'enp3s0f1']],
  ['a bond of two', ['eth0', 'eth1', 'bond0', 'bond0.7', 'team0'], ['eth0', 'eth1']],
  ['Xen 3.4: the bridge has the name of the card', ['peth0', 'eth0', 'vif1.0', 'eth1'], ['peth0', 'eth1']],
  ['Xen 3.1: dom0 has an end of a pair', ['peth0', 'eth0', 'xenbr0', 'vif0.0', 'veth1'], ['peth0']],
  ['VLANs', ['eth0', 'eth0.12', 'peth1', 'eth1', 'eth1.3', 'peth1.3', 'vlan9'], ['eth0', 'peth1']],
  ['a VLAN whose card is not told of', ['eth2.5'], ['eth2.5']],
  ['an alias', ['eth0', 'eth0:1'], ['eth0']],
  ['none', [], []],
])('%s', (_, devices, expected) => {
  expect([...physicalInterfaces(devices)]).toEqual(expected)
})
