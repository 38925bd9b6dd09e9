import { connect } from 'node:net'
import { afterEach, describe, expect, it, vi } from 'vitest'

import type { ApiOptions } from '../../../controller/api/start-api.js'
import type { HubLimits } from '../../../controller/api/stream-hub.js'
import type { FleetEvent, Snapshot } from '../../../controller/model/snapshot.js'
import { startApiFixture, type ApiFixture } from '../../support/api-fixture.js'
import { elabSnapshot } from '../../support/elab-fleet.js'
import { EventStreamReader } from '../../support/event-stream-reader.js'
import { buildSnapshot, builtAt, hostIdOf, known, MiB, uuidOf, withVm } from '../../support/snapshot-builder.js'

let fixture: ApiFixture | undefined
const readers: EventStreamReader[] = []

afterEach(async () => {
  for (const reader of readers.splice(0)) reader.close()
  await fixture?.stop()
  fixture = undefined
})

async function start(streamLimits: Partial<HubLimits> = {}): Promise<ApiFixture> {
  fixture = await startApiFixture({ streamLimits: { changeMs: 10, ...streamLimits } })
  return fixture
}

async function open({ api, token }: ApiFixture, headers: Record<string, string> = {}): Promise<EventStreamReader> {
  const reader = await EventStreamReader.open(api.port, { authorization: `Bearer ${token}`, ...headers })
  readers.push(reader)
  return reader
}

const event: FleetEvent = {
  at: builtAt,
  hostId: hostIdOf('xenhv01'),
  vmUuid: uuidOf('bell'),
  vmName: 'bell',
  kind: 'stopped',
  reason: 'destroyed',
  message: 'line one\nline two',
}

async function metric({ registry }: ApiFixture, name: string): Promise<unknown> {
  const found = await registry.getSingleMetric(name)?.get()
  return found?.values.map(({ value, labels }) => [value, ...Object.values(labels)])
}

