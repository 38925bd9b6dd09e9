import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'

import { afterEach, describe, expect, test, vi } from 'vitest'

import { createLog } from '../../../common/log.js'
import { buildTree, type Tree } from '../../../test/fixtures/proc/build-tree.js'
import { dom0, tellLifecycle, xenAnswers, type FakeDomain, type FakeXen } from '../../../test/fixtures/xen/fake-xen.js'
import { pv1, recordedTree, recordedXen } from '../../../test/fixtures/xen/recorded-host.js'
import { startFakeDaemon, type FakeDaemon } from '../../../test/support/libvirt-fake-daemon.js'
import { createLocalFiles } from '../../host/local-files.js'
import { createArrayResolver } from '../../storage/array-resolver.js'
import { HypervisorUnavailable, type HypervisorEvent, type Sample, type SampleGroup } from '../hypervisor.js'
import { procedure } from '../libvirt/procedures.js'
import { openXen, type XenHypervisor, type XenOptions } from './driver.js'

/** A busy machine may take its time. */
const until = (check: () => unknown): Promise<unknown> => vi.waitFor(check, { timeout: 9000, interval: 2 })

const stops: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})

const { signal } = new AbortController()
const stateGroups: readonly SampleGroup[] = ['state', 'cpu', 'mem-size', 'mem-rss', 'block', 'nic', 'host']

interface World {
  readonly xen: FakeXen
  readonly tree: Tree
  readonly daemon: FakeDaemon
  readonly hypervisor: XenHypervisor
  clock: number
  readonly read: (
    groups?: readonly SampleGroup[],
    options?: { readonly onlyMoved?: boolean; readonly vmUuids?: ReadonlySet<string> },
  ) => Promise<Sample>
  readonly callsOf: (number: number) => number
}

async function worldOf(xen: FakeXen, tree: Tree, more: Partial<XenOptions> = {}): Promise<World> {
  stops.push(() => tree.remove())
  const daemon = await startFakeDaemon(xenAnswers(xen))
  stops.push(() => daemon.stop())
  const log = createLog('test', 'silent')
  const world = { clock: 1000 }
  const hypervisor = await openXen({
    management: { kind: 'libvirt', socket: daemon.path, uri: 'xen:///system', vmDeadlineMs: 1000 },
    ...tree,
    hostName: 'xenhv01',
    log,
    now: () => world.clock,
    createResolver: (hostId) => createArrayResolver({ now: Date.now, ...tree, files: createLocalFiles(), hostId, log }),
    newHostId: () => 'made-up',
    ...more,
  })
  stops.push(() => hypervisor.close())
  return Object.assign(world, {
    xen,
    tree,
    daemon,
    hypervisor,
    read: (groups = stateGroups, options = {}) => hypervisor.sample(new Set(groups), options, signal),
    callsOf: (number: number) => daemon.calls.filter((call) => call.procedure === number).length,
  } satisfies Omit<World, 'clock'>)
}

/** Twenty guests with a disk and an interface each; hand-written. */
function twenty(): { xen: FakeXen; tree: Tree } {
  const at = 'sys/bus/xen-backend/devices'
  const domains = Array.from({ length: 20 }, (_, index): FakeDomain => {
    const id = index + 1
    const name = `guest${id}`
    const uuid = `00000000-0000-4000-8000-${String(id).padStart(12, '0')}`
    const xml = `<domain><name>${name}</name><uuid>${uuid}</uuid><memory>1024</memory><devices>
      <disk type='block'><source dev='/dev/x'/><target dev='xvda'/></disk></devices></domain>`
    return { name, uuid, id, state: 1, reason: 1, memoryKib: 1024, cpuNanoseconds: 2_000_000_000n, vcpus: 1, xml }
  })
  const disks = domains.map(({ id }) =>
    ['rd_req', 'wr_req', 'oo_req', 'f_req', 'rd_sect', 'wr_sect']
      .map((name) => `${at}/vbd-${id}-51712/statistics/${name} = 8`)
      .concat(`${at}/vbd-${id}-51712/physical_device = 8:${id.toString(16)}`, `${at}/vif-${id}-0/`)
      .concat(`sys/class/net/vif${id}.0/statistics/tx_bytes = 5`)
      .join('\n'),
  )
  const tree = buildTree(`proc/diskstats = 8 0 sda 1 0 2 3 4 0 5 6 0 7 8\n${disks.join('\n')}`)
  const machine = { memoryKib: 8 * 2 ** 20, cpus: 4, mhz: 2400 }
  const off: FakeDomain = {
    ...dom0,
    name: 'off',
    uuid: 'e4d9b1da-e974-4b6f-b438-8a47c2c8dc65',
    id: -1,
    state: 5,
    reason: 2,
    xml: '<domain><name>off</name><uuid>e4d9b1da-e974-4b6f-b438-8a47c2c8dc65</uuid></domain>',
  }
  return {
    xen: {
      capabilitiesXml: '<capabilities><host/></capabilities>',
      machine,
      freeBytes: 2 ** 30,
      domains: [{ ...dom0 }, ...domains, off],
    },
    tree,
  }
}

