import { rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'

import { afterEach, describe, expect, test, vi } from 'vitest'

import { createLog } from '../../../common/log.js'
import { buildTree, type Tree } from '../../../test/fixtures/proc/build-tree.js'
import { boxIqn, elabTree, elabTreeOfCentos5 } from '../../../test/fixtures/xen/elab-trees.js'
import { FakeTools, toolRow } from '../../../test/fixtures/xen/fake-tools.js'
import { pv1, recorded, recordedTree } from '../../../test/fixtures/xen/recorded-host.js'
import { createLocalFiles } from '../../host/local-files.js'
import { HostLoop } from '../../schedule/host-loop.js'
import { createArrayResolver } from '../../storage/array-resolver.js'
import {
  HypervisorDenied,
  HypervisorUnavailable,
  type HypervisorEvent,
  type Sample,
  type SampleGroup,
  type SampleOptions,
} from '../hypervisor.js'
import { openXen, type XenHypervisor } from './driver.js'
import { XenToolError } from './xen-tools.js'

const stops: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})

const { signal } = new AbortController()
const mebibyte = 2 ** 20
const stateGroups: readonly SampleGroup[] = ['state', 'cpu', 'mem-size', 'mem-rss', 'block', 'nic', 'host']
const uuidOf = (id: number): string => `00000000-0000-4000-8000-0000000000${String(id).padStart(2, '0')}`

interface World {
  readonly tools: FakeTools
  readonly tree: Tree
  readonly hypervisor: XenHypervisor
  /** All that were told so far. */
  readonly told: HypervisorEvent[]
  clock: number
  readonly read: (groups?: readonly SampleGroup[], options?: SampleOptions) => Promise<Sample>
}

async function worldOf(tools: FakeTools, tree: Tree): Promise<World> {
  stops.push(() => tree.remove())
  const world = { clock: 1000 }
  const log = createLog('test', 'silent')
  const hypervisor = await openXen({
    management: { kind: 'tools', output: tools },
    ...tree,
    hostName: 'xenhv01',
    hostId: 'h1',
    newHostId: () => 'unused',
    log,
    now: () => world.clock,
    createResolver: (hostId) => createArrayResolver({ now: Date.now, files: createLocalFiles(), ...tree, hostId, log }),
  })
  stops.push(() => hypervisor.close())
  const told: HypervisorEvent[] = []
  void (async () => {
    for await (const event of hypervisor.events(signal)) told.push(event)
  })()
  tools.calls()
  return Object.assign(world, {
    tools,
    tree,
    hypervisor,
    told,
    read: (groups: readonly SampleGroup[] = stateGroups, options: SampleOptions = {}) =>
      hypervisor.sample(new Set(groups), options, signal),
  })
}

/** The elab's host with Xen 3.4: no libvirt, and a kernel that tells little. */
const elab = (): Promise<World> => worldOf(new FakeTools('xm'), buildTree(elabTreeOfCentos5()))

