import { afterEach, describe, expect, test, vi } from 'vitest'

import { createLog } from '../../../common/log.js'
import {
  HypervisorUnavailable,
  type Gap,
  type Hypervisor,
  type HypervisorEvent,
  type HypervisorKind,
  type SampleGroup,
} from '../hypervisor.js'
import { EventQueue } from '../libvirt/event-queue.js'
import { RemoteHypervisor } from './remote-hypervisor.js'

const { signal } = new AbortController()
const stateGroups: readonly SampleGroup[] = ['state', 'block', 'host']

/** A double of a driver that knows in which life of the host it was opened. */
function driverOf(kind: HypervisorKind, bootId: string, gaps: readonly Gap[]) {
  const queue = new EventQueue()
  let closed = false
  const driver: Hypervisor & { readonly queue: EventQueue; readonly closed: () => boolean } = {
    queue,
    closed: () => closed,
    identity: { hostId: 'h', name: 'xenhv01', kind, bootId, simulated: false },
    probe: async () => [
      { name: 'cpu', support: 'yes' },
      { name: 'memory-rss', support: 'yes' },
    ],
    inventory: async () => ({ host: { name: 'x', hypervisorVersion: bootId, memoryBytes: 1 }, vms: [], arrays: [] }),
    sample: async () => ({ vms: [{ uuid: 'u', runId: `1-${bootId}`, atMs: 1 }], gaps }),
    events: (ended) => queue.read(ended),
    close: async () => {
      closed = true
      queue.close()
    },
  }
  return driver
}

let closing: (() => Promise<void>) | undefined
afterEach(() => closing?.())

async function world(kind: HypervisorKind = 'xen', gaps: readonly Gap[] = []) {
  const asked: string[] = []
  const drivers: ReturnType<typeof driverOf>[] = []
  const state = { bootId: 'a', missing: '', away: '', clock: 1000 }
  const hypervisor = await RemoteHypervisor.open({
    reader: {
      get bootId() {
        return state.bootId
      },
      refresh: async (lane) => {
        asked.push(lane)
        if (state.missing !== '') throw new HypervisorUnavailable(state.missing)
      },
    },
    open: async () => {
      if (state.away !== '') throw new HypervisorUnavailable(state.away)
      const driver = driverOf(kind, state.bootId, gaps)
      drivers.push(driver)
      return driver
    },
    close: async () => undefined,
    log: createLog('test', 'silent'),
    now: () => state.clock,
  })
  closing = () => hypervisor.close()
  const told: HypervisorEvent[] = []
  void (async () => {
    for await (const event of hypervisor.events(signal)) told.push(event)
  })()
  const runs = async () => (await hypervisor.sample(new Set(stateGroups), {}, signal)).vms.map(({ runId }) => runId)
  return { hypervisor, asked, drivers, state, told, runs }
}

test('each pass waits for as much of the files as its driver reads', async () => {
  const xen = await world('xen')
  await xen.hypervisor.sample(new Set(['block']), { onlyMoved: true }, signal)
  await xen.hypervisor.sample(new Set(stateGroups), {}, signal)
  await xen.hypervisor.inventory(signal)
  expect(xen.asked).toEqual(['fast', 'state', 'inventory'])
  await xen.hypervisor.close()
  const kvm = await world('kvm')
  await kvm.hypervisor.sample(new Set(['block']), { onlyMoved: true }, signal)
  await kvm.hypervisor.sample(new Set(['state', 'block']), { vmUuids: new Set(['u']) }, signal)
  await kvm.hypervisor.sample(new Set(stateGroups), {}, signal)
  expect(kvm.asked).toEqual(['state'])
})

test('what takes the processes of the host cannot be measured', async () => {
  const { hypervisor } = await world('kvm')
  expect(await hypervisor.probe(signal)).toEqual([
    { name: 'cpu', support: 'yes' },
    { name: 'memory-rss', support: 'no', reason: expect.stringContaining('processes') },
  ])
})

