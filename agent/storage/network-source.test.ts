import { expect, test } from 'vitest'

import type { DiskSource } from './disk-source.js'
import { nfsKey, resolveNetworkSource } from './network-source.js'

const fsid = '0f0e7d3c-5a52-4d5e-9d3b-2b8c4a6f1e10'
const network = (fields: Partial<DiskSource>): DiskSource => ({ type: 'network', source: 'as shown', ...fields })
const resolve = (fields: Partial<DiskSource>, cephFsid?: string) =>
  resolveNetworkSource(network(fields), { hostId: 'h1', cephFsid })

test.each([
  [{ protocol: 'iscsi', name: 'iqn.2011-04.jp.elab:Box/3' }, 'iscsi', 'iscsi:iqn.2011-04.jp.elab:box', '3'],
  [{ protocol: 'iscsi', name: 'iqn.2011-04.jp.elab:box' }, 'iscsi', 'iscsi:iqn.2011-04.jp.elab:box', '0'],
  [{ protocol: 'rbd', name: 'vms/bell', host: 'Mon1' }, 'rbd', 'rbd:mon1/vms', 'bell'],
  [{ protocol: 'rbd', name: 'vms/ns/bell' }, 'rbd', 'rbd:h1/vms', 'ns/bell'],
  [{ protocol: 'nbd', host: 'store', port: 10810, name: 'bell' }, 'nbd', 'nbd:store:10810', 'bell'],
  [{ protocol: 'nbd', host: 'fe80::1' }, 'nbd', 'nbd:[fe80::1]:10809', undefined],
  [{ protocol: 'nbd', source: '/run/nbd.sock' }, 'nbd', 'nbd:h1:/run/nbd.sock', undefined],
  [{ protocol: 'nfs', host: 'filer', name: '/vms/bell.img' }, 'nfs', 'nfs:filer:/vms', '/vms/bell.img'],
  [{ protocol: 'gluster', host: 'g1', name: 'vol/bell.img' }, 'other', 'gluster:g1/vol', 'bell.img'],
  [{}, 'other', 'network:h1/as shown', undefined],
])('%j', (fields, backend, key, unit) => {
  const found = resolve(fields)
  expect([found.backend, found.key, found.unit]).toEqual([backend, key, unit])
  expect(found.array?.key).toBe(key)
  expect(found.array?.devices).toBeUndefined()
})

test('a cluster is known by its id, whichever monitor is named', () => {
  expect(resolve({ protocol: 'rbd', name: 'vms/bell', host: 'mon2' }, fsid).key).toBe(`rbd:${fsid}/vms`)
})

test('control characters and great lengths do not get into keys', () => {
  const { key } = resolve({ protocol: 'iscsi', name: `iqn\n.x\u0000${'y'.repeat(1000)}/1` })
  expect(key).toMatch(/^iscsi:[ -~]{1,128}$/)
})

test('addresses of version 6 keep their brackets once', () => {
  expect(nfsKey('FE80::1', '/x')).toBe('nfs:[fe80::1]:/x')
  expect(nfsKey('[fe80::1]', '/x')).toBe('nfs:[fe80::1]:/x')
})