describe('the host with Xen 3.4 and nine VMs', () => {
  test('one list, and all VMs with state, CPU time, memory, disks and interfaces', async () => {
    const { read, tools } = await elab()
    const { vms, gaps } = await read()
    expect(gaps).toEqual([])
    const rows = vms.map((vm) => [
      vm.uuid.slice(-2),
      vm.state,
      vm.runId,
      vm.cpuSeconds,
      vm.vcpus,
      vm.memoryBytes === undefined ? undefined : vm.memoryBytes / mebibyte,
      vm.memoryMaxBytes === undefined ? undefined : vm.memoryMaxBytes / mebibyte,
      vm.disks?.map(({ target, writeBytes }) => `${target} ${writeBytes}`).join(),
      vm.nics?.map(({ device, receiveBytes }) => `${device} ${receiveBytes}`).join(),
    ])
    expect(rows).toEqual([
      ['07', 'running', '7-', 90_210.3, 1, 1024, 1024, 'xvda 35840', undefined],
      ['08', 'running', '8-', 1200, 1, 1024, 1024, 'xvda 40960', undefined],
      ['10', 'running', '10-', 777.7, 1, 1024, 1024, 'xvda 51200', undefined],
      ['11', 'paused', '11-', 3.1, 1, 1024, 1024, 'hda 56320', undefined],
      ['05', 'running', '5-', 40_123.9, 1, 512, 1024, 'xvda 25600', 'vif5.0 50'],
      ['20', 'shutoff', '', undefined, undefined, undefined, undefined, undefined, undefined],
      ['12', 'running', '12-', 55.5, 1, 512, 512, 'xvda 61440', 'vif12.0 120,vif12.1 121'],
      ['09', 'running', '9-', 123_456.7, 2, 2048, 2048, 'xvda 46080', undefined],
      ['06', 'running', '6-', 6006, 1, 1024, 1024, 'xvda 30720', 'vif6.0 60'],
    ])
    expect(vms.map(({ stateReason }) => stateReason)).toEqual(Array.from({ length: 9 }, () => 'unknown'))
    expect(tools.calls()).toEqual({ list: 1, 'list-long': 0, info: 1 })
  })

  test('the machine: what the hypervisor manages, and all CPU time, dom0 and VMs', async () => {
    const { host } = await (await elab()).read()
    const guests = 90_210.3 + 1200 + 777.7 + 3.1 + 40_123.9 + 55.5 + 123_456.7 + 6006
    expect(host).toEqual({
      memoryBytes: 12_278 * mebibyte,
      memoryFreeBytes: 1460 * mebibyte,
      memoryAvailableBytes: 1460 * mebibyte,
      cpuThreads: 4,
      cpuSystemSeconds: 51_234.5,
      cpuUserSeconds: expect.closeTo(guests, 6),
      cpuGuestSeconds: expect.closeTo(guests, 6),
    })
  })

  const box = `iscsi:${boxIqn}`
  test.each<[string, string, readonly unknown[][]]>([
    [
      'Linux 2.6.18',
      elabTreeOfCentos5(),
      [
        ['bell', 'xvda', 'local:h1:sdd', 'block', undefined],
        ['kohaku', 'xvda', 'local:h1:sdd', 'file', '/images/kohaku.img'],
        ['lupin', 'xvda', 'local:h1:sdd', 'file', '/images/lupin.img'],
        ['mail 2', 'hda', 'local:h1:sdd', 'file', '/images/mail2.img'],
        ['mail 2', 'hdc', '', 'other', undefined],
        ['maxwell', 'xvda', box, 'iscsi', '1'],
        ['motty', 'xvda', 'local:h1:sdd', 'file', '/images/motty.img'],
        ['ns', 'xvda', box, 'iscsi', '1'],
        ['panda', 'xvda', 'local:h1:sda', 'block', undefined],
        ['tesla', 'xvda', box, 'iscsi', undefined],
      ],
    ],
    [
      'Linux 6.1',
      elabTree(),
      [
        ['bell', 'xvda', 'local:h1:serial-sdd', 'lvm', 'local/bell'],
        ['kohaku', 'xvda', 'local:h1:serial-sdd', 'file', '/images/kohaku.img'],
        ['lupin', 'xvda', 'local:h1:serial-sdd', 'file', '/images/lupin.img'],
        ['mail 2', 'hda', 'local:h1:serial-sdd', 'file', '/images/mail2.img'],
        ['mail 2', 'hdc', '', 'other', undefined],
        ['maxwell', 'xvda', box, 'iscsi', 'elab/maxwell'],
        ['motty', 'xvda', 'local:h1:serial-sdd', 'file', '/images/motty.img'],
        ['ns', 'xvda', box, 'iscsi', 'elab/ns'],
        ['panda', 'xvda', 'local:h1:serial-sda', 'block', undefined],
        ['tesla', 'xvda', box, 'iscsi', 'elab/tesla'],
      ],
    ],
  ])('the right array for each disk: %s', async (_, table, expected) => {
    const { hypervisor } = await worldOf(new FakeTools('xm'), buildTree(table))
    const { vms, arrays } = await hypervisor.inventory(signal)
    const disks = vms.flatMap((vm) => vm.disks.map((disk) => [vm.name, disk] as const))
    const found = disks.map(([name, disk]) => [name, disk.target, disk.arrayKey, disk.backend, disk.unit])
    expect(found.toSorted((one, other) => String(one).localeCompare(String(other)))).toEqual(expected)
    expect(arrays.find(({ key }) => key === box)).toMatchObject({ devices: ['sdb', 'sdc'] })
  })

  test('the inventory: the host, sizes and interfaces', async () => {
    const { hypervisor, tools } = await elab()
    const { host, vms } = await hypervisor.inventory(signal)
    expect(host).toEqual({
      name: 'xenhv01',
      hypervisorVersion: 'Xen 3.4.3',
      cpuCores: 4,
      cpuThreads: 4,
      cpuMhz: 2393,
      numaNodes: 1,
      memoryBytes: 12_278 * mebibyte,
    })
    const named = (name: string): unknown => vms.find((vm) => vm.name === name)
    expect(named('panda')).toMatchObject({ uuid: uuidOf(9), vcpus: 2, memoryMaxBytes: 2 ** 31, osType: 'linux' })
    expect(named('panda')).not.toHaveProperty('autostart')
    // xm does not number interfaces: the devices of dom0 do, as long as there is one for each.
    expect(named('ns')).toMatchObject({ nics: [{ device: 'vif12.0' }, { device: 'vif12.1' }] })
    expect(named('mail 2')).toMatchObject({ nics: [{ device: 'mail2.0' }] })
    expect(named('motty')).toMatchObject({ nics: [{ device: '' }] })
    expect(tools.calls()).toEqual({ list: 0, 'list-long': 1, info: 1 })
  })

  test('an interface that dom0 does not serve: which of the others is which is unknown', async () => {
    const { hypervisor, tree } = await elab()
    rmSync(path.join(tree.sysRoot, 'bus/xen-backend/devices/vif-12-0'), { recursive: true })
    const { vms } = await hypervisor.inventory(signal)
    expect(vms.find(({ name }) => name === 'ns')).toMatchObject({ nics: [{ device: '' }, { device: '' }] })
  })

  test('what can be measured, and how well', async () => {
    const { hypervisor } = await elab()
    const [, capabilities] = await Promise.all([hypervisor.inventory(signal), hypervisor.probe(signal)])
    const told = Object.fromEntries(capabilities.map(({ name, support }) => [name, support]))
    expect(told).toMatchObject({
      events: 'degraded',
      cpu: 'degraded',
      'memory-size': 'degraded',
      'host-memory': 'degraded',
      'host-cpu': 'degraded',
      'vcpu-wait': 'no',
      'disk-bytes': 'yes',
      'disk-flush': 'no',
    })
    for (const { support, reason } of capabilities) expect(support === 'yes').toBe(reason === undefined)
    expect(capabilities.find(({ name }) => name === 'events')?.reason).toMatch(/two lists differ/)
  })

  test('capabilities and inventory together: one long list, one look at the host', async () => {
    const { hypervisor, tools } = await elab()
    await Promise.all([hypervisor.inventory(signal), hypervisor.probe(signal)])
    expect(tools.calls()).toEqual({ list: 1, 'list-long': 1, info: 1 })
  })
})

