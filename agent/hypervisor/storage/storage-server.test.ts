import { expect, test } from 'vitest'

import { capabilityNames } from '../../../common/capabilities.js'
import { openStorageServer } from './storage-server.js'

const texts: Readonly<Record<string, string>> = {
  '/proc/sys/kernel/random/boot_id': '0D9C8A3E-3f0e-4d9a-8d5a-000000000001\n',
  '/proc/sys/kernel/osrelease': '6.1.0-28-amd64\n',
  '/proc/meminfo': 'MemTotal:        4096 kB\nMemFree:         1024 kB\n',
}
const opened = (hostId?: string, procRoot = '/proc') =>
  openStorageServer({
    files: { read: (path) => texts[path] ?? '', readIfThere: (path) => texts[path] },
    procRoot,
    hostName: 'array1',
    newHostId: () => 'new',
    ...(hostId === undefined ? {} : { hostId }),
  })
const { signal } = new AbortController()

test('it is a host without VMs, which keeps its id', async () => {
  const server = opened()
  const bootId = '0d9c8a3e-3f0e-4d9a-8d5a-000000000001'
  expect(server.identity).toEqual({ hostId: 'new', name: 'array1', kind: 'storage', bootId, simulated: false })
  expect(opened('kept').identity.hostId).toBe('kept')
  expect(await server.inventory(signal)).toEqual({
    host: { name: 'array1', hypervisorVersion: '', memoryBytes: 4 * 2 ** 20, kernel: '6.1.0-28-amd64' },
    vms: [],
    arrays: [],
  })
  expect(await server.sample(new Set(['state', 'block']), {}, signal)).toEqual({ vms: [], gaps: [] })
  const capabilities = await server.probe(signal)
  expect(capabilities.map(({ name }) => name)).toEqual([...capabilityNames])
  expect(new Set(capabilities.map(({ support, reason }) => `${support}: ${reason}`))).toEqual(
    new Set(['no: a storage server has no VMs']),
  )
})

test('nothing happens to it, until all ends', async () => {
  const end = new AbortController()
  const events = opened().events(end.signal)[Symbol.asyncIterator]().next()
  end.abort()
  expect(await events).toEqual({ done: true, value: undefined })
})

test('a /proc that does not say when the machine booted is none', () => {
  expect(() => opened('kept', '/elsewhere')).toThrow('/elsewhere/sys/kernel/random/boot_id: expected a UUID')
})
