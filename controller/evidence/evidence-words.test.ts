import { expect, it } from 'vitest'

import { entityName, fieldWords } from './evidence-words.js'

const names: Readonly<Record<string, string>> = { 'vm u1': 'panda', 'host h1': 'xenhv01', 'array iscsi:box': 'iscsi1' }

it.each([
  ['vm:u1', 'panda'],
  ['vm:u2', 'u2'],
  ['array:iscsi:box', 'iscsi1'],
  ['array:nfs:filer:/vms', 'nfs:filer:/vms'],
  ['array_cache:iscsi:box', 'iscsi1'],
  ['disk:u1/vda', 'vda of panda'],
  ['disk:u2/vda', 'u2/vda'],
  ['file_system:h1//srv/vms', '/srv/vms of xenhv01'],
  ['storage:h1/disk/sda', 'disk/sda of xenhv01'],
  ['nothing', 'nothing'],
])('%s is %s', (entity, name) => {
  expect(entityName(entity, (kind, id) => names[`${kind} ${id}`])).toBe(name)
})

it.each([
  ['vm:u', 'writeBytesPerSecond', { name: 'bytes written', unit: 'bytes/s' }],
  ['vm:u', 'memoryBytes', { name: 'memory it has now (balloon)', unit: 'memory' }],
  ['array:iscsi:x', 'writeLatencyMs', { name: 'mean time of a write request', unit: 'ms' }],
  ['host:h', 'uptimeSeconds', { name: 'time since boot', unit: 'count' }],
  ['file_system:h//', 'availableBytes', { name: 'available to unprivileged users', unit: 'bytes' }],
  ['vm:u', 'constructor', undefined],
  ['constructor:u', 'writeLatencyMs', undefined],
  ['', 'writeLatencyMs', undefined],
])('%s %s', (entity, field, words) => {
  expect(fieldWords(entity, field)).toEqual(words)
})