test('recorded: the guest of Xen 4.17 with all its figures', async () => {
  const { read, hypervisor } = await worldOf(new FakeTools('xl'), recordedTree())
  const { vms, host, gaps } = await read()
  expect(gaps).toEqual([])
  expect(vms).toMatchObject([
    {
      uuid: pv1,
      runId: '1-5b3f2a10',
      state: 'running',
      cpuSeconds: 17.2,
      vcpus: 1,
      memoryMaxBytes: 128 * mebibyte,
      memoryBytes: 128 * mebibyte,
      disks: [{ target: 'xvda', readRequests: 122, writeBytes: 8_388_608 }],
      nics: [{ device: 'vif1.0', receiveBytes: 946 }],
    },
  ])
  expect(host).toMatchObject({ cpuSystemSeconds: 77.2, cpuUserSeconds: 17.2, memoryFreeBytes: 242 * mebibyte })
  const inventory = await hypervisor.inventory(signal)
  expect(inventory.host.hypervisorVersion).toBe('Xen 4.17.7')
  expect(inventory.vms).toMatchObject([
    {
      name: 'pv1',
      disks: [{ target: 'xvda', source: '/dev/loop0', backend: 'file', unit: '/tmp/d.img', readOnly: false }],
      nics: [{ device: 'vif1.0', mac: '00:16:3e:00:00:01', network: 'xenbr0' }],
    },
  ])
})

