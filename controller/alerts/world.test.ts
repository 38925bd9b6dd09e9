import { expect, test } from 'vitest'

import { buildAgent } from '../../test/support/agent-rows.js'
import { buildSnapshot, known, uuidOf, withVm } from '../../test/support/snapshot-builder.js'
import { finding, fleetSubject, type Evidence, type Finding, type Subject } from '../model/finding.js'
import type { MissingVm } from '../model/recent-changes.js'
import {
  noRequests,
  type Disk,
  type FileSystem,
  type StorageSource,
  type UnreadFileSystem,
  type Vm,
} from '../model/snapshot.js'
import { worldOf, type World } from './world.js'

const snapshot = buildSnapshot({
  agents: [buildAgent({ id: 'here' }), buildAgent({ id: 'away', connected: false })],
  hosts: [
    { name: 'h1', memoryMiB: 8192 },
    { name: 'h2', memoryMiB: 8192, status: 'silent' },
  ],
  vms: [
    {
      name: 'up',
      host: 'h1',
      memoryMiB: 1024,
      more: {
        owner: 'ann',
        group: 'core',
        metrics: {
          cpuCores: known(1),
          readLatencyMs: { absent: noRequests },
          vcpuWaitFraction: { absent: 'no support' },
        },
      },
    },
    { name: 'dark', host: 'h2', memoryMiB: 1024 },
    {
      name: 'off',
      host: 'h1',
      memoryMiB: 1024,
      state: 'shutoff',
      more: { metrics: { cpuCores: { absent: 'it does not run' } } },
    },
    {
      name: 'hung',
      host: 'h1',
      memoryMiB: 1024,
      more: { gaps: [{ vmUuid: uuidOf('hung'), group: 'block', reason: 'timeout', message: '', sinceMs: 0 }] },
    },
  ],
})
const plain = { snapshot, said: (one: Pick<Vm, 'owner' | 'group'>) => one }
const world = worldOf(plain)
const about = (check: string, subject: Subject, part = ''): Finding =>
  finding({ check, severity: 'warning', subject, part, message: '' })
const vm = (name: string): Subject => ({ kind: 'vm', id: uuidOf(name), name })
const hostOf = (name: string): Subject => {
  const host = [...snapshot.hosts.values()].find((one) => one.name === name)
  return { kind: 'host', id: host?.id ?? name, name }
}
const figure = (name: string, field: string): Evidence => ({
  entityKind: 'vm',
  entityId: uuidOf(name),
  field,
  value: 1,
  limit: 1,
})

test.each<[string, Subject, Evidence[], string]>([
  ['a VM on a host that is up', vm('up'), [], 'seen'],
  ['a VM on a silent host', vm('dark'), [], 'unseen'],
  ['a VM that cannot be read', vm('hung'), [], 'unseen'],
  ['a VM that is not there', vm('nobody'), [], 'gone'],
  ['a host that is up', hostOf('h1'), [], 'seen'],
  ['a silent host', hostOf('h2'), [], 'unseen'],
  ['a host that is not there', hostOf('h9'), [], 'gone'],
  ['an array that is not there', { kind: 'array', id: 'iscsi:x', name: 'x' }, [], 'gone'],
  ['an agent that is not there', { kind: 'agent', id: 'g', name: 'g' }, [], 'gone'],
  ['an agent that is connected', { kind: 'agent', id: 'here', name: 'a' }, [], 'seen'],
  ['an agent that is not', { kind: 'agent', id: 'away', name: 'a' }, [], 'unseen'],
  ['the fleet', { kind: 'fleet', id: '', name: '' }, [], 'seen'],
  ['a figure that is measured', vm('up'), [figure('up', 'cpuCores')], 'seen'],
  ['a figure that is not measured any more', vm('up'), [figure('up', 'vcpuWaitFraction')], 'unseen'],
  ['a latency where nothing was asked for', vm('up'), [figure('up', 'readLatencyMs')], 'seen'],
  ['a figure of a VM that is off', vm('off'), [figure('off', 'cpuCores')], 'seen'],
  ['a figure of something unknown', vm('up'), [{ ...figure('up', 'x'), entityKind: 'nic' }], 'seen'],
])('%s', (_name, subject, evidence, expected) => {
  expect(world.sight(finding({ check: 'c', severity: 'warning', subject, message: '', evidence }))).toBe(expected)
})

const noVm: MissingVm = {
  uuid: 'gone',
  name: 'gone',
  owner: 'bob',
  group: 'g',
  service: '',
  hostId: hostOf('h1').id,
  hostName: 'h1',
  ran: true,
  sinceMs: 0,
  end: 'nothing',
  endAtMs: 0,
}