describe('the event stream', () => {
  it('begins with everything', async () => {
    const reader = await open(await start())
    expect(reader.response.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'content-security-policy': expect.stringContaining("default-src 'none'"),
    })
    await vi.waitFor(() => expect(reader.changes).toHaveLength(1))
    const [change] = reader.changes
    expect(change).toMatchObject({ reset: true, revision: 1, removedVms: [] })
    expect([change?.hosts.length, change?.vms.length, change?.arrays.length]).toEqual([5, 31, 1])
    expect(reader.messages[0]).toMatchObject({ id: '1', event: 'change' })
  })

  it('then sends only what differs', async () => {
    const running = await start()
    const reader = await open(running)
    await vi.waitFor(() => expect(reader.changes).toHaveLength(1))
    const vm = elabSnapshot().vms.get(uuidOf('bell'))
    running.fleet.set(withVm(running.fleet.snapshot(), 'bell', { metrics: { ...vm?.metrics, cpuCores: known(0.5) } }))
    await vi.waitFor(() => expect(reader.changes).toHaveLength(2))
    expect(reader.changes[1]).toMatchObject({ reset: false, revision: 2, hosts: [], arrays: [], agents: [] })
    expect(reader.changes[1]?.vms.map(({ name, cpuCores }) => [name, cpuCores])).toEqual([['bell', 0.5]])
  })

  it('sends what follows from a change too: a VM that stops changes the ledger of its host', async () => {
    const running = await start()
    const reader = await open(running)
    await vi.waitFor(() => expect(reader.changes).toHaveLength(1))
    running.fleet.set(withVm(running.fleet.snapshot(), 'panda', { state: 'shutoff' }), [event])
    await vi.waitFor(() => expect(reader.happened).toHaveLength(1))
    expect(reader.changes[1]?.vms.map(({ name }) => name)).toEqual(['panda'])
    expect(reader.changes[1]?.hosts).toMatchObject([{ name: 'xenhv03', runningVms: 0, ledger: { room: 6 } }])
    expect(reader.happened).toEqual([{ ...event, host: 'xenhv01' }])
    expect(reader.messages.at(-1)).toMatchObject({ id: '2', event: 'happened' })
  })

  it('tells what happens to write caches of arrays, with the array', async () => {
    const listeners = new Set<(events: readonly FleetEvent[]) => void>()
    const arrays: ApiOptions['arrays'] = {
      subscribe: (listener) => {
        listeners.add(listener)
        return () => listeners.delete(listener)
      },
    }
    const running = await startApiFixture({ streamLimits: { changeMs: 10 }, arrays })
    fixture = running
    const reader = await open(running)
    await vi.waitFor(() => expect(reader.changes).toHaveLength(1))
    const about = { at: builtAt, hostId: '', vmUuid: '', kind: 'array-overflow', message: 'it was full' }
    for (const tell of listeners) tell([{ ...about, vmName: 'iscsi1', reason: 'iscsi:iqn.box' }])
    await vi.waitFor(() => expect(reader.happened).toHaveLength(1))
    const array = { arrayId: 'iscsi:iqn.box', array: 'iscsi1' }
    expect(reader.happened).toEqual([{ ...about, ...array, host: '', vmName: '', reason: '' }])
    await running.stop()
    fixture = undefined
    expect(listeners.size).toBe(0)
  })

  it('a host that falls silent makes its VMs stale', async () => {
    const running = await start()
    const reader = await open(running)
    await vi.waitFor(() => expect(reader.changes).toHaveLength(1))
    const snapshot = running.fleet.snapshot()
    const host = snapshot.hosts.get(hostIdOf('xenhv03'))
    if (host === undefined) throw new Error('no host')
    const hosts = new Map(snapshot.hosts).set(host.id, { ...host, status: 'silent' as const })
    running.fleet.set({ ...snapshot, revision: 2, hosts })
    await vi.waitFor(() => expect(reader.changes).toHaveLength(2))
    expect(reader.changes[1]?.hosts.map(({ name, status }) => [name, status])).toEqual([['xenhv03', 'silent']])
    expect(reader.changes[1]?.vms.map(({ name, stale }) => [name, stale])).toEqual([['panda', true]])
  })

  it('names what is gone, and starts afresh when an agent is', async () => {
    const running = await start()
    const agent = {
      id: 'a',
      name: 'a',
      version: '1',
      connected: true,
      since: builtAt,
      hostIds: [],
      clockOffsetMs: undefined,
      spoolReports: 0,
      droppedReports: 0,
      skippedTicks: 0,
      rssBytes: undefined,
      cpuSeconds: undefined,
      collectors: [],
    }
    const first: Snapshot = { ...elabSnapshot(), agents: new Map([['a', agent]]) }
    running.fleet.set(first)
    const reader = await open(running)
    await vi.waitFor(() => expect(reader.changes).toHaveLength(1))
    const vms = new Map(first.vms)
    vms.delete(uuidOf('ace'))
    const hosts = new Map(first.hosts)
    hosts.delete(hostIdOf('esxhv01'))
    const second = { ...first, revision: 2, vms, hosts, arrays: new Map() }
    running.fleet.set(second)
    await vi.waitFor(() => expect(reader.changes).toHaveLength(2))
    expect(reader.changes[1]).toMatchObject({
      reset: false,
      removedVms: [uuidOf('ace')],
      removedHosts: [hostIdOf('esxhv01')],
      removedArrays: [...first.arrays.keys()],
    })
    running.fleet.set({ ...second, revision: 3, agents: new Map() })
    await vi.waitFor(() => expect(reader.changes).toHaveLength(3))
    expect([reader.changes[2]?.reset, reader.changes[2]?.vms.length]).toEqual([true, 30])
  })

  it('gathers what changes in quick succession', async () => {
    const running = await start({ changeMs: 100 })
    const reader = await open(running)
    await vi.waitFor(() => expect(reader.changes).toHaveLength(1))
    let snapshot = running.fleet.snapshot()
    for (let count = 1; count <= 50; count += 1) {
      snapshot = withVm(snapshot, 'bell', { metrics: { cpuCores: known(count) } })
      running.fleet.set(snapshot)
    }
    await vi.waitFor(() => expect(reader.changes.at(-1)?.revision).toBe(51))
    expect(reader.changes.length).toBeLessThanOrEqual(3)
    expect(reader.changes.at(-1)?.vms[0]?.cpuCores).toBe(50)
  })

  it('sends a large fleet in parts', async () => {
    const reader = await open(await start({ entitiesPerChange: 10 }))
    await vi.waitFor(() => expect(reader.changes.flatMap(({ vms }) => vms)).toHaveLength(31))
    expect(reader.changes.map(({ reset }) => reset)).toEqual([true, false, false, false])
    expect(new Set(reader.changes.flatMap(({ vms }) => vms.map(({ uuid }) => uuid))).size).toBe(31)
  })

  it('shows that it lives, and ends with its session', async () => {
    const running = await start({ heartbeatMs: 20 })
    const link = await running.api.loginLink()
    const body = link.slice(link.indexOf('?') + 1)
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const login = await running.ask('/login', { method: 'POST', headers, body })
    const cookie = login.headers['set-cookie']?.[0]?.split(';')[0] ?? ''
    const reader = await EventStreamReader.open(running.api.port, { cookie })
    readers.push(reader)
    await vi.waitFor(() => expect(reader.comments).toBeGreaterThan(1))
    await running.ask('/api/v1/logout', { method: 'POST', headers: { cookie, 'sec-fetch-site': 'same-origin' } })
    await vi.waitFor(() => expect(reader.ended).toBe(true))
    expect(await metric(running, 'headroom_api_streams_ended_total')).toEqual([[1, 'session-over']])
  })

  it('takes so many clients, and counts them', async () => {
    const running = await start({ streams: 2 })
    const [first] = [await open(running), await open(running)]
    const refused = await running.ask('/api/v1/events', { headers: { authorization: `Bearer ${running.token}` } })
    expect([refused.status, JSON.parse(refused.text)]).toMatchObject([503, { code: 'too-many-streams' }])
    expect(await metric(running, 'headroom_api_streams')).toEqual([[2]])
    first?.close()
    await vi.waitFor(async () => expect(await metric(running, 'headroom_api_streams')).toEqual([[1]]), {
      timeout: 10_000,
    })
    await open(running)
  })

  it('ends at once when the server closes', async () => {
    const running = await start()
    const reader = await open(running)
    await vi.waitFor(() => expect(reader.changes).toHaveLength(1))
    const begun = performance.now()
    await running.api.close()
    expect(performance.now() - begun).toBeLessThan(1000)
    await vi.waitFor(() => expect(reader.ended).toBe(true))
    expect(running.fleet.listeners).toBe(0)
  })
})