describe('what a pass costs', () => {
  test('the short list; what is free only while memory changes; the fast lane nothing', async () => {
    const world = await elab()
    const { read, tools, tree } = world
    const pass = async (): Promise<unknown> => {
      await read()
      world.clock += 10_000
      return tools.calls()
    }
    // The first looks once more: what the start saw may not have been settled.
    expect(await pass()).toEqual({ list: 1, 'list-long': 0, info: 1 })
    expect(await pass()).toEqual({ list: 1, 'list-long': 0, info: 0 })
    expect(await pass()).toEqual({ list: 1, 'list-long': 0, info: 0 })
    tools.row('maxwell', (line) => line.replace('  512', '  768'))
    expect(await pass()).toEqual({ list: 1, 'list-long': 0, info: 1 })
    expect(await pass()).toEqual({ list: 1, 'list-long': 0, info: 1 })
    expect(await pass()).toEqual({ list: 1, 'list-long': 0, info: 0 })
    await read(['block'], { onlyMoved: true })
    writeFileSync(path.join(tree.sysRoot, 'bus/xen-backend/devices/vbd-5-51712/statistics/wr_sect'), '60')
    const { vms } = await read(['block'], { onlyMoved: true })
    expect(vms).toMatchObject([{ uuid: uuidOf(5), disks: [{ writeBytes: 30_720 }] }])
    expect(tools.calls()).toEqual({ list: 0, 'list-long': 0, info: 0 })
  })

  test('figures of all domains in one moment: not from the list before', async () => {
    const { read, tools } = await elab()
    await read()
    tools.row('maxwell', (line) => line.replace('40123.9', '40133.9'))
    const { vms } = await read(['cpu'], { onlyMoved: true, vmUuids: new Set([uuidOf(5)]) })
    expect(vms).toMatchObject([{ cpuSeconds: 40_133.9 }])
  })
})

/** Another VM for the long list. */
const added = `(domain (domid 30) (name new) (uuid ${uuidOf(30)}) (vcpus 1) (maxmem 256)
  (device (vbd (dev xvda) (uname phy:elab/maxwell) (mode w))))`

