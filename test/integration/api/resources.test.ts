import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'

import {
  agentView,
  arrayView,
  capacityView,
  eventView,
  fleetView,
  hostView,
  seriesView,
  topView,
  vmView,
} from '../../../controller/api/views.js'
import { defaultPolicy } from '../../../controller/policy/policy-file.js'
import { startApiFixture, type ApiFixture } from '../../support/api-fixture.js'
import { elabArrayKey, elabSnapshot } from '../../support/elab-fleet.js'
import { policyOf } from '../../support/policy-with.js'
import { builtAt, buildSnapshot, hostIdOf, known, MiB, uuidOf, withVm } from '../../support/snapshot-builder.js'

let fixture: ApiFixture
beforeAll(async () => {
  fixture = await startApiFixture()
})
afterAll(async () => {
  await fixture.stop()
})

const vmsPage = z.strictObject({ vms: z.array(z.strictObject(vmView.shape)), nextCursor: z.string().optional() })
const hostsPage = z.strictObject({ hosts: z.array(z.strictObject(hostView.shape)), nextCursor: z.string().optional() })

async function vmNames(query: string): Promise<string[]> {
  return vmsPage.parse(await fixture.get(`/api/v1/vms${query}`)).vms.map(({ name }) => name)
}

/** Status and code of an answer. */
async function refusal(path: string): Promise<[number, unknown]> {
  const { status, text } = await fixture.ask(path, { headers: { authorization: `Bearer ${fixture.token}` } })
  return [status, JSON.parse(text)]
}

describe('hosts and VMs', () => {
  it('are listed by name', async () => {
    const { hosts, nextCursor } = hostsPage.parse(await fixture.get('/api/v1/hosts'))
    expect(hosts.map(({ name }) => name)).toEqual(['esxhv01', 'xenhv01', 'xenhv02', 'xenhv03', 'xenhv04'])
    expect(nextCursor).toBeUndefined()
    expect(hosts[1]).toMatchObject({
      vms: 9,
      runningVms: 9,
      memoryBytes: 8192 * MiB,
      ledger: {
        memoryAt: builtAt,
        memorySource: 'hypervisor',
        configuredBytes: 6656 * MiB,
        spareBytes: -512 * MiB,
        room: 0,
      },
    })
    expect(await vmNames('')).toHaveLength(31)
  })

  it('are found by id and by name', async () => {
    for (const id of [hostIdOf('xenhv03'), 'xenhv03']) {
      expect(hostView.parse(await fixture.get(`/api/v1/hosts/${id}`)).name).toBe('xenhv03')
    }
    for (const id of [uuidOf('bell'), 'bell']) {
      expect(vmView.parse(await fixture.get(`/api/v1/vms/${id}`))).toMatchObject({
        name: 'bell',
        host: 'xenhv01',
        memoryMaxBytes: 1024 * MiB,
        stale: false,
        doubled: false,
      })
    }
  })

  it('are filtered', async () => {
    expect(await vmNames('?host=xenhv03')).toEqual(['panda'])
    expect(await vmNames(`?host=${hostIdOf('esxhv01')}`)).toEqual(['cc', 'elab-gw', 'mail2'])
    expect(await vmNames('?host=xenhv03&state=shutoff')).toEqual([])
    expect(hostsPage.parse(await fixture.get('/api/v1/hosts?state=silent')).hosts).toEqual([])
  })

  it('come in pages: each once, though the fleet changes in between', async () => {
    const names: string[] = []
    let query = '?limit=7'
    for (;;) {
      const page = vmsPage.parse(await fixture.get(`/api/v1/vms${query}`))
      expect(page.vms.length).toBeLessThanOrEqual(7)
      names.push(...page.vms.map(({ name }) => name))
      if (page.nextCursor === undefined) break
      const { snapshot } = { snapshot: fixture.fleet.snapshot() }
      const vms = new Map(snapshot.vms)
      vms.delete(uuidOf('ace')) // already answered: must not shift what follows
      fixture.fleet.set({ ...snapshot, revision: snapshot.revision + 1, vms })
      query = `?limit=7&cursor=${page.nextCursor}`
    }
    expect(names).toEqual([...elabSnapshot().vms.values()].map(({ name }) => name).sort())
    fixture.fleet.set(elabSnapshot())
  })

  it('say which name is ambiguous', async () => {
    fixture.fleet.set(withVm(elabSnapshot(), 'mail2', { name: 'mail' }))
    expect(await refusal('/api/v1/vms/mail')).toEqual([
      409,
      {
        code: 'name-ambiguous',
        message: '2 VMs are named "mail"',
        expected: `one of the ids ${uuidOf('mail')}, ${uuidOf('mail2')}`,
        got: '"mail"',
      },
    ])
    expect(vmView.parse(await fixture.get(`/api/v1/vms/${uuidOf('mail2')}`)).host).toBe('esxhv01')
    fixture.fleet.set(elabSnapshot())
  })

  it('leave out what is not known and say why', async () => {
    const metrics = {
      memoryMaxBytes: known(MiB),
      cpuCores: known(0),
      writeLatencyMs: { absent: 'no write since the last look' },
      memoryGuestUsedBytes: known(5, builtAt - 60_000),
    }
    fixture.fleet.set(withVm(elabSnapshot(), 'bell', { metrics }))
    const vm = vmView.parse(await fixture.get('/api/v1/vms/bell'))
    expect(vm).toMatchObject({ cpuCores: 0, memoryGuestUsedBytes: 5, memoryGuestAt: builtAt - 60_000 })
    expect(vm).not.toHaveProperty('writeLatencyMs')
    expect(vm).not.toHaveProperty('memoryBytes')
    expect(vm.metrics).toEqual({ memoryMaxBytes: MiB, cpuCores: 0, memoryGuestUsedBytes: 5 })
    expect(vm.absent).toEqual({ writeLatencyMs: 'no write since the last look' })
    fixture.fleet.set(elabSnapshot())
  })

  it('are stale when their host is silent or they cannot be read', async () => {
    const snapshot = elabSnapshot()
    const host = snapshot.hosts.get(hostIdOf('xenhv03'))
    if (host === undefined) throw new Error('no host')
    fixture.fleet.set({
      ...snapshot,
      revision: 2,
      hosts: new Map(snapshot.hosts).set(host.id, { ...host, status: 'silent' }),
    })
    const stale = vmsPage.parse(await fixture.get('/api/v1/vms')).vms.filter((vm) => vm.stale)
    expect(stale.map(({ name }) => name)).toEqual(['panda'])
    const gap = { vmUuid: uuidOf('bell'), group: 'block', reason: 'timeout', message: '', sinceMs: builtAt }
    fixture.fleet.set(withVm(elabSnapshot(), 'bell', { gaps: [gap] }))
    expect(vmView.parse(await fixture.get('/api/v1/vms/bell'))).toMatchObject({
      stale: true,
      gaps: [{ group: 'block' }],
    })
    fixture.fleet.set(elabSnapshot())
  })
})