function guest(xen: FakeXen, name: string): FakeDomain {
  const found = xen.domains.find((domain) => domain.name === name)
  if (found === undefined) throw new Error(`no ${name}`)
  return found
}

describe('recorded', () => {
  test('a pass: the guest with all its figures, dom0 as the host', async () => {
    const { read } = await worldOf(recordedXen(), recordedTree())
    const { vms, gaps, host } = await read()
    expect(gaps).toEqual([])
    expect(vms).toEqual([
      {
        uuid: pv1,
        runId: '1-5b3f2a10',
        atMs: 1000,
        state: 'running',
        stateReason: 'booted',
        cpuSeconds: 34.3,
        vcpus: 1,
        memoryMaxBytes: 128 * 2 ** 20,
        memoryBytes: 128 * 2 ** 20,
        disks: [
          {
            target: 'xvda',
            readRequests: 122,
            readBytes: 15_609_856,
            writeRequests: 64,
            writeBytes: 8_388_608,
            flushRequests: 7,
            outOfSlots: 0,
            deviceReadRequests: 0,
            deviceReadSeconds: 0,
            deviceWriteRequests: 0,
            deviceWriteSeconds: 0,
          },
        ],
        nics: [expect.objectContaining({ device: 'vif1.0', receiveBytes: 946, transmitBytes: 0 })],
      },
    ])
    // What the hypervisor manages, where /proc/meminfo of dom0 says 526820 kB.
    expect(host).toEqual({
      cpuUserSeconds: 34.3,
      cpuGuestSeconds: 34.3,
      cpuSystemSeconds: 125.8,
      cpuThreads: 1,
      memoryBytes: 1_048_024 * 1024,
      memoryFreeBytes: 248_184 * 1024,
      memoryAvailableBytes: 248_184 * 1024,
    })
  })

  test('the inventory: exact version, the disk behind the loop device', async () => {
    const { hypervisor } = await worldOf(recordedXen(), recordedTree())
    const { host, vms, arrays } = await hypervisor.inventory(signal)
    expect(host).toEqual({
      name: 'xenhv01',
      hypervisorVersion: 'Xen 4.17.7',
      managementVersion: 'libvirt 9.0.0',
      cpuModel: 'Nehalem',
      cpuCores: 1,
      cpuThreads: 1,
      cpuMhz: 2596,
      memoryBytes: 1_048_024 * 1024,
      numaNodes: 1,
    })
    expect(vms).toMatchObject([
      {
        uuid: pv1,
        name: 'pv1',
        vcpus: 1,
        memoryMaxBytes: 128 * 2 ** 20,
        osType: 'linux',
        disks: [
          {
            target: 'xvda',
            source: '/dev/loop0',
            backend: 'file',
            arrayKey: 'local:made-up:dom0-root',
            unit: '/tmp/d.img',
            capacityBytes: 131_072 * 512,
            readOnly: false,
            bus: 'xen',
          },
        ],
        nics: [{ device: 'vif1.0', mac: '00:16:3e:00:00:01', network: 'xenbr0' }],
      },
    ])
    expect(arrays.map(({ key, devices }) => [key, devices])).toEqual([['local:made-up:dom0-root', ['vda']]])
  })

  test('who the host is: libvirt does not say, the firmware may', async () => {
    const tree = recordedTree()
    mkdirSync(path.join(tree.sysRoot, 'class/dmi/id'), { recursive: true })
    writeFileSync(path.join(tree.sysRoot, 'class/dmi/id/product_uuid'), '4C4C4544-0038-5810-8052-B4C04F463358\n')
    const { hypervisor } = await worldOf(recordedXen(), tree)
    expect(hypervisor.identity).toEqual({
      hostId: '4c4c4544-0038-5810-8052-b4c04f463358',
      name: 'xenhv01',
      kind: 'xen',
      bootId: '5b3f2a10-1111-4222-8333-944445555666',
      simulated: false,
    })
    const known = await worldOf(recordedXen(), recordedTree(), { hostId: 'as-before' })
    expect(known.hypervisor.identity.hostId).toBe('as-before')
    // The recorded machine's firmware has none.
    expect((await worldOf(recordedXen(), recordedTree())).hypervisor.identity.hostId).toBe('made-up')
  })

  test('what can be measured', async () => {
    const { hypervisor } = await worldOf(recordedXen(), recordedTree())
    const found = new Map((await hypervisor.probe(signal)).map((one) => [one.name, one.support]))
    expect(Object.fromEntries(found)).toMatchObject({
      events: 'yes',
      'disk-bytes': 'yes',
      'disk-latency': 'degraded',
      'memory-guest': 'no',
      'host-cpu': 'degraded',
      'host-memory': 'yes',
    })
  })
})