describe('what happens to VMs', () => {
  const events = (world: World): unknown[] =>
    world.told.splice(0).map(({ kind, reason, vmName }) => `${vmName} ${kind} ${reason}`)

  test('a new one: told of at the pass that sees it, with all that is known of it', async () => {
    const world = await elab()
    const { read, tools, hypervisor } = world
    await read()
    tools.add(toolRow('new', 30, '-b----', 1.5, 256))
    tools.edit('list-long', (text) => text + added)
    tools.calls()
    const { vms, gaps } = await read()
    expect(gaps).toEqual([])
    expect(vms.find(({ uuid }) => uuid === uuidOf(30))).toMatchObject({ state: 'running', cpuSeconds: 1.5 })
    expect(tools.calls()).toMatchObject({ list: 1, 'list-long': 1 })
    await vi.waitFor(() => expect(events(world)).toEqual(['new started unknown']))
    const inventory = await hypervisor.inventory(signal)
    expect(inventory.vms.find(({ name }) => name === 'new')).toMatchObject({ memoryMaxBytes: 256 * mebibyte })
  })

  test('paused, resumed, started anew, destroyed, crashed', async () => {
    const world = await elab()
    const { read, tools } = world
    const after = async (change: () => void): Promise<unknown> => {
      change()
      await read()
      await new Promise((resolve) => setImmediate(resolve))
      return events(world)
    }
    expect(await after(() => undefined)).toEqual([])
    expect(await after(() => tools.row('bell', (line) => line.replace('-b----', '--p---')))).toEqual([
      'bell suspended unknown',
    ])
    expect(await after(() => tools.row('bell', (line) => line.replace('--p---', 'r-----')))).toEqual([
      'bell resumed unknown',
    ])
    expect(
      await after(() => {
        tools.row('bell', () => toolRow('bell', 40, '-b----', 0.1))
        tools.edit('list-long', (text) => text.replace('(domid 7)', '(domid 40)'))
      }),
    ).toEqual(['bell stopped unknown', 'bell started unknown'])
    expect((await read()).vms.find(({ uuid }) => uuid === uuidOf(7))?.runId).toBe('40-')
    expect(await after(() => tools.row('tesla', () => undefined))).toEqual(['tesla stopped unknown'])
    expect(await after(() => tools.row('ns', (line) => line.replace('-b----', '---sc-')))).toEqual([
      'ns crashed crashed',
    ])
  })

  test('one whose definition comes late is looked for five times, and then with the inventory', async () => {
    const world = await elab()
    const { read, tools, hypervisor } = world
    await read()
    tools.add(toolRow('new', 30, '-b----', 1.5))
    tools.calls()
    for (let pass = 0; pass < 8; pass += 1) expect((await read()).vms).toHaveLength(9)
    expect(tools.calls()['list-long']).toBe(5)
    tools.edit('list-long', (text) => text + added)
    await hypervisor.inventory(signal)
    expect((await read()).vms).toHaveLength(10)
    expect(tools.calls()['list-long']).toBe(1)
  })

  test('the CPU time of a domain without a name is the machine’s all the same', async () => {
    const { read, tools } = await elab()
    const before = (await read()).host?.cpuUserSeconds ?? 0
    tools.add(toolRow('(null)', 31, '-----d', 10))
    expect((await read()).host?.cpuUserSeconds).toBeCloseTo(before + 10)
    tools.row('(null)', () => toolRow('(null)', 31, '-----d', 12))
    expect((await read()).host?.cpuUserSeconds).toBeCloseTo(before + 12)
  })

  test('one that dies is off; it is still known who it was when its name is gone', async () => {
    const { read, tools } = await elab()
    await read()
    tools.row('tesla', () => toolRow('(null)', 6, '-----d', 6007))
    tools.edit('list-long', (text) => text.replace('(domid 6)', '(domid 99)'))
    const tesla = (await read()).vms.find(({ uuid }) => uuid === uuidOf(6))
    expect([tesla?.state, tesla?.runId]).toEqual(['shutoff', ''])
  })

  test('one that moves within the host is there once: the one that runs', async () => {
    const { read, tools, hypervisor } = await elab()
    await read()
    tools.add(toolRow('tesla--incoming', 50, '--p---', 0))
    tools.edit('list-long', (text) => `${text}(domain (domid 50) (name tesla--incoming) (uuid ${uuidOf(6)}))`)
    const runs = async (): Promise<unknown> =>
      (await read()).vms.filter(({ uuid }) => uuid === uuidOf(6)).map(({ runId, state }) => `${runId} ${state}`)
    expect(await runs()).toEqual(['6- running'])
    expect((await hypervisor.inventory(signal)).vms.filter(({ uuid }) => uuid === uuidOf(6))).toHaveLength(1)
    tools.row('tesla', () => toolRow('tesla', 6, '---ss-', 6007))
    tools.row('tesla--incoming', () => toolRow('tesla--incoming', 50, 'r-----', 1))
    expect(await runs()).toEqual(['50- running'])
  })

  test('renamed: the same VM', async () => {
    const world = await elab()
    const { read, tools, hypervisor } = world
    await read()
    tools.row('tesla', (line) => line.replace('tesla ', 'edison'))
    tools.edit('list-long', (text) => text.replace('(name tesla)', '(name edison)'))
    await read()
    await new Promise((resolve) => setImmediate(resolve))
    expect(events(world)).toEqual([])
    expect((await hypervisor.inventory(signal)).vms.map(({ name }) => name)).toContain('edison')
  })
})

test('the schedule has the inventory of a new VM soon, not at its beat only', async () => {
  const { tools, hypervisor } = await elab()
  const inventories: string[][] = []
  const loop = new HostLoop({
    hypervisor,
    machine: undefined,
    intervals: () => ({ stateMs: 20, fastMs: 1000, blockMs: 20, guestMemoryMs: 60_000, inventoryMs: 600_000 }),
    onPass: () => undefined,
    onInventory: ({ vms }) => inventories.push(vms.map(({ name }) => name)),
    onCapabilities: () => undefined,
    log: createLog('test', 'silent'),
    now: () => Date.now(),
    monotonicMs: () => performance.now(),
  })
  await loop.prepare()
  loop.start()
  try {
    await vi.waitFor(() => expect(tools.calls().list).toBeGreaterThan(1))
    expect(inventories).toHaveLength(1)
    tools.edit('list-long', (text) => text + added)
    tools.add(toolRow('new', 30, '-b----', 1.5, 256))
    await vi.waitFor(() => expect(inventories.at(-1)).toContain('new'), { timeout: 9000, interval: 10 })
  } finally {
    await loop.stop()
  }
})