describe('arrays and agents', () => {
  it('an array names its hosts and VMs; the policy may name it', async () => {
    const page = z.object({ arrays: z.array(arrayView) })
    const [array] = page.parse(await fixture.get('/api/v1/arrays')).arrays
    expect(array).toMatchObject({ key: elabArrayKey, name: 'iscsi1', kind: 'iscsi' })
    expect(array?.vms.join(' ')).toBe('auth fleming ggw ictepc kure lupin mail maxwell ns tesla tritm www')
    fixture.rules.policy = policyOf('arrays: [{ match: "iscsi:*", name: the box }]')
    expect(page.parse(await fixture.get('/api/v1/arrays')).arrays[0]?.name).toBe('the box')
    expect(vmView.parse(await fixture.get('/api/v1/vms/mail')).disks[0]?.arrayName).toBe('the box')
    fixture.rules.policy = defaultPolicy
    expect(page.parse(await fixture.get('/api/v1/arrays?host=nobody')).arrays).toEqual([])
  })

  it('an agent names its hosts', async () => {
    const agent = {
      id: 'a1',
      name: 'lab',
      version: '1',
      connected: true,
      since: builtAt,
      hostIds: [hostIdOf('xenhv01'), 'gone'],
      clockOffsetMs: undefined,
      spoolReports: 0,
      droppedReports: 0,
      skippedTicks: 0,
      rssBytes: 5,
      cpuSeconds: undefined,
      collectors: [],
    }
    fixture.fleet.set({ ...elabSnapshot(), revision: 2, agents: new Map([['a1', agent]]) })
    const { agents } = z.object({ agents: z.array(agentView) }).parse(await fixture.get('/api/v1/agents?host=xenhv01'))
    expect(agents).toHaveLength(1)
    expect(agents[0]).toMatchObject({ name: 'lab', hosts: ['xenhv01', 'gone'], rssBytes: 5 })
    expect(agents[0]).not.toHaveProperty('cpuSeconds')
    fixture.fleet.set(elabSnapshot())
  })
})

