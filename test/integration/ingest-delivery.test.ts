import { access, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { X509Certificate } from 'node:crypto'

import { status } from '@grpc/grpc-js'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { startAgent, type Agent } from '../../agent/agent.js'
import { agentConfigSchema } from '../../agent/config.js'
import { loadIdentity, type Identity } from '../../agent/report/identity.js'
import { SpoolSet } from '../../agent/report/spool-set.js'
import { reportToWire, type Pass } from '../../agent/report/report-to-wire.js'
import { encodeMessage, inventoryToWire } from '../../agent/report/to-wire.js'
import { Uplink, type UplinkOptions } from '../../agent/report/uplink.js'
import { pause } from '../../common/lifecycle.js'
import { createLog } from '../../common/log.js'
import type { Host } from '../../controller/model/snapshot.js'
import { readSpools } from '../durability/spool-on-disk.js'
import { collectedLog } from '../support/log-lines.js'
import { openSlowLine } from '../support/slow-line.js'
import { enrolAgent, hostDraft, hostNamed, openRawSession } from '../support/ingest-agent.js'
import { scratch, startIngest, type IngestController, type IngestOptions } from '../support/ingest-controller.js'

const log = createLog('test', 'silent')
let dir: Awaited<ReturnType<typeof scratch>>
let agentDir: Awaited<ReturnType<typeof scratch>>
let controller: IngestController
const cleanups: (() => Promise<void>)[] = []

beforeEach(async () => {
  dir = await scratch()
  agentDir = await scratch()
  controller = await startIngest(dir.path)
})
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean()
  await controller.stop()
  await dir.remove()
  await agentDir.remove()
})

const until = (check: () => unknown): Promise<unknown> => vi.waitFor(check, { timeout: 20_000, interval: 20 })

/** The same controller again: its data, new objects, its port. */
async function restart(options: IngestOptions = {}): Promise<void> {
  controller = await startIngest(dir.path, { port: controller.server.port, ...options })
}

/** The agent's own code from configuration to spool, on the tiny simulated fleet. */
async function agentOnTinyFleet({
  token = controller.token('any'),
  now = () => Date.now(),
  more = [],
}: {
  readonly token?: Promise<string>
  readonly now?: () => number
  /** Other fleet files. */
  readonly more?: readonly string[]
} = {}): Promise<Agent> {
  const joinTokenFile = join(agentDir.path, 'join-token')
  await writeFile(joinTokenFile, await token)
  const agent = await startAgent({
    config: agentConfigSchema.parse({
      data: agentDir.path,
      controllers: [{ address: controller.address, joinTokenFile }],
      hypervisors: ['deploy/fleets/tiny.yaml', ...more].map((fleet) => ({ kind: 'simulated', fleet })),
      metrics: { port: 0 },
      intervals: { state: '500ms', fast: '500ms', block: '500ms' },
    }),
    version: '0.1.0',
    log,
    now,
    monotonicMs: () => performance.now(),
  })
  cleanups.push(() => agent.stop())
  return agent
}

/** An identity of the agent's own making, for a session by hand. */
async function enrolled(name: string): Promise<Identity> {
  const token = await controller.token()
  return enrolAgent({ address: controller.address, token, dataDir: agentDir.path, hosts: [hostNamed(name)] })
}

const nothing = { lane: 'state', vms: [], gaps: [], arrays: [], events: [], collectors: [] } as const

/** The agent's uplink alone; what it reports is the test's business. */
async function uplinkOf(
  name: string,
  more: Partial<UplinkOptions> = {},
): Promise<{ uplink: Uplink; spool: SpoolSet; identity: Identity; report: (load1: number) => void }> {
  const identity = await enrolled(name)
  const bounds = { maxReports: 1000, maxBytes: 1e7, maxAgeMs: 3 * 86_400_000 }
  const spool = new SpoolSet(join(agentDir.path, 'spool'), bounds, log, () => Date.now())
  spool.start()
  cleanups.push(() => spool.stop())
  const options: UplinkOptions = {
    address: controller.address,
    dataDir: agentDir.path,
    version: '0.1.0',
    spools: spool,
    introductions: () => [{ identity: hostNamed(name), capabilities: [{ name: 'host-cpu', support: 'yes' }] }],
    inventories: () => new Map(),
    onSettings: () => undefined,
    log,
    now: () => Date.now(),
    ...more,
  }
  const uplink = new Uplink(options, identity)
  cleanups.push(() => uplink.stop())
  const report = (load1: number): void => {
    const pass: Pass = { ...nothing, atMs: base + load1 * 1000, host: { load1 } }
    const { hostId, bootId } = hostNamed(name)
    spool.add((spoolId, seq) => encodeMessage(reportToWire(pass, { spoolId, seq, hostId, bootId, agent: undefined })))
  }
  return { uplink, spool, identity, report }
}