describe('what fails', () => {
  test('the tool: unavailable, lost and back again, each told once', async () => {
    const { read, tools, told } = await elab()
    await read()
    tools.failures.set('list', new XenToolError('xm list: exit status 1: xend is not running'))
    for (let pass = 0; pass < 2; pass += 1) {
      await expect(read()).rejects.toThrow(HypervisorUnavailable)
      await expect(read()).rejects.toThrow(/xend is not running/)
    }
    tools.failures.clear()
    tools.row('tesla', () => undefined)
    expect((await read()).vms).toHaveLength(8)
    await vi.waitFor(() =>
      expect(told.map(({ kind, message }) => [kind, message])).toEqual([
        ['hypervisor-lost', 'xm list: exit status 1: xend is not running'],
        ['hypervisor-back', 'xl or xm answers again'],
        ['stopped', 'seen by comparing lists'],
      ]),
    )
  })

  test('it may not be used: a gap for each group that says so', async () => {
    const { read, tools } = await elab()
    tools.failures.set('list', new HypervisorDenied('xl must not be run'))
    expect((await read(['state', 'block'])).gaps).toMatchObject([
      { group: 'state', reason: 'denied', message: 'the list of VMs: xl must not be run' },
      { group: 'block', reason: 'denied' },
    ])
  })

  test('a list that cannot be understood: a gap, and nothing has stopped', async () => {
    const { read, tools, told } = await elab()
    await read()
    tools.add('half a line  7')
    const sample = await read(['state'])
    expect([sample.vms, sample.gaps]).toMatchObject([[], [{ group: 'state', reason: 'failed' }]])
    tools.edit('list', (text) => text.replace('half a line  7\n', ''))
    expect((await read()).vms).toHaveLength(9)
    expect(told).toEqual([])
  })

  test('what is free: a gap of the host, the rest stands', async () => {
    const { read, tools } = await elab()
    tools.failures.set('info', new XenToolError('xm info: exit status 1'))
    const { vms, gaps, host } = await read()
    expect(vms).toHaveLength(9)
    expect(gaps).toMatchObject([{ group: 'host', reason: 'failed', message: 'free memory: xm info: exit status 1' }])
    expect([host?.memoryBytes, host?.memoryFreeBytes]).toEqual([12_278 * mebibyte, undefined])
  })

  test('the long list: VMs that are known go on', async () => {
    const { read, tools, hypervisor } = await elab()
    await read()
    tools.edit('list-long', (text) => text.slice(0, -10))
    tools.add(toolRow('new', 30, '-b----', 1.5))
    const { vms, gaps } = await read()
    expect([vms.length, gaps]).toEqual([9, []])
    await expect(hypervisor.inventory(signal)).rejects.toThrow(/list-long: .* closing brackets/)
  })

  test.each(['list', 'list-long', 'info'] as const)('%s at the start: unavailable', async (word) => {
    const tools = new FakeTools('xm')
    tools.failures.set(word, new XenToolError('out of order'))
    await expect(worldOf(tools, buildTree(elabTreeOfCentos5()))).rejects.toThrow(HypervisorUnavailable)
  })

  test('nobody waits any more: the pass ends', async () => {
    const { tools, hypervisor } = await elab()
    const asking = new AbortController()
    const held = new Promise(() => undefined)
    tools.waits.set('list-long', held)
    tools.add(toolRow('new', 30, '-b----', 1.5))
    const pass = hypervisor.inventory(asking.signal)
    asking.abort(new Error('enough'))
    await expect(pass).rejects.toThrow('enough')
  })

  test('no back ends at all: states and sizes, and disks as a capability that says no', async () => {
    const { read, tree, hypervisor } = await elab()
    rmSync(path.join(tree.sysRoot, 'bus'), { recursive: true })
    const { vms, gaps } = await read()
    expect([vms.length, vms.filter(({ disks }) => disks), gaps]).toEqual([9, [], []])
    expect((await hypervisor.probe(signal)).find(({ name }) => name === 'disk-bytes')?.support).toBe('no')
  })
})

test('texts of the double are those of the fixtures', async () => {
  expect(await new FakeTools('xl').text('list')).toBe(recorded('xl-list.txt'))
})