test('knows of a VM that is missing whose it was, and where', () => {
  const gone = noVm
  const remembering = worldOf({ ...plain, missing: new Map([['gone', gone]]) })
  const subject: Subject = { kind: 'vm', id: 'gone', name: 'gone' }
  expect(remembering.facts(subject, [])).toEqual({ host: 'h1', group: 'g', owners: ['bob'] })
  expect(remembering.around(subject)).toEqual([`host:${hostOf('h1').id}`, 'agent:agent-h1'])
  expect(remembering.sight(about('vm-lost', subject))).toBe('gone')
})

test('knows host, group and owners of a VM, and owners and groups of those who cause it, and groups of those who wait', () => {
  expect(world.facts(vm('up'), [])).toEqual({ host: 'h1', group: 'core', owners: ['ann'] })
  expect(world.facts(hostOf('h1'), [{ role: 'culprit', subject: vm('up') }])).toEqual({
    host: 'h1',
    groups: ['core'],
    owners: ['ann'],
  })
  expect(world.facts(hostOf('h1'), [{ role: 'victim', subject: vm('up') }])).toEqual({
    host: 'h1',
    groups: ['core'],
    owners: [],
  })
  expect(world.facts(hostOf('h1'), [{ role: 'partner', subject: vm('up') }])).toEqual({ host: 'h1', owners: [] })
})

test('knows what is inside of what, wherever a VM is by now', () => {
  expect(world.around(vm('up'))[0]).toBe(`host:${hostOf('h1').id}`)
  const moved = worldOf({ ...plain, snapshot: withVm(snapshot, 'up', { hostId: hostOf('h2').id }) })
  expect(moved.around(vm('up'))[0]).toBe(`host:${hostOf('h2').id}`)
  expect(world.around(vm('up'))).toContain(`array:local:${hostOf('h1').id}:0`)
  expect(world.around(vm('nobody'))).toEqual([])
})

test('knows which VM has left an array, and does not where a disk is not known', () => {
  const local = `local:${hostOf('h1').id}:0`
  const [diskId = ''] = snapshot.vms.get(uuidOf('up'))?.diskIds ?? []
  const disk = snapshot.disks.get(diskId)
  if (disk === undefined) throw new Error('no disk')
  const on = (arrayKey: string, more: Partial<Disk> = {}): World =>
    worldOf({
      ...plain,
      boxIdOf: (key) => (key.startsWith('iscsi:') ? 'joined:box' : key),
      snapshot: {
        ...snapshot,
        disks: new Map(snapshot.disks).set(diskId, { ...disk, arrayKey }).set('cd', { ...disk, id: 'cd', ...more }),
        vms: withVm(snapshot, 'up', { diskIds: [diskId, 'cd'] }).vms,
      },
    })
  const uuid = uuidOf('up')
  const cd = { removable: true, arrayKey: '' }
  const asked = [local, 'iscsi:a', 'joined:box']
  const left = (world: World): boolean[] => asked.map((id) => world.hasLeft(uuid, id))
  expect(left(on(local, cd))).toEqual([false, true, true])
  expect(left(on('iscsi:a', cd))).toEqual([true, false, false])
  expect(left(on('iscsi:a', { arrayKey: local }))).toEqual([false, false, false])
  expect(left(on('iscsi:a', { arrayKey: '' }))).toEqual([false, false, false])
  // After a start VMs are not there yet.
  expect(world.hasLeft(uuidOf('nobody'), local)).toBe(false)
  const removed = { uuid: 'gone', end: 'removed' } as const
  const missing = new Map([['gone', { ...noVm, ...removed }]])
  expect(worldOf({ ...plain, missing }).hasLeft('gone', local)).toBe(true)
})

test('a silent host whose agent is back without its hypervisor is silent no more', () => {
  const back = buildSnapshot({ hosts: [{ name: 'h1', memoryMiB: 8192, status: 'unreachable' }], vms: [] })
  const of = (check: string): string => worldOf({ ...plain, snapshot: back }).sight(about(check, hostOf('h1')))
  expect([of('host-silent'), of('into-reserve')]).toEqual(['seen', 'unseen'])
})