/** Times of reports: within the last half hour, a second apart. */
const base = Date.now() - 1_800_000

async function loadsOf(name: string): Promise<(number | null)[]> {
  const { rows } = await controller.store.range({
    entity: { kind: 'host', id: `id-of-${name}` },
    fields: ['load1'],
    fromMs: base,
    toMs: base + 3_600_000,
    stepMs: 0,
    agg: 'last',
  })
  return rows.map((row) => row[1] ?? null)
}

const upTo = (last: number): number[] => Array.from({ length: last }, (_, index) => index + 1)

describe('an agent and its controller', () => {
  it('from a join token to durable figures; the last reports arrive when the agent stops', async () => {
    const agent = await agentOnTinyFleet()
    await until(() => {
      const { hosts, vms } = controller.fleet.snapshot()
      expect([...hosts.values()].map((host) => [host.name, host.status, host.simulated])).toEqual([
        ['one', 'up', true],
        ['two', 'up', true],
      ])
      expect([...vms.values()].map((vm) => vm.name).toSorted()).toEqual(['lab', 'mail', 'www'])
      for (const vm of vms.values()) expect(vm.metrics['cpuCores']).toHaveProperty('value')
    })
    await expect(access(join(agentDir.path, 'join-token'))).rejects.toThrow('ENOENT')
    const mail = [...controller.fleet.snapshot().vms.values()].find((vm) => vm.name === 'mail')
    const query = {
      entity: { kind: 'vm', id: mail?.uuid ?? '' },
      fields: ['cpuCores', 'memoryBytes'],
      fromMs: Date.now() - 60_000,
      toMs: Date.now() + 60_000,
      stepMs: 0,
      agg: 'last',
    } as const
    await vi.waitFor(async () => expect((await controller.store.range(query)).rows.length).toBeGreaterThan(2), 5000)
    expect(agent.status()).toMatchObject({ connected: true, waitingFor: '', droppedReports: 0 })

    await agent.stop()
    expect(agent.status().spoolReports).toBe(0)
    const marks = await controller.store.marks()
    expect([...marks.values()][0]).toBeGreaterThan(3)
    await until(() =>
      expect([...controller.fleet.snapshot().hosts.values()].map((one) => one.status)).toEqual(['silent', 'silent']),
    )
  })

  it('find each other again after a restart of the controller, which knows its hosts as silent meanwhile', async () => {
    const agent = await agentOnTinyFleet()
    await until(() =>
      expect([...controller.fleet.snapshot().vms.values()].filter((vm) => vm.state === 'running')).toHaveLength(3),
    )
    await controller.stop()
    await until(() => expect(agent.status().spoolReports).toBeGreaterThan(2))
    expect(agent.status().connected).toBe(false)
    await restart()
    const known = controller.fleet.snapshot()
    expect([...known.hosts.values()].map((host) => host.name).toSorted()).toEqual(['one', 'two'])
    expect([...known.vms.values()].map((vm) => vm.name).toSorted()).toEqual(['lab', 'mail', 'www'])
    expect([...known.hosts.values()].map((host) => host.status)).toEqual(['silent', 'silent'])
    await until(() => {
      const { hosts } = controller.fleet.snapshot()
      expect([...hosts.values()].map((host) => host.status)).toEqual(['up', 'up'])
      expect(agent.status().spoolReports).toBe(0)
    })
    expect(agent.status().droppedReports).toBe(0)
  })

  it('an agent that starts before its controller waits, says so, and then connects', async () => {
    const identity = await enrolAgent({
      address: controller.address,
      token: await controller.token('any'),
      dataDir: agentDir.path,
      hosts: [],
    })
    expect(identity.agentId).toMatch(/^agent-/)
    await controller.stop()
    const agent = await agentOnTinyFleet({ token: Promise.resolve('used up') })
    await until(() => expect(agent.status().reconnects).toBeGreaterThan(0))
    const health = await fetch(`http://127.0.0.1:${agent.metricsPort}/healthz`)
    expect([health.status, await health.json()]).toMatchObject([503, { problems: ['not connected to the controller'] }])
    await restart()
    await until(() => expect(agent.status().connected).toBe(true))
    await vi.waitFor(
      async () => expect((await fetch(`http://127.0.0.1:${agent.metricsPort}/healthz`)).status).toBe(200),
      5000,
    )
  })

  it('hosts stay up when the clock of their machine is set', async () => {
    let aheadMs = 0
    await agentOnTinyFleet({ now: () => Date.now() + aheadMs })
    const ages = (): number[] =>
      [...controller.fleet.snapshot().hosts.values()].map((host) => Math.abs(Date.now() - (host.lastReportAt ?? 0)))
    await until(() => expect(ages()).toHaveLength(2))
    for (const step of [3_600_000, -3_600_000, 0]) {
      aheadMs = step
      const before = await controller.counted('reports', 'state')
      await vi.waitFor(
        async () => expect(await controller.counted('reports', 'state')).toBeGreaterThan(before + 3),
        8000,
      )
      expect(Math.max(...ages())).toBeLessThan(5000)
      expect([...controller.fleet.snapshot().hosts.values()].map((host) => host.status)).toEqual(['up', 'up'])
    }
  })

  it('reports that wait are soon on disk, and stay, though the clock of their machine is set', async () => {
    let aheadMs = 0
    const agent = await agentOnTinyFleet({ now: () => Date.now() + aheadMs })
    await until(() => expect(agent.status().connected).toBe(true))
    await controller.stop()
    await until(() => expect(agent.status().spoolReports).toBeGreaterThan(3))
    const waiting = agent.status().spoolReports
    aheadMs = -86_400_000
    const madeBefore = async (): Promise<number> => {
      const kept = [...(await readSpools(join(agentDir.path, 'spool'))).values()].flatMap((spool) => [
        ...spool.values(),
      ])
      return kept.filter(({ report }) => Number(report.atMs) > Date.now() - 3_600_000).length
    }
    await vi.waitFor(async () => expect(await madeBefore()).toBeGreaterThanOrEqual(waiting), 8000)
    // By more than reports may wait.
    aheadMs = 4 * 86_400_000
    const { spoolReports } = agent.status()
    await until(() => expect(agent.status().spoolReports).toBeGreaterThan(spoolReports + 3))
    expect(agent.status().droppedReports).toBe(0)
    await restart()
  })

  it.each([
    ['a day behind', -86_400_000, 'while the agent waits', false],
    ['a day ahead', 86_400_000, 'while the agent waits', false],
    ['a day behind', -86_400_000, 'while it is off', true],
    ['a day ahead', 86_400_000, 'while it is off', true],
  ])('what was read by a clock %s (%d ms) goes to its own time; set %s', async (_how, dayOff, _when, startsAnew) => {
    const beganMs = Date.now()
    let aheadMs = dayOff
    const now = (): number => Date.now() + aheadMs
    let agent = await agentOnTinyFleet({ now })
    await until(() => expect(agent.status().connected).toBe(true))
    await controller.stop()
    await until(() => expect(agent.status().spoolReports).toBeGreaterThan(8))
    if (startsAnew) await agent.stop()
    aheadMs = 0
    if (startsAnew) agent = await agentOnTinyFleet({ now, token: Promise.resolve('') })
    await restart()
    await until(() => expect(agent.status()).toMatchObject({ connected: true, spoolReports: 0 }))
    await agent.stop()
    const [host] = await controller.store.series({ kind: 'host' })
    if (host === undefined) throw new Error('no host')
    const range = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER, stepMs: 0, agg: 'last' as const }
    const { rows } = await controller.store.range({ entity: host.entity, fields: ['load1'], ...range })
    const moments = rows.map(([at]) => at ?? 0)
    expect(moments[0]).toBeGreaterThan(beganMs - 500)
    expect(moments.at(-1)).toBeLessThan(Date.now() + 500)
    // (Simulated VMs do not go back in time with the clock: their own moments are refused then.)
    expect(await controller.counted('refusedFields', 'report.at_ms')).toBe(0)
  })

  it('what an earlier life left of a host that is not there yet is delivered, and the host shows as silent', async () => {
    const fleet = join(agentDir.path, 'third.yaml')
    const text = [
      'name: third',
      'hosts: [{ name: three, cores: 4, mhz: 2400, memoryMiB: 8192, hypervisor: kvm, version: QEMU, os: Debian }]',
      'arrays: []',
      'vms: []',
    ].join('\n')
    await writeFile(fleet, text)
    let agent = await agentOnTinyFleet({ more: [fleet] })
    const third = (): Host | undefined =>
      [...controller.fleet.snapshot().hosts.values()].find((host) => host.name === 'three')
    await until(() => expect(third()?.status).toBe('up'))
    await controller.stop()
    const { spoolReports } = agent.status()
    await until(() => expect(agent.status().spoolReports).toBeGreaterThan(spoolReports + 12))
    await agent.stop()
    const stoppedAt = Date.now()
    await rename(fleet, `${fleet}.away`)
    await restart()
    agent = await agentOnTinyFleet({ token: Promise.resolve(''), more: [fleet] })
    await until(() => expect(agent.status()).toMatchObject({ connected: true, spoolReports: 0 }))
    expect(third()?.status).toBe('silent')
    expect(await controller.counted('refusedFields')).toBe(0)
    const { rows } = await controller.store.range({
      entity: { kind: 'host', id: third()?.id ?? '' },
      fields: ['load1'],
      fromMs: 0,
      toMs: Date.now(),
      stepMs: 0,
      agg: 'last',
    })
    expect(rows.at(-1)?.[0]).toBeGreaterThan(stoppedAt - 1500)
    await rename(`${fleet}.away`, fleet)
    await until(() => expect(third()?.status).toBe('up'))
  })

  it('an agent without a good token waits for one, and stops at once when told', async () => {
    const agent = await agentOnTinyFleet({ token: Promise.resolve('a.b.c') })
    await until(() =>
      expect(agent.status().waitingFor).toMatch(/not enrolled yet: .*is not the one that made the join token/),
    )
    await writeFile(join(agentDir.path, 'join-token'), await controller.token('any'))
    await until(() => expect(agent.status().connected).toBe(true))
    const began = performance.now()
    await agent.stop()
    expect(performance.now() - began).toBeLessThan(4000)
  })
})

