import { setTimeout as delay } from 'node:timers/promises'

import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'

import { startAgent, type Agent } from '../../agent/agent.js'
import { agentConfigSchema } from '../../agent/config.js'
import { Lane } from '../../proto/gen/headroom/v1/report.js'
import { HostileController } from '../support/hostile-controller.js'
import { enrolAgent } from '../support/ingest-agent.js'
import { scratch, startIngest, type IngestController } from '../support/ingest-controller.js'
import { collectedLog } from '../support/log-lines.js'

/** A real agent, and a controller that means no good. Then the good one is back, and gets what the other did not take. */
const { log, lines } = collectedLog()
let dir: Awaited<ReturnType<typeof scratch>>
let agentDir: Awaited<ReturnType<typeof scratch>>
let good: IngestController
let hostile: HostileController
let agent: Agent
let port = 0
/** How far this machine's clock was set forward. */
let aheadMs = 0

beforeAll(async () => {
  dir = await scratch()
  agentDir = await scratch()
  good = await startIngest(dir.path)
  const { address } = good
  await enrolAgent({ address, token: await good.token('any'), dataDir: agentDir.path, hosts: [] })
  port = good.server.port
  await good.stop()
  hostile = new HostileController(good.ca)
  await hostile.listen(port)
  agent = await startAgent({
    config: agentConfigSchema.parse({
      data: agentDir.path,
      controllers: [{ address }],
      hypervisors: [{ kind: 'simulated', fleet: 'deploy/fleets/tiny.yaml' }],
      metrics: { port: 0 },
    }),
    version: '0',
    log,
    now: () => Date.now() + aheadMs,
    monotonicMs: () => performance.now(),
  })
})
afterAll(async () => {
  await agent.stop()
  hostile.close()
  await good.stop()
  await dir.remove()
  await agentDir.remove()
})

describe('an agent whose controller means no good', () => {
  it('does not read its hypervisor more often than it can bear, whatever it is asked for', async () => {
    await vi.waitFor(() => expect(hostile.reports.length).toBeGreaterThan(5), 10_000)
    hostile.reports = []
    await delay(2000)
    const reportsOf = (lane: Lane): number => hostile.reports.filter((report) => report.lane === lane).length
    // Two hosts; once a second, and twice.
    expect(reportsOf(Lane.LANE_STATE)).toBeGreaterThanOrEqual(2)
    expect(reportsOf(Lane.LANE_STATE)).toBeLessThanOrEqual(6)
    expect(reportsOf(Lane.LANE_FAST)).toBeLessThanOrEqual(10)
    expect(hostile.renewals).toBeLessThanOrEqual(2)
    // Two hundred settings a second, all alike.
    expect(lines.filter(({ msg }) => msg === 'intervals set by the controller')).toHaveLength(1)
  })

  it('neither fails nor hammers at it, however it is treated', async () => {
    const before = { sessions: hostile.sessions, lines: lines.length }
    const began = performance.now()
    hostile.rotate(['random-bytes', 'false-acks', 'renew-and-obey', 'send-away'], 300)
    await vi.waitFor(() => expect(hostile.sessions - before.sessions).toBeGreaterThanOrEqual(4), 20_000)
    // The wait before each grows: half a second, one, two, on average half of that.
    expect(performance.now() - began).toBeGreaterThan(900)
    expect(hostile.renewals).toBeLessThan(8)
    expect(lines.length - before.lines).toBeLessThan(60)
    expect(lines.filter(({ level }) => level === 60)).toEqual([])
  })

  it('writes few lines of what is odd, also if the clock is set meanwhile', async () => {
    const linesOf = (text: string): number => lines.filter(({ msg }) => msg === text).length
    hostile.rotate(['false-acks'], 60_000)
    await vi.waitFor(() => expect(linesOf('ack of what was not sent')).toBe(3), 10_000)
    aheadMs = 120_000
    await vi.waitFor(() => expect(linesOf('the clock of this machine was set')).toBe(1), 10_000)
    const { length } = hostile.reports
    await vi.waitFor(() => expect(hostile.reports.length).toBeGreaterThan(length + 2), 10_000)
    expect(linesOf('ack of what was not sent')).toBe(3)
  })

  it('keeps what was not acked, and gives it to the good one', async () => {
    hostile.rotate(['send-away'], 0)
    await vi.waitFor(() => expect(agent.status().spoolReports).toBeGreaterThan(10), 10_000)
    expect(agent.status().droppedReports).toBe(0)
    const waiting = agent.status().spoolReports
    hostile.close()
    good = await startIngest(dir.path, { port })
    await vi.waitFor(
      () => expect([agent.status().connected, agent.status().spoolReports < 5]).toEqual([true, true]),
      20_000,
    )
    expect(await good.counted('reports')).toBeGreaterThanOrEqual(waiting)
    expect(agent.status().droppedReports).toBe(0)
  })
})
