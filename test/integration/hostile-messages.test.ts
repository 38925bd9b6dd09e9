import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'

import { status } from '@grpc/grpc-js'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'

import { FromAgent } from '../../proto/gen/headroom/v1/agent.js'
import { Report } from '../../proto/gen/headroom/v1/report.js'
import { enrolAgent, hostDraft, hostNamed, openRawSession, type RawSession } from '../support/ingest-agent.js'
import { scratch, startIngest, type IngestController } from '../support/ingest-controller.js'
import { collectedLog } from '../support/log-lines.js'
import { quantile, startSteadyAgent, type SteadyAgent } from '../support/steady-agent.js'

/** Agents with good certificates that say what no agent of ours says. A good one beside them has its acks all the while. */
const { log, lines } = collectedLog()
let dir: Awaited<ReturnType<typeof scratch>>
let controller: IngestController
let good: SteadyAgent
const sessions: RawSession[] = []

beforeAll(async () => {
  dir = await scratch()
  const agentLimits = { reportsPerSecond: 100, bytesPerSecond: 512 * 1024, entities: 200, newEntitiesPerHour: 3600 }
  controller = await startIngest(dir.path, { log, agentLimits })
  good = await startSteadyAgent(controller.address, await enrolled('good'), 'good', 50)
})
afterAll(async () => {
  for (const session of sessions) session.close()
  good.stop()
  await controller.stop()
  await dir.remove()
})

async function enrolled(name: string): ReturnType<typeof enrolAgent> {
  const token = await controller.token()
  const identity = await enrolAgent({ address: controller.address, token, dataDir: dir.path, hosts: [hostNamed(name)] })
  await rm(`${dir.path}/identity.json`)
  return identity
}

async function connected(name: string): Promise<RawSession> {
  const session = openRawSession(controller.address, await enrolled(name))
  sessions.push(session)
  session.hello({ hosts: [hostDraft(name)] })
  await vi.waitFor(() => expect(session.received.length).toBeGreaterThan(0))
  return session
}

const uuid = 'c7f0c9a4-57d9-4a0e-8f5b-1f3a1f0d8f10'

describe('a bad figure or name is left out or cleaned, counted and written down; the rest of the report stands', () => {
  let bad: RawSession
  let seq = 0
  beforeAll(async () => {
    bad = await connected('bad')
  })

  /** A report as bytes, so that it can say what no encoder writes. */
  const bytesOf = (draft: object): Buffer => {
    seq += 1
    const report = { spoolId: 's', seq, hostId: 'id-of-bad', bootId: 'b', atMs: Date.now(), lane: 1, ...draft }
    return Buffer.from(FromAgent.encode({ message: { $case: 'report', value: Report.fromJSON(report) } }).finish())
  }
  const vm = (more: object): object => ({ vms: [{ uuid, runId: '1', state: 1, vcpus: 1, ...more }] })

  it.each<[what: string, field: string, report: () => Buffer]>([
    ['NaN', 'vm.cpu_seconds', () => bytesOf(vm({ cpuSeconds: NaN }))],
    ['a negative time', 'host.uptime_seconds', () => bytesOf({ host: { uptimeSeconds: -1 } })],
    ['2^63', 'vm.memory_bytes', () => bytesOf(vm({ memoryBytes: (2n ** 63n).toString() }))],
    ['10,000 VMs', 'report.vms', () => bytesOf({ vms: Array.from({ length: 10_000 }, () => ({ uuid })) })],
    ['a VM twice', 'vm.uuid', () => bytesOf({ vms: [{ uuid }, { uuid }] })],
    [
      'a new line in a name',
      'event.vm_name',
      () => bytesOf({ events: [{ atMs: Date.now(), kind: 1, vmName: 'a\nb' }] }),
    ],
    [
      'broken UTF-8',
      'report.boot_id',
      () =>
        Buffer.from(
          bytesOf({ bootId: 'QQQQ' }).map((byte, at, all) => (byte === 0x51 && all[at + 1] !== 0x51 ? 0xff : byte)),
        ),
    ],
    ['a disk without a name', 'disk.target', () => bytesOf(vm({ disks: [{ target: ' ' }] }))],
    ['a time in a year', 'report.at_ms', () => bytesOf({ atMs: Date.now() + 366 * 86_400_000 })],
  ])('%s: %s', async (_what, field, report) => {
    const before = await controller.counted('refusedFields', field)
    bad.send(report())
    await vi.waitFor(() => expect(bad.acked()).toBe(seq), 5000)
    expect((await controller.counted('refusedFields', field)) - before).toBeGreaterThanOrEqual(1)
    expect(lines).toContainEqual(
      expect.objectContaining({
        level: 40,
        fields: expect.objectContaining({ [field]: expect.any(Number) }),
        peer: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      }),
    )
  })

  it('markup in a name is text', async () => {
    bad.send(
      bytesOf({
        vms: [{ uuid, state: 1 }],
        events: [{ atMs: Date.now(), vmUuid: uuid, vmName: '<script>x</script>', kind: 1 }],
      }),
    )
    await vi.waitFor(() => expect(bad.acked()).toBe(seq))
    expect(controller.fleet.snapshot().vms.get(uuid)?.name).toBe('<script>x</script>')
  })
})