describe('delivery', () => {
  it('goes on where it was after the controller was away; nothing is lost, nothing doubled', async () => {
    const { uplink, spool, report } = await uplinkOf('one')
    uplink.start()
    for (const load of upTo(5)) report(load)
    await until(() => expect(spool.size).toBe(0))
    await controller.stop()
    for (const load of [6, 7, 8]) report(load)
    await restart()
    await until(() => expect(spool.size).toBe(0))
    for (const load of [9, 10]) report(load)
    await until(() => expect(spool.size).toBe(0))
    expect(await loadsOf('one')).toEqual(upTo(10))
    expect([...(await controller.store.marks()).values()]).toEqual([10])
    expect(await controller.counted('duplicates')).toBe(0)
  })

  it('a long outage does not fill the log', async () => {
    const { log: kept, lines } = collectedLog()
    const { uplink, spool, report } = await uplinkOf('one', { log: kept })
    uplink.start()
    report(1)
    await until(() => expect(spool.size).toBe(0))
    await controller.stop()
    await until(() => expect(uplink.reconnects).toBeGreaterThan(4))
    const ends = lines.filter(({ msg }) => msg === 'session ended')
    expect(ends.length).toBeLessThanOrEqual(2)
    expect(ends[0]).toMatchObject({ level: 40, controller: controller.address, end: { message: expect.any(String) } })
    await restart()
  })

  it('keeps all of an outage in one spool, however often it tries to connect, and sends it after what is fresh', async () => {
    const { uplink, spool, report } = await uplinkOf('one')
    uplink.start()
    report(1)
    await until(() => expect(spool.size).toBe(0))
    await controller.stop()
    for (const round of upTo(3)) {
      const tries = uplink.reconnects
      await until(() => expect(uplink.reconnects).toBeGreaterThan(tries))
      for (const load of upTo(250)) report(1 + (round - 1) * 250 + load)
      expect(spool.backlog).toEqual([])
    }
    await restart()
    const told = vi.spyOn(controller.fleet, 'apply')
    await until(() => expect(spool.backlog.length + spool.size).toBe(0))
    const { values } = await controller.metrics.reports.get()
    expect(values.find(({ labels }) => labels.lane === 'late')?.value).toBe(750)
    expect(await loadsOf('one')).toEqual(upTo(751))
    // In the end the controller hears that there is no backlog any more, and need keep nothing for it.
    const backlogs = (): number[] =>
      told.mock.calls.flatMap(([input]) => (input.type === 'agent-connected' ? [input.backlog?.length ?? 0] : []))
    await until(() => expect(backlogs()).toEqual([1, 0]))
  })

  it('sends all spools of a long backlog in one session, though a controller knows few at a time', async () => {
    const lives = 300
    for (const load of upTo(lives)) {
      const bounds = { maxReports: 1000, maxBytes: 1e7, maxAgeMs: 3 * 86_400_000 }
      const life = new SpoolSet(join(agentDir.path, 'earlier', String(load)), bounds, log, () => Date.now())
      const pass: Pass = { ...nothing, atMs: base + load * 1000, host: { load1: load } }
      const { hostId, bootId } = hostNamed('one')
      life.add((spoolId, seq) => encodeMessage(reportToWire(pass, { spoolId, seq, hostId, bootId, agent: undefined })))
      await life.stop()
      const [name = ''] = await readdir(join(agentDir.path, 'earlier', String(load)))
      await mkdir(join(agentDir.path, 'spool'), { recursive: true })
      await rename(join(agentDir.path, 'earlier', String(load), name), join(agentDir.path, 'spool', name))
    }
    const { uplink, spool, report } = await uplinkOf('one')
    expect(spool.backlog).toHaveLength(lives)
    const told = vi.spyOn(controller.fleet, 'apply')
    uplink.start()
    report(lives + 1)
    await until(() => expect(spool.backlog.length + spool.size).toBe(0))
    expect(uplink.reconnects).toBe(0)
    expect(await loadsOf('one')).toEqual(upTo(lives + 1))
    expect([await controller.counted('refusedFields'), await controller.counted('duplicates')]).toEqual([0, 0])
    const named = told.mock.calls.flatMap(([input]) => (input.type === 'agent-connected' ? [input.backlog ?? []] : []))
    expect(named[0]).toHaveLength(256)
    expect(Math.max(...named.map(({ length }) => length))).toBe(256)
    await until(() =>
      expect(told.mock.calls.findLast(([input]) => input.type === 'agent-connected')?.[0]).toMatchObject({
        backlog: [],
      }),
    )
  })

  it('sends again what was not acked when the controller died, and the store keeps one of each', async () => {
    let lost = false
    await controller.stop()
    // The worst moment: it is stored, and the answer never comes.
    await restart({
      write: async (batch, store) => {
        await store.write(batch)
        if (lost) await new Promise(() => undefined)
      },
    })
    const { uplink, spool, report } = await uplinkOf('one')
    uplink.start()
    report(1)
    await until(() => expect(spool.size).toBe(0))
    lost = true
    for (const load of [2, 3, 4]) report(load)
    await vi.waitFor(async () => expect((await loadsOf('one')).length).toBeGreaterThanOrEqual(2), 5000)
    expect(spool.size).toBe(3)
    // It dies: no orderly stop.
    await controller.server.close()
    await controller.store.close()
    await controller.state.close()
    await restart()
    await until(() => expect(spool.size).toBe(0))
    expect(await loadsOf('one')).toEqual([1, 2, 3, 4])
  })

  it('acks again what comes twice, and stores it once', async () => {
    const identity = await enrolled('one')
    const session = openRawSession(controller.address, identity)
    cleanups.push(async () => session.close())
    session.hello({ hosts: [hostDraft('one')] })
    for (const seq of [1, 2, 1, 2, 2])
      session.report({ hostId: 'id-of-one', seq, atMs: base + seq * 1000, host: { load1: seq } })
    session.report({ hostId: 'id-of-one', seq: 3, atMs: base + 3000, host: { load1: 3 } })
    await until(() => expect(session.acked()).toBe(3))
    expect(await controller.counted('duplicates')).toBe(3)
    expect(await loadsOf('one')).toEqual([1, 2, 3])
  })

  it('waits while the store fails: nothing is acked, the session stays, and all of it comes', async () => {
    let fails = false
    await controller.stop()
    await restart({
      maxPending: 3,
      write: async (batch, store) => (fails ? Promise.reject(new Error('disk full')) : store.write(batch)),
    })
    const { uplink, spool, report } = await uplinkOf('one')
    uplink.start()
    report(1)
    await until(() => expect(spool.size).toBe(0))
    fails = true
    for (const load of upTo(20).slice(1)) report(load)
    await until(() => expect(controller.writer.problem).toBe('disk full'))
    await until(() => expect(controller.writer.check('x', 1)).toBe('busy'))
    expect([spool.size, uplink.connected, uplink.reconnects]).toEqual([19, true, 0])
    fails = false
    await until(() => expect(spool.size).toBe(0))
    expect(await loadsOf('one')).toEqual(upTo(20))
  })

  it('meanwhile inventories do not heap up with the agent: the newest of each host is sent in the end', async () => {
    let fails = true
    await controller.stop()
    await restart({
      maxPending: 1,
      write: async (batch, store) => (fails ? Promise.reject(new Error('disk full')) : store.write(batch)),
    })
    const applied = vi.spyOn(controller.fleet, 'apply')
    const { uplink, spool, report } = await uplinkOf('one')
    uplink.start()
    for (const load of upTo(40)) report(load)
    await until(() => expect(controller.writer.check('x', 1)).toBe('busy'))
    const { hostId } = hostNamed('one')
    for (const count of upTo(400)) {
      const host = {
        name: 'one',
        hypervisorVersion: '',
        memoryBytes: 1,
        os: 'x'.repeat(100_000),
        kernel: String(count),
      }
      const inventory = encodeMessage(
        inventoryToWire({ host, vms: [], arrays: [] }, { hostId, revision: '', atMs: base }),
      )
      uplink.sendInventory(hostId, inventory)
      if (count % 10 === 0) await pause(1, new AbortController().signal)
    }
    fails = false
    await until(() => expect(spool.size).toBe(0))
    await until(() => expect(controller.fleet.snapshot().hosts.get(hostId)?.kernel).toBe('400'))
    expect(applied.mock.calls.filter(([input]) => input.type === 'inventory').length).toBeLessThan(40)
    expect(uplink.reconnects).toBe(0)
  })

  it('a session that waits for a failing store ends with its peer', async () => {
    await controller.stop()
    await restart({ maxPending: 1, write: async () => Promise.reject(new Error('disk full')) })
    const identity = await enrolled('one')
    const session = openRawSession(controller.address, identity)
    session.hello({ hosts: [hostDraft('one')] })
    for (const seq of [1, 2, 3]) session.report({ hostId: 'id-of-one', seq })
    await until(() => expect(controller.writer.check('x', 1)).toBe('busy'))
    session.close()
    await vi.waitFor(async () => expect((await controller.metrics.sessions.get()).values[0]?.value).toBe(0), 5000)
    expect(controller.fleet.snapshot().hosts.get('id-of-one')?.status).toBe('silent')
  })

  it('leaves out a report that is larger than the controller takes; the others arrive', async () => {
    const { uplink, spool, report } = await uplinkOf('one')
    uplink.start()
    report(1)
    spool.add(() => Buffer.alloc(4 * 1024 * 1024 + 1))
    report(3)
    await until(() => expect(spool.size).toBe(0))
    expect([uplink.tooLarge, uplink.reconnects]).toEqual([1, 0])
    expect(await loadsOf('one')).toEqual([1, 3])
    uplink.introduceAgain()
    await until(() => expect([...controller.fleet.snapshot().agents.values()][0]?.droppedReports).toBe(1))
  })

  it('one that is too large at the end of a backlog does not stay for ever, and counts once', async () => {
    const { uplink, spool, report } = await uplinkOf('one')
    report(1)
    spool.add(() => Buffer.alloc(4 * 1024 * 1024 + 1))
    spool.retire(0)
    uplink.start()
    await until(() => expect([spool.backlog, spool.size]).toEqual([[], 0]))
    await controller.stop()
    await restart()
    report(2)
    await until(() => expect(spool.size).toBe(0))
    expect(uplink.tooLarge).toBe(1)
  })
})