describe('fleet and capacity', () => {
  it('sums the fleet up', async () => {
    expect(fleetView.parse(await fixture.get('/api/v1/fleet'))).toMatchObject({
      version: '0.0.0-test',
      simulated: false,
      hosts: { total: 5, up: 5 },
      vms: { total: 31, running: 31 },
      memoryBytes: 49_152 * MiB,
      room: 8,
      survivesHostFailure: false,
      store: { ok: true, problem: '' },
    })
  })

  it('tells of no memory rather than of 0 where none is known', async () => {
    fixture.fleet.set(buildSnapshot({ hosts: [{ name: 'new', memoryMiB: null }], vms: [] }))
    expect(fleetView.parse(await fixture.get('/api/v1/fleet'))).not.toHaveProperty('memoryBytes')
    fixture.fleet.set(elabSnapshot())
  })

  it('reckons with other sizes on request', async () => {
    const rooms = async (query: string): Promise<unknown> => {
      const { hosts, fleet } = capacityView.parse(await fixture.get(`/api/v1/capacity${query}`))
      return [...hosts.map(({ room }) => room), fleet.room]
    }
    expect(await rooms('')).toEqual([3, 0, 0, 4, 1, 8])
    expect(await rooms('?reserve=1GiB')).toEqual([4, 0, 1, 5, 2, 12])
    expect(await rooms('?reserve=1GiB&vmMemory=512MiB')).toEqual([8, 1, 2, 10, 4, 25])
    fixture.rules.policy = policyOf('hosts: [{ match: xenhv03, reserve: 6144MiB }]')
    expect(await rooms('')).toEqual([3, 0, 0, 0, 1, 4])
    expect(await rooms('?reserve=1GiB')).toEqual([4, 0, 1, 5, 2, 12])
    fixture.rules.policy = defaultPolicy
  })

  it('shows what a failure of each host means', async () => {
    const { hosts } = capacityView.parse(await fixture.get('/api/v1/capacity'))
    expect(hosts.find(({ name }) => name === 'xenhv01')?.failure).toEqual({
      neededBytes: 6656 * MiB,
      freeBytes: 5120 * MiB,
      fits: false,
      restartable: { neededBytes: 4096 * MiB, fits: true },
      lost: { bytes: 2560 * MiB, vms: ['bell', 'motty', 'secretary'] },
    })
  })
})