describe('an agent that says more than it may', () => {
  it('is read more slowly, and loses nothing; others have their acks', async () => {
    const loud = await connected('loud')
    good.ackTimes()
    // As many as may come at once, and far more than a busy machine takes while the rate lets more through.
    const reports = 1500
    const began = performance.now()
    for (let seq = 1; seq <= reports; seq += 1) loud.report({ hostId: 'id-of-loud', seq, host: { load1: seq } })
    await vi.waitFor(() => expect(loud.acked()).toBe(reports), 20_000)
    expect(performance.now() - began).toBeGreaterThan(900)
    const load = await controller.store.range({
      entity: { kind: 'host', id: 'id-of-loud' },
      fields: ['load1'],
      fromMs: 0,
      toMs: Date.now() + 60_000,
      stepMs: 0,
      agg: 'last',
    })
    expect(load.rows.at(-1)?.[1]).toBe(reports)
    expect(await controller.counted('slowedMessages')).toBeGreaterThan(10)
    expect(await controller.counted('slowedSeconds')).toBeGreaterThan(0.2)
    expect(lines).toContainEqual(
      expect.objectContaining({ msg: 'agent says more than it may: it is read more slowly', peer: expect.any(String) }),
    )
    expect(quantile(good.ackTimes(), 1)).toBeLessThan(1000)
  })
})

describe('an agent that tells of new VMs at every beat', () => {
  it('fills neither the fleet nor the store: as many as it may have, the rest is left out, counted and written down', async () => {
    const maker = await connected('maker')
    const reports = 30
    for (let seq = 1; seq <= reports; seq += 1) {
      const vms = Array.from({ length: 50 }, () => ({
        uuid: randomUUID(),
        runId: '1',
        state: 1,
        memoryBytes: 1000,
        disks: [{ target: 'vda', readBytes: seq }],
      }))
      maker.report({ hostId: 'id-of-maker', seq, lane: 3, vms })
    }
    await vi.waitFor(() => expect(maker.acked()).toBe(reports), 10_000)
    const own = [...controller.fleet.snapshot().vms.values()].filter(({ hostId }) => hostId === 'id-of-maker')
    expect(own.length).toBeGreaterThan(50)
    expect(own.length).toBeLessThan(220)
    const series = await controller.store.series({ kind: 'vm' })
    expect(series.length).toBeLessThan(230)
    expect(await controller.counted('refusedEntities')).toBeGreaterThan(1000)
    expect(lines).toContainEqual(
      expect.objectContaining({
        msg: 'agent tells of more new things than it may: left out',
        peer: expect.any(String),
      }),
    )
    // What it told of first goes on.
    const [known] = own
    maker.report({
      hostId: 'id-of-maker',
      seq: reports + 1,
      lane: 3,
      vms: [{ uuid: known?.uuid, runId: '1', state: 3 }],
    })
    await vi.waitFor(() => expect(maker.acked()).toBe(reports + 1))
    expect(controller.fleet.snapshot().vms.get(known?.uuid ?? '')?.state).toBe('paused')
  })

  it('may not flood the history with events', async () => {
    const teller = await connected('teller')
    for (let seq = 1; seq <= 7; seq += 1) {
      const events = Array.from({ length: 1000 }, (_, n) => ({ atMs: Date.now() - n, kind: 1, message: `${seq} ${n}` }))
      teller.report({ hostId: 'id-of-teller', seq, lane: 3, events })
    }
    await vi.waitFor(() => expect(teller.acked()).toBe(7), 10_000)
    expect(await controller.counted('refusedEvents')).toBe(2000)
    const told = await controller.store.events({
      hostId: 'id-of-teller',
      fromMs: 0,
      toMs: Date.now() + 1000,
      limit: 9000,
    })
    expect(told).toHaveLength(5000)
  })

  it('may not begin one spool after the other', async () => {
    const identity = await enrolled('spooler')
    const spoolsOf = (round: number): string[] => Array.from({ length: 256 }, (_, n) => `spool ${round} ${n}`)
    const begin = (round: number): RawSession => {
      const session = openRawSession(controller.address, identity)
      sessions.push(session)
      const [spoolId = '', ...backlog] = spoolsOf(round)
      session.hello({ hosts: [hostDraft('spooler')], spoolId, backlog: backlog.map((id) => ({ spoolId: id })) })
      for (const id of spoolsOf(round)) session.report({ hostId: 'id-of-spooler', spoolId: id, seq: 1 })
      return session
    }
    const acks = ({ received }: RawSession): number => received.filter(({ message }) => message?.$case === 'ack').length
    for (const round of [0, 1]) {
      const session = begin(round)
      await vi.waitFor(() => expect(acks(session)).toBe(256), 10_000)
    }
    expect(await begin(2).ended).toMatchObject({ code: status.RESOURCE_EXHAUSTED, details: 'too many new spools' })
    expect(await controller.counted('refusedConnections', 'too-many-spools')).toBe(1)
    expect(lines).toContainEqual(expect.objectContaining({ reason: 'too-many-spools', agentId: identity.agentId }))
  })
})