describe('sessions', () => {
  it('of an agent that joined anew while it runs: nothing that was acked before counts as missing', async () => {
    const { uplink, spool, identity, report } = await uplinkOf('one', { checkRenewalMs: 20, holdMs: 10 })
    uplink.start()
    for (const load of upTo(3)) report(load)
    await until(() => expect(spool.size).toBe(0))
    await controller.agents.revoke(identity.agentId, Date.now())
    await rm(join(agentDir.path, 'identity.json'))
    const other = await enrolled('one')
    expect(other.agentId).not.toBe(identity.agentId)
    await until(() => expect(controller.fleet.snapshot().agents.get(other.agentId)?.connected).toBe(true))
    report(4)
    await until(() => expect(spool.size).toBe(0))
    expect(await loadsOf('one')).toEqual(upTo(4))
    expect((await controller.metrics.missingReports.get()).values[0]?.value).toBe(0)
    await spool.stop()
    expect(await readdir(join(agentDir.path, 'spool'))).toEqual([])
  })

  it('a newer one of the same agent takes over, and its hosts never look silent', async () => {
    const identity = await enrolled('one')
    const first = openRawSession(controller.address, identity)
    first.hello({ hosts: [hostDraft('one')] })
    first.report({ hostId: 'id-of-one', seq: 1 })
    await until(() => expect(first.acked()).toBe(1))
    const statuses = new Set<string | undefined>()
    const unsubscribe = controller.fleet.subscribe(() => {
      statuses.add(controller.fleet.snapshot().hosts.get('id-of-one')?.status)
    })
    const second = openRawSession(controller.address, identity)
    cleanups.push(async () => second.close())
    second.hello({ hosts: [hostDraft('one')] })
    expect(await first.ended).toMatchObject({
      code: status.ABORTED,
      details: 'a newer session of this agent took over',
    })
    second.report({ hostId: 'id-of-one', seq: 2 })
    await until(() => expect(second.acked()).toBe(2))
    expect([...statuses]).toEqual(['up'])
    expect((await controller.metrics.sessions.get()).values[0]?.value).toBe(1)
    unsubscribe()
    first.close()
  })

  it('many that come at once leave one, which gets its acks', async () => {
    const identity = await enrolled('one')
    const sessions = upTo(8).map(() => openRawSession(controller.address, identity))
    cleanups.push(async () => sessions.forEach((one) => one.close()))
    for (const session of sessions) session.hello({ hosts: [hostDraft('one')] })
    await vi.waitFor(async () => expect((await controller.metrics.sessions.get()).values[0]?.value).toBe(1), 5000)
    const alive = async (): Promise<typeof sessions> => {
      const over = await Promise.all(sessions.map((one) => Promise.race([one.ended, Promise.resolve(undefined)])))
      return sessions.filter((_one, index) => over[index] === undefined)
    }
    await vi.waitFor(async () => expect(await alive()).toHaveLength(1), 5000)
    const [last] = await alive()
    last?.report({ hostId: 'id-of-one', seq: 1 })
    await until(() => expect(last?.acked()).toBe(1))
    expect(controller.fleet.snapshot().agents.get(identity.agentId)?.connected).toBe(true)
  })

  it('a hello within a session changes what its hosts can do', async () => {
    let support: 'yes' | 'no' = 'no'
    const { uplink, report, spool } = await uplinkOf('one', {
      introductions: () => [{ identity: hostNamed('one'), capabilities: [{ name: 'cpu', support, reason: 'why' }] }],
    })
    uplink.start()
    const capability = (): string | undefined =>
      controller.fleet
        .snapshot()
        .hosts.get('id-of-one')
        ?.capabilities.find((one) => one.name === 'cpu')?.support
    await until(() => expect(capability()).toBe('no'))
    support = 'yes'
    uplink.introduceAgain()
    await until(() => expect(capability()).toBe('yes'))
    report(1)
    await until(() => expect(spool.size).toBe(0))
    expect(uplink.reconnects).toBe(0)
  })

  it('hands out other intervals to agents that are connected when the fleet has another size', async () => {
    let stateMs = 10_000
    await controller.stop()
    const others = { fastMs: 1000, blockMs: 10_000, guestMemoryMs: 30_000, inventoryMs: 60_000 }
    await restart({ intervals: () => ({ ...others, stateMs }) })
    const asked: (number | undefined)[] = []
    const { uplink } = await uplinkOf('one', { onSettings: (settings) => asked.push(settings.stateMs) })
    uplink.start()
    await until(() => expect(asked).toEqual([10_000]))
    stateMs = 30_000
    await until(() => expect(asked).toEqual([10_000, 30_000]))
    stateMs = 10_000
    await until(() => expect(asked).toEqual([10_000, 30_000, 10_000]))
    expect(uplink.reconnects).toBe(0)
  })

  it('the drops of an agent never become fewer while it lives: its hello says them', async () => {
    const identity = await enrolled('one')
    const shown = (): number | undefined => controller.fleet.snapshot().agents.get(identity.agentId)?.droppedReports
    const tell = async (hello: object, seq: number, droppedReports: number): Promise<(number | undefined)[]> => {
      const session = openRawSession(controller.address, identity)
      cleanups.push(async () => session.close())
      session.hello({ hosts: [hostDraft('one')], ...hello })
      await until(() => expect(session.received.length).toBeGreaterThan(1))
      const first = shown()
      session.report({ hostId: 'id-of-one', seq, agent: { droppedReports } })
      await until(() => expect(session.acked()).toBe(seq))
      return [first, shown()]
    }
    expect(await tell({}, 1, 5)).toEqual([0, 5])
    expect(await tell({ droppedReports: 7 }, 2, 7)).toEqual([7, 7])
    // This report has waited since before more were dropped.
    expect(await tell({ droppedReports: 9 }, 3, 8)).toEqual([9, 9])
    // Another life.
    expect(await tell({ droppedReports: 0 }, 4, 1)).toEqual([0, 1])
  })

  it('a hello that names a spool of the backlog no more ends what is kept for it', async () => {
    const identity = await enrolled('one')
    const session = openRawSession(controller.address, identity)
    cleanups.push(async () => session.close())
    const hosts = [hostDraft('one', { capabilities: [{ name: 'host-memory', support: 1 }] })]
    const late = (seq: number): void =>
      session.report({
        spoolId: 'late',
        seq,
        hostId: 'id-of-one',
        bootId: 'boot-1',
        atMs: base + seq * 1000,
        host: { swapInBytes: seq * 4096 },
      })
    const backlog = [{ spoolId: 'late', oldestSeq: 1, nextSeq: 5 }]
    session.hello({ hosts, backlog })
    for (const seq of [1, 2]) late(seq)
    await until(() => expect(session.acked()).toBe(2))
    session.hello({ hosts })
    // Not known here now.
    late(3)
    session.hello({ hosts, backlog })
    for (const seq of [3, 4]) late(seq)
    await until(() => expect(session.acked()).toBe(4))
    // Rates of intervals within what was kept: from 1 to 2, and anew from 3 to 4.
    const { rows } = await controller.store.range({
      entity: { kind: 'host', id: 'id-of-one' },
      fields: ['swapInBytesPerSecond'],
      fromMs: base,
      toMs: base + 10_000,
      stepMs: 0,
      agg: 'last',
    })
    expect(rows.map(([at]) => ((at ?? 0) - base) / 1000)).toEqual([2, 4])
    expect(await controller.counted('refusedFields', 'report.spool_id')).toBe(1)
  })

  it('corrects times by what the hello says of the clock, and again when the clock is set', async () => {
    const identity = await enrolled('one')
    const session = openRawSession(controller.address, identity)
    cleanups.push(async () => session.close())
    const hour = 3_600_000
    const lastReport = (): number =>
      Date.now() - (controller.fleet.snapshot().hosts.get('id-of-one')?.lastReportAt ?? 0)
    session.hello({ hosts: [hostDraft('one')], wallMs: Date.now() - hour })
    session.report({ hostId: 'id-of-one', seq: 1, atMs: Date.now() - hour })
    await until(() => expect(session.acked()).toBe(1))
    expect(Math.abs(lastReport())).toBeLessThan(5000)
    session.hello({ hosts: [hostDraft('one')], wallMs: Date.now() })
    session.report({ hostId: 'id-of-one', seq: 2, atMs: Date.now() })
    await until(() => expect(session.acked()).toBe(2))
    expect(Math.abs(lastReport())).toBeLessThan(5000)
    // An hour ahead of ours: the offset is negative.
    session.hello({ hosts: [hostDraft('one')], wallMs: Date.now() + hour })
    session.report({ hostId: 'id-of-one', seq: 3, atMs: Date.now() + hour })
    await until(() => expect(session.acked()).toBe(3))
    expect(Math.abs(lastReport())).toBeLessThan(5000)
    expect(await controller.counted('refusedFields')).toBe(0)
  })

  it('takes no slow way for a clock that is behind: a second hello says how long the answer to the first took', async () => {
    const identity = await enrolled('one')
    const session = openRawSession(controller.address, identity)
    cleanups.push(async () => session.close())
    const offset = (): number | undefined => controller.fleet.snapshot().agents.get(identity.agentId)?.clockOffsetMs
    session.hello({ hosts: [hostDraft('one')], wallMs: Date.now() - 9000 })
    await until(() => expect(offset()).toBeGreaterThan(8000))
    session.hello({ hosts: [hostDraft('one')], wallMs: Date.now() - 5000, answeredAfterMs: 9100 })
    await until(() => expect(offset()).toBe(0))
    session.hello({ hosts: [hostDraft('one')], wallMs: Date.now() - 5000, answeredAfterMs: 1e9 })
    await until(async () => expect(await controller.counted('refusedFields')).toBe(1))
  })

  it('an agent whose answer was long under way says so', async () => {
    await controller.stop()
    // By the first hello the agent is 2.2 s behind, of which 0.7 are the way.
    await restart({ now: () => Date.now() + 1500 })
    const line = await openSlowLine(controller.server.port, 700)
    cleanups.push(() => line.close())
    const { uplink, identity } = await uplinkOf('one', { address: `127.0.0.1:${line.port}` })
    uplink.start()
    await until(() => expect(controller.fleet.snapshot().agents.get(identity.agentId)?.clockOffsetMs).toBe(0))
  })

  it('a hello with a mad clock neither stops the store nor anybody else', async () => {
    const identity = await enrolled('one')
    const session = openRawSession(controller.address, identity)
    cleanups.push(async () => session.close())
    session.hello({ hosts: [hostDraft('one')], wallMs: Number.MAX_SAFE_INTEGER })
    session.report({
      hostId: 'id-of-one',
      seq: 1,
      atMs: 5,
      host: { load1: 1 },
      events: [{ atMs: 5, kind: 3 }],
      gaps: [{ group: 'cpu', sinceMs: 1 }],
    })
    session.inventory({ hostId: 'id-of-one', atMs: 5, host: { name: 'one' } })
    await until(() => expect(session.acked()).toBe(1))
    expect(controller.writer.problem).toBe('')
    expect(controller.fleet.snapshot().hosts.get('id-of-one')?.lastReportAt).toBeGreaterThan(Date.now() - 60_000)
  })
})