describe('history', () => {
  const at = (seconds: number): number => builtAt - 60_000 + seconds * 1000
  const event = { hostId: hostIdOf('xenhv01'), vmUuid: uuidOf('bell'), vmName: 'bell', reason: '', message: '' }

  beforeAll(async () => {
    const entity = { kind: 'vm', id: uuidOf('bell') } as const
    await fixture.store.write({
      points: [
        { entity, atMs: at(0), fields: { cpuCores: 1, writeBytesPerSecond: 10 } },
        { entity, atMs: at(10), fields: { cpuCores: 3 } },
        { entity, atMs: at(30), fields: { cpuCores: 5 } },
        { entity: { kind: 'vm', id: uuidOf('mail') }, atMs: at(0), fields: { cpuCores: 2, writeBytesPerSecond: 99 } },
        ...['xenhv01', 'xenhv02'].map((host, index) => ({
          entity: { kind: 'array', id: `${elabArrayKey}/${hostIdOf(host)}` } as const,
          atMs: at(0),
          fields: { writeBytesPerSecond: 100, writeLatencyMs: 5 + index },
        })),
      ],
      events: [
        { at: at(1), kind: 'started', ...event },
        { at: at(2), kind: 'stopped', ...event },
        { at: at(2), kind: 'crashed', ...event },
        { at: at(2), kind: 'lost', ...event },
        { at: at(3), kind: 'started', ...event, vmUuid: uuidOf('mail'), vmName: 'mail' },
      ],
      marks: [],
    })
  })

  const series = async (query: string): Promise<unknown> =>
    seriesView.parse(await fixture.get(`/api/v1/series?${query}`)).rows

  it('answers rows of time and values', async () => {
    expect(await series('entity=vm:bell&fields=cpuCores,writeBytesPerSecond&from=-1h&step=0')).toEqual([
      [at(0), 1, 10],
      [at(10), 3, null],
      [at(30), 5, null],
    ])
    const span = `from=${at(0)}&to=${at(60)}`
    expect(await series(`entity=vm:${uuidOf('bell')}&fields=cpuCores&${span}&step=20s`)).toEqual([
      [at(0), 2],
      [at(20), 5],
    ])
    expect(await series(`entity=vm:bell&fields=cpuCores&${span}&step=20000&agg=max`)).toEqual([
      [at(0), 3],
      [at(20), 5],
    ])
    expect(await series(`entity=vm:never-seen&fields=cpuCores&${span}`)).toEqual([])
  })

  it('puts the hosts of an array together', async () => {
    const fields = 'fields=writeBytesPerSecond,writeLatencyMs'
    expect(await series(`entity=array:${elabArrayKey}&${fields}&step=10s`)).toEqual([[at(0), 200, 6]])
    const one = `array:${elabArrayKey}/${hostIdOf('xenhv01')}`
    expect(await series(`entity=${encodeURIComponent(one)}&${fields}&step=10s`)).toEqual([[at(0), 100, 5]])
  })

  it('chooses a step by itself', async () => {
    const step = async (from: string): Promise<number> =>
      seriesView.parse(await fixture.get(`/api/v1/series?entity=vm:bell&fields=cpuCores&from=${from}`)).stepMs
    expect(await step('-10m')).toBe(1000)
    expect(await step('-1h')).toBe(10_000)
    expect(await step('-7d')).toBe(900_000)
  })

  it('names the top, now and of a time', async () => {
    const rows = async (query: string): Promise<unknown> =>
      topView.parse(await fixture.get(`/api/v1/top?${query}`)).rows.map(({ name, host, value }) => [name, host, value])
    fixture.fleet.set(
      withVm(
        withVm(elabSnapshot(), 'bell', {
          metrics: { readRequestsPerSecond: known(1), writeRequestsPerSecond: known(2) },
        }),
        'mail',
        { metrics: { writeRequestsPerSecond: known(2), writeBytesPerSecond: known(7), writeLatencyMs: known(4) } },
      ),
    )
    expect(await rows('by=writeRequestsPerSecond')).toEqual([
      ['bell', 'xenhv01', 2],
      ['mail', 'xenhv02', 2],
    ])
    expect(await rows('by=requests&n=1')).toEqual([['bell', 'xenhv01', 3]])
    expect(await rows('by=write')).toEqual([['mail', 'xenhv02', 7]])
    expect(await rows('by=latency')).toEqual([['mail', 'xenhv02', 4]])
    expect(await rows('by=writeBytesPerSecond&from=-1h')).toEqual([
      ['mail', 'xenhv02', 99],
      ['bell', 'xenhv01', 10],
    ])
    expect(await rows('by=cpu&from=-1h&agg=max&n=1')).toEqual([['bell', 'xenhv01', 5]])
    expect(await rows('kind=host&by=load1')).toEqual([])
    fixture.fleet.set(elabSnapshot())
  })

  it('tells what happened, newest first, in pages', async () => {
    const page = z.strictObject({ events: z.array(eventView), nextCursor: z.string().optional() })
    const kinds: string[] = []
    let query = '?limit=2'
    for (;;) {
      const { events, nextCursor } = page.parse(await fixture.get(`/api/v1/events/history${query}`))
      kinds.push(...events.map(({ kind, vmName }) => `${vmName} ${kind}`))
      if (nextCursor === undefined) break
      query = `?limit=2&cursor=${nextCursor}`
    }
    expect(kinds).toHaveLength(5)
    expect(kinds[0]).toBe('mail started')
    expect(kinds[4]).toBe('bell started')
    expect(kinds.slice(1, 4).sort()).toEqual(['bell crashed', 'bell lost', 'bell stopped'])
    const mail = page.parse(await fixture.get('/api/v1/events/history?vm=mail')).events
    expect(mail).toMatchObject([{ kind: 'started', host: 'xenhv01' }])
    expect(page.parse(await fixture.get('/api/v1/events/history?host=xenhv02')).events).toEqual([])
    expect(page.parse(await fixture.get(`/api/v1/events/history?from=${at(3)}`)).events).toHaveLength(1)
    expect(page.parse(await fixture.get(`/api/v1/events/history?to=${at(2)}`)).events).toHaveLength(1)
  })
})