describe('files that cannot be read', () => {
  test('are a gap of the host with the reason, since the first time, and the VMs go on', async () => {
    const ownGap: Gap = { group: 'host', reason: 'failed', message: 'free memory', sinceMs: 1 }
    const blockGap: Gap = { group: 'block', reason: 'failed', message: 'cut', sinceMs: 1 }
    const { hypervisor, state } = await world('xen', [ownGap, blockGap])
    state.missing = 'the host key has changed'
    const gap = { group: 'host', reason: 'disconnected', message: 'the host key has changed', sinceMs: 1000 }
    for (const clock of [1000, 2000]) {
      state.clock = clock
      const sample = await hypervisor.sample(new Set(stateGroups), {}, signal)
      expect([sample.vms.length, sample.gaps]).toEqual([1, [blockGap, gap]])
    }
    expect((await hypervisor.sample(new Set(['block']), { onlyMoved: true }, signal)).gaps).toEqual([ownGap, blockGap])
    state.missing = ''
    expect((await hypervisor.sample(new Set(stateGroups), {}, signal)).gaps).toEqual([ownGap, blockGap])
  })

  test('leave the inventory as it was', async () => {
    const { hypervisor, state } = await world()
    state.missing = 'cut'
    await expect(hypervisor.inventory(signal)).rejects.toThrow(HypervisorUnavailable)
    await expect(hypervisor.probe(signal)).rejects.toThrow(HypervisorUnavailable)
  })
})

describe('a boot', () => {
  test('another driver, other runs, and the host is back', async () => {
    const { hypervisor, drivers, state, told, runs } = await world()
    expect(await runs()).toEqual(['1-a'])
    drivers[0]?.queue.push({ atMs: 1, kind: 'hypervisor-lost', reason: 'unknown' })
    state.bootId = 'b'
    hypervisor.booted()
    await vi.waitFor(() => expect(told.map(({ kind }) => kind)).toEqual(['hypervisor-lost', 'hypervisor-back']))
    expect([hypervisor.identity.bootId, await runs(), drivers[0]?.closed()]).toEqual(['b', ['1-b'], true])
    drivers[1]?.queue.push({ atMs: 1, kind: 'started', reason: 'booted', vmUuid: 'u' })
    await vi.waitFor(() => expect(told.at(-1)?.kind).toBe('started'))
  })

  test('until libvirt is there again nothing is read, and the reason is said', async () => {
    const { hypervisor, state, runs } = await world()
    state.bootId = 'b'
    state.away = 'there is no socket'
    hypervisor.booted()
    await expect(runs()).rejects.toThrow('the host was booted anew')
    await vi.waitFor(() => expect(runs()).rejects.toThrow('the host was booted anew: there is no socket'))
    // A boot is told by the machine's own figures at once, whatever becomes of libvirt.
    expect(hypervisor.identity.bootId).toBe('b')
    state.away = ''
    await vi.waitFor(async () => expect(await runs()).toEqual(['1-b']), { timeout: 5000 })
  })

  test('another one meanwhile: the driver of the life between is not used', async () => {
    const { hypervisor, drivers, state, runs } = await world()
    state.bootId = 'b'
    hypervisor.booted()
    state.bootId = 'c'
    hypervisor.booted()
    await vi.waitFor(async () => expect(await runs()).toEqual(['1-c']), { timeout: 5000 })
    expect(drivers.map((driver) => [driver.identity.bootId, driver.closed()]).slice(0, -1)).toEqual(
      drivers.slice(0, -1).map((driver) => [driver.identity.bootId, true]),
    )
  })

  test('closing ends the search for libvirt', async () => {
    const { hypervisor, state } = await world()
    state.away = 'not yet'
    hypervisor.booted()
    await hypervisor.close()
    closing = undefined
    await expect(hypervisor.sample(new Set(stateGroups), {}, signal)).rejects.toThrow('booted anew')
  })
})