describe('calls for twenty guests', () => {
  test('a tick: the list, the free memory, one for each domain that lives', async () => {
    const { xen, tree } = twenty()
    const { read, daemon, callsOf } = await worldOf(xen, tree)
    await read()
    const before = daemon.calls.length
    const { vms } = await read()
    expect(vms).toHaveLength(21)
    const made = daemon.calls.slice(before).map((call) => call.procedure)
    expect(made.filter((number) => number === procedure.domainGetInfo)).toHaveLength(21) // dom0's is the host's
    expect(made.filter((number) => number !== procedure.domainGetInfo)).toEqual([
      procedure.listAllDomains,
      procedure.nodeGetFreeMemory,
    ])
    expect(callsOf(procedure.domainBlockStatsFlags)).toBe(0)
  })

  test('disks and interfaces by themselves: the list only; the fast lane: none at all', async () => {
    const { xen, tree } = twenty()
    const { read, daemon } = await worldOf(xen, tree)
    let before = daemon.calls.length
    const all = await read(['block', 'nic'])
    expect(all.vms.filter(({ disks, nics }) => disks?.length === 1 && nics?.length === 1)).toHaveLength(20)
    expect(daemon.calls.slice(before).map((call) => call.procedure)).toEqual([procedure.listAllDomains])
    before = daemon.calls.length
    expect((await read(['block'], { onlyMoved: true })).vms).toEqual([])
    writeFileSync(path.join(tree.sysRoot, 'bus/xen-backend/devices/vbd-7-51712/statistics/wr_sect'), '24')
    const moved = await read(['block'], { onlyMoved: true })
    expect(moved.vms.map(({ uuid, disks }) => [uuid.slice(-2), disks?.[0]?.writeBytes])).toEqual([['07', 24 * 512]])
    expect(moved.host).toBe(undefined)
    expect((await read(['block'], { onlyMoved: true })).vms).toEqual([])
    expect(daemon.calls).toHaveLength(before)
  })

  test('a guest that is named: its call only', async () => {
    const { xen, tree } = twenty()
    const { read, callsOf } = await worldOf(xen, tree)
    const { vms, host } = await read(stateGroups, { vmUuids: new Set([guest(xen, 'guest3').uuid]) })
    expect([vms.map(({ runId }) => runId), host]).toEqual([['3-'], undefined])
    expect(callsOf(procedure.domainGetInfo)).toBe(1)
  })
})

describe('what happens to guests', () => {
  test('off, paused, destroyed: the state, and the reason by events without a call', async () => {
    const { xen, tree } = twenty()
    const { read, daemon, hypervisor } = await worldOf(xen, tree)
    const seen = async (name: string): Promise<unknown[]> => {
      const vm = (await read()).vms.find(({ uuid }) => uuid === guest(xen, name).uuid)
      return [vm?.state, vm?.stateReason, vm?.runId, vm?.disks !== undefined]
    }
    expect(await seen('off')).toEqual(['shutoff', 'destroyed', '', false])
    const paused = guest(xen, 'guest1')
    paused.state = 3
    expect(await seen('guest1')).toEqual(['paused', 'unknown', '1-', true])
    tellLifecycle(daemon, paused, 3, 0)
    await until(async () => expect(await seen('guest1')).toEqual(['paused', 'user', '1-', true]))

    const ended: HypervisorEvent[] = []
    const stop = new AbortController()
    const reading = (async () => {
      for await (const event of hypervisor.events(stop.signal)) ended.push(event)
    })()
    tellLifecycle(daemon, paused, 5, 1)
    Object.assign(paused, { id: -1, state: 5 })
    await until(async () => expect(await seen('guest1')).toEqual(['shutoff', 'destroyed', '', false]))
    await until(() => expect(ended.map(({ kind, reason }) => `${kind} ${reason}`)).toContain('stopped destroyed'))
    stop.abort()
    await reading
  })

  test('a start without an event is told after a second; dom0 is never a VM', async () => {
    const { xen, tree } = twenty()
    const [host, first, ...others] = xen.domains
    if (host === undefined || first === undefined) throw new Error('no domains')
    xen.domains = [host, ...others]
    const world = await worldOf(xen, tree)
    const told: HypervisorEvent[] = []
    const stop = new AbortController()
    const reading = (async () => {
      for await (const event of world.hypervisor.events(stop.signal)) told.push(event)
    })()
    xen.domains = [host, first, ...others]
    await world.read()
    expect(told).toEqual([])
    world.clock += 1000
    await world.read()
    await until(() => expect(told).toMatchObject([{ kind: 'started', vmUuid: first.uuid }]))
    stop.abort()
    await reading
  })

  test('started anew: another run, and disks of the new one only', async () => {
    const { xen, tree } = twenty()
    const { read } = await worldOf(xen, tree)
    await read()
    const vm = guest(xen, 'guest2')
    vm.id = 33
    const seen = async () => (await read()).vms.find(({ uuid }) => uuid === vm.uuid)
    expect([(await seen())?.runId, (await seen())?.disks]).toEqual(['33-', undefined])
  })

  test('a disk that QEMU serves has no figures, and the capability names it', async () => {
    const { xen, tree } = twenty()
    rmSync(path.join(tree.sysRoot, 'bus/xen-backend/devices/vbd-4-51712'), { recursive: true })
    const { read, hypervisor } = await worldOf(xen, tree)
    const vm = (await read()).vms.find(({ runId }) => runId === '4-')
    expect([vm?.disks, vm?.nics?.length]).toEqual([undefined, 1])
    const capability = (await hypervisor.probe(signal)).find(({ name }) => name === 'disk-bytes')
    expect(capability).toMatchObject({ support: 'degraded', reason: expect.stringContaining('guest4 xvda') })
  })

  test('back ends gone altogether: no figures, no gap', async () => {
    const { xen, tree } = twenty()
    rmSync(path.join(tree.sysRoot, 'bus'), { recursive: true })
    const { read } = await worldOf(xen, tree)
    const { vms, gaps } = await read()
    expect([vms.filter(({ disks, nics }) => disks ?? nics), gaps]).toEqual([[], []])
  })
})