test.each([
  ['told', ['read', 'not-here'], 'seen'],
  ['told of one source, but not of the other', ['read', 'failed'], 'unseen'],
  ['never told', undefined, 'unseen'],
] as const)('storage that its host has %s', (_, states, expected) => {
  const [md = 'read', lvm = 'read'] = states ?? []
  const sources: StorageSource[] = [
    { name: 'md', state: md, reason: '', readAt: 1 },
    { name: 'lvm', state: lvm, reason: '', readAt: 1 },
  ]
  const storageHealth = states && { sources, mdArrays: [], raidControllers: [], disks: [], pools: [] }
  const host = snapshot.hosts.get(hostOf('h1').id)
  if (host === undefined) throw new Error('no h1')
  const hosts = new Map(snapshot.hosts).set(host.id, { ...host, storageHealth })
  const sighted = worldOf({ ...plain, snapshot: { ...snapshot, hosts } })
  expect(sighted.sight(about('raid-degraded', hostOf('h1')))).toBe(expected)
  expect(sighted.sight(about('into-reserve', hostOf('h1')))).toBe('seen')
})

const mounted = (mount: string, device: string): FileSystem => {
  return { mount, device, type: 'x', sizeBytes: 1, availableBytes: 1, files: 0, filesFree: 0, readOnly: false }
}
const readOnly = (mount: string): FileSystem => ({ ...mounted(mount, `filer:${mount}`), readOnly: true })
const unread = (mount: string, device: string): UnreadFileSystem => ({ mount, device, type: 'x', reason: 'no answer' })

test.each<[string, 'h1' | 'fleet', string, string]>([
  ['that is read', 'h1', '/', 'seen'],
  ['that does not answer', 'h1', '/hung', 'unseen'],
  ['that is not mounted any more', 'h1', '/gone', 'seen'],
  ['of another machine, read by a host', 'fleet', 'filer:/a', 'seen'],
  ['of another machine, read by one of two', 'fleet', 'filer:/b', 'seen'],
  ['of another machine, whose only host is silent', 'fleet', 'filer:/c', 'unseen'],
  ['of another machine that answers nobody', 'fleet', 'filer:/d', 'unseen'],
  ['of another machine, mounted nowhere', 'fleet', 'filer:/e', 'gone'],
  ['of another machine, read where it is written and elsewhere', 'fleet', 'filer:/f', 'seen'],
  ['of another machine, read only where nothing writes it', 'fleet', 'filer:/g', 'unseen'],
  ['of another machine, mounted only where nothing writes it', 'fleet', 'filer:/h', 'seen'],
])('a file system %s', (_what, of, part, expected) => {
  const spaces = buildSnapshot({
    hosts: [
      {
        name: 'h1',
        memoryMiB: 1,
        more: {
          fileSystems: [
            mounted('/', '/dev/sda1'),
            mounted('/a', 'filer:/a'),
            mounted('/b', 'filer:/b'),
            mounted('/f', 'filer:/f'),
          ],
          unreadFileSystems: [unread('/hung', '/dev/sdb1'), unread('/d', 'filer:/d'), unread('/g', 'filer:/g')],
        },
      },
      {
        name: 'h2',
        memoryMiB: 1,
        status: 'silent',
        more: { fileSystems: [mounted('/b', 'filer:/b'), mounted('/c', 'filer:/c')] },
      },
      { name: 'h3', memoryMiB: 1, more: { fileSystems: ['/f', '/g', '/h'].map(readOnly) } },
    ],
    vms: [],
  })
  const subject = of === 'fleet' ? fleetSubject : hostOf('h1')
  expect(worldOf({ ...plain, snapshot: spaces }).sight(about('file-system-space', subject, part))).toBe(expected)
})

test('what the policy excepts is over whether it can be seen or not', () => {
  const excepting = worldOf({ ...plain, isExcepted: ({ check }) => check === 'no-room' })
  const sights = ['no-room', 'into-reserve'].map((check) => excepting.sight(about(check, hostOf('h2'))))
  expect(sights).toEqual(['excepted', 'unseen'])
})

test('a box that the policy joins is there as long as one of its arrays is, and VMs on it are inside it', () => {
  const arrays = [{ key: 'iscsi:b', name: 'b', kind: 'iscsi' }] as const
  const hosts = [{ name: 'h1', memoryMiB: 1 }]
  const joined = buildSnapshot({ hosts, arrays, vms: [{ name: 'v', host: 'h1', memoryMiB: 1, array: 'iscsi:b' }] })
  const boxIdOf = (key: string): string => (key.startsWith('iscsi:') ? 'joined:box' : key)
  const of = worldOf({ ...plain, snapshot: joined, boxIdOf })
  const box = (id: string): Subject => ({ kind: 'array', id, name: 'box' })
  const sights = ['joined:box', 'joined:other', 'iscsi:b', 'iscsi:a'].map((id) => of.sight(about('c', box(id))))
  expect(sights).toEqual(['seen', 'gone', 'seen', 'gone'])
  expect(of.around(vm('v'))).toEqual(expect.arrayContaining(['array:iscsi:b', 'array:joined:box']))
})