describe('certificates', () => {
  it('are renewed within a long session, and the next session uses the new one', async () => {
    let now = Date.now()
    const { uplink, identity } = await uplinkOf('one', { now: () => now, checkRenewalMs: 20 })
    uplink.start()
    await until(() => expect(uplink.connected).toBe(true))
    expect(await loadIdentity(agentDir.path)).toEqual(identity)
    // Half of its life is over.
    now += 46 * 86_400_000
    await vi.waitFor(
      async () => expect((await loadIdentity(agentDir.path))?.certificatePem).not.toBe(identity.certificatePem),
      5000,
    )
    now = Date.now()
    const renewed = await loadIdentity(agentDir.path)
    if (renewed === undefined) throw new Error('no identity')
    const issued = new X509Certificate(renewed.certificatePem)
    expect(issued.verify(new X509Certificate(controller.ca.certificatePem).publicKey)).toBe(true)
    expect([renewed.agentId, issued.subject]).toEqual([identity.agentId, `CN=${identity.agentId}`])
    expect(renewed.privateKeyPem).not.toBe(identity.privateKeyPem)
    // It is on disk a moment before the session is opened with it.
    await until(() => expect(uplink.connected).toBe(true))
    const session = openRawSession(controller.address, renewed)
    session.hello({ hosts: [hostDraft('one')] })
    await until(() => expect(session.received.length).toBeGreaterThan(0))
    session.close()
  })
})