describe('what fails', () => {
  const ofCpu = (sample: Sample): unknown => sample.host?.cpuUserSeconds

  test('a guest that libvirt does not answer for: a gap, the disks all the same, no CPU time of the machine', async () => {
    const { xen, tree } = twenty()
    const world = await worldOf(xen, tree)
    expect(ofCpu(await world.read())).toBe(40)
    const vm = guest(xen, 'guest5')
    vm.info = 'silence'
    const first = await world.read()
    expect(first.gaps.map(({ vmUuid, group, reason }) => [vmUuid, group, reason])).toEqual([
      [vm.uuid, 'state', 'timeout'],
      [vm.uuid, 'cpu', 'timeout'],
      [vm.uuid, 'mem-size', 'timeout'],
    ])
    const read = first.vms.find(({ uuid }) => uuid === vm.uuid)
    expect([read?.state, read?.cpuSeconds, read?.disks?.length, read?.runId]).toEqual([undefined, undefined, 1, '5-'])
    expect(ofCpu(first)).toBe(undefined)
    expect(first.host?.memoryFreeBytes).toBe(2 ** 30)
    expect((await world.read()).gaps.map(({ reason }) => reason)).toContain('quarantined')
    expect((await world.read()).vms).toHaveLength(21)
  })

  test('a guest that ends between the list and the call is left out', async () => {
    const { xen, tree } = twenty()
    const { read } = await worldOf(xen, tree)
    guest(xen, 'guest6').info = { code: 42, message: 'Domain not found' }
    const { vms, gaps } = await read()
    expect([vms.length, gaps]).toEqual([20, []])
  })

  test('the free memory: a gap of the host', async () => {
    const { xen, tree } = twenty()
    xen.freeBytes = { code: 1, message: 'out of order' }
    const { read } = await worldOf(xen, tree)
    const { gaps, host } = await read()
    expect(gaps).toMatchObject([{ group: 'host', reason: 'failed', message: 'free memory: out of order' }])
    expect([host?.memoryBytes, host?.memoryFreeBytes]).toEqual([8 * 2 ** 30, undefined])
  })

  test('the list: a gap of the whole host for each group, until it comes', async () => {
    const { xen, tree } = twenty()
    const { read } = await worldOf(xen, tree)
    xen.list = { code: 1, message: 'internal error' }
    expect((await read(['state', 'block'])).gaps).toMatchObject([
      { group: 'state', reason: 'failed' },
      { group: 'block', reason: 'failed' },
    ])
    delete xen.list
    expect((await read(['state', 'block'])).gaps).toEqual([])
  })

  test('the connection: unavailable, then back by itself, and both are told', async () => {
    const { xen, tree } = twenty()
    const { read, daemon, hypervisor } = await worldOf(xen, tree)
    const told: string[] = []
    const stop = new AbortController()
    const reading = (async () => {
      for await (const { kind } of hypervisor.events(stop.signal)) told.push(kind)
    })()
    for (const connection of daemon.connections) connection.destroy()
    await until(() => expect(told).toContain('hypervisor-lost'))
    await expect(read()).rejects.toThrow(HypervisorUnavailable)
    await until(() => expect(told).toEqual(['hypervisor-lost', 'hypervisor-back']))
    expect((await read()).vms).toHaveLength(21)
    stop.abort()
    await reading
  })
})