describe('a client that does not read', () => {
  /** A fleet whose whole does not fit into the buffers of a socket. */
  const large = buildSnapshot({
    hosts: [{ name: 'a', memoryMiB: 8192 }],
    vms: Array.from({ length: 12_000 }, (_, index) => ({ name: `vm${index}`, host: 'a', memoryMiB: 1 })),
  })

  /** Asks for the stream and never reads the answer. */
  function openDeaf({ api, token }: ApiFixture): () => void {
    const socket = connect(api.port, '127.0.0.1')
    socket.pause()
    socket.on('error', () => undefined)
    socket.write(`GET /api/v1/events HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${token}\r\n\r\n`)
    return () => socket.destroy()
  }

  it.each([
    ['stalled', { heartbeatMs: 50 }],
    ['slow', { bufferedBytes: 1000 }],
  ] as const)('is disconnected and counted: %s', async (reason, limits) => {
    const running = await start(limits)
    running.fleet.set(large)
    const close = openDeaf(running)
    await vi.waitFor(async () => expect(await metric(running, 'headroom_api_streams')).toEqual([[1]]), {
      timeout: 10_000,
    })
    let revision = 1
    await vi.waitFor(
      async () => {
        revision += 1
        running.fleet.set({ ...large, revision })
        expect(await metric(running, 'headroom_api_streams_ended_total')).toEqual([[1, reason]])
      },
      { timeout: 10_000 },
    )
    expect(await metric(running, 'headroom_api_streams')).toEqual([[0]])
    close()
  })

  it('costs nobody else anything, and its events are dropped and counted', async () => {
    const running = await start({ waitingEvents: 3 })
    running.fleet.set(large)
    const close = openDeaf(running)
    const reader = await open(running)
    await vi.waitFor(() => expect(reader.changes.flatMap(({ vms }) => vms)).toHaveLength(12_000), { timeout: 10_000 })
    for (let index = 1; index <= 5; index += 1) {
      const seen = reader.happened.length
      running.fleet.set({ ...large, revision: 1 + index }, [{ ...event, message: String(index) }])
      await vi.waitFor(() => expect(reader.happened.length).toBe(seen + 1), { timeout: 10_000 })
    }
    expect(reader.happened.map(({ message }) => message)).toEqual(['1', '2', '3', '4', '5'])
    expect(await metric(running, 'headroom_api_events_dropped_total')).toEqual([[2]])
    close()
    expect(large.vms.get(uuidOf('vm1'))?.metrics['memoryBytes']).toMatchObject({ value: MiB })
  })
})
