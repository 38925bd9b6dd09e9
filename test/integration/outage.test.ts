import { rm } from 'node:fs/promises'

import { afterEach, describe, expect, it } from 'vitest'

import { startAgent, type Agent } from '../../agent/agent.js'
import { agentConfigSchema } from '../../agent/config.js'
import { createLog } from '../../common/log.js'
import { controllerConfigSchema } from '../../controller/config.js'
import { startController, type Controller } from '../../controller/controller.js'
import { openEmbeddedStore } from '../../controller/store/embedded/embedded-store.js'
import { temporaryDirectory } from '../support/running-product.js'
import { waitFor } from '../support/wait-for.js'

/** The controller is away, for longer than any session lasts, while the agent reads on. Time is compressed: beats are short. */

const log = createLog('test', 'silent')
const cleanups: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

async function controllerAt(data: string, grpcPort = 0): Promise<Controller> {
  const controller = await startController({
    config: controllerConfigSchema.parse({
      data,
      http: { port: 0 },
      grpc: { port: grpcPort },
      intervals: { state: '1s', fast: '500ms', block: '500ms', guestMemory: '1s' },
    }),
    version: '0',
    log,
    now: () => Date.now(),
    webDir: undefined,
  })
  cleanups.push(() => controller.stop())
  return controller
}

async function agentAt(data: string, controllerData: string, grpcPort: number, spool: object = {}): Promise<Agent> {
  const agent = await startAgent({
    config: agentConfigSchema.parse({
      data,
      controllers: [
        { address: `127.0.0.1:${grpcPort}`, joinTokenFile: `${controllerData}/controller/local-join-token` },
      ],
      hypervisors: [{ kind: 'simulated', fleet: 'deploy/fleets/elab.yaml' }],
      metrics: { port: 0 },
      spool,
      intervals: { state: '1s', fast: '500ms', block: '500ms', guestMemory: '1s' },
    }),
    version: '0',
    log,
    now: () => Date.now(),
    monotonicMs: () => performance.now(),
  })
  cleanups.push(() => agent.stop())
  return agent
}

/** Moments of one VM's stored memory figure, in milliseconds. */
async function storedMoments(data: string, fromMs: number): Promise<number[]> {
  const store = await openEmbeddedStore({
    path: `${data}/controller/series.db`,
    log,
    retention: { rawMs: 86_400_000, maxBytes: 1e9 },
    now: () => Date.now(),
  })
  try {
    const [first] = await store.series({ kind: 'host' })
    if (first === undefined) return []
    const query = { entity: first.entity, fields: ['memoryBytes'], fromMs, toMs: Date.now() + 1000 }
    return (await store.range({ ...query, stepMs: 0, agg: 'last' })).rows.map((row) => row[0] ?? 0)
  } finally {
    await store.close()
  }
}

describe('a controller that is away', () => {
  it('misses nothing: the backlog comes in full, fresh reports before it, though the agent restarts meanwhile', async () => {
    const controllerDir = await temporaryDirectory('headroom-c-')
    const agentDir = await temporaryDirectory('headroom-a-')
    cleanups.push(
      () => controllerDir.remove(),
      () => agentDir.remove(),
    )
    const first = await controllerAt(controllerDir.path)
    const { grpcPort } = first
    let agent = await agentAt(agentDir.path, controllerDir.path, grpcPort)
    await waitFor(15_000, 'a session', async () => agent.status().connected)
    const beganMs = Date.now()
    await waitFor(10_000, 'acks', async () => Date.now() - beganMs > 3000 && agent.status().spoolReports < 20)

    await first.stop()
    await waitFor(30_000, 'a backlog', async () => agent.status().spoolReports > 250)
    await agent.stop()
    agent = await agentAt(agentDir.path, controllerDir.path, grpcPort)
    const heldBefore = agent.status().spoolReports
    expect(heldBefore).toBeGreaterThan(200)
    await waitFor(20_000, 'more of it', async () => agent.status().spoolReports > heldBefore + 30)

    const second = await controllerAt(controllerDir.path, grpcPort)
    await waitFor(60_000, 'the backlog to be gone', async () => {
      return agent.status().connected && agent.status().spoolReports < 20
    })
    expect(agent.status().droppedReports).toBe(0)
    const endMs = Date.now()
    await agent.stop()
    await second.stop()

    const moments = await storedMoments(controllerDir.path, beganMs)
    const gaps = moments.map((at, index) => at - (moments[index - 1] ?? at))
    expect(moments).toEqual(moments.toSorted((a, b) => a - b))
    expect(new Set(moments).size).toBe(moments.length)
    // State beats of a second; the agent's own restart may cost a few.
    expect(Math.max(...gaps)).toBeLessThan(4500)
    expect((moments.at(-1) ?? 0) - (moments[0] ?? 0)).toBeGreaterThan(endMs - beganMs - 6000)
  }, 180_000)

  it('for longer than the spool is bounded: the oldest are lost, counted and shown', async () => {
    const controllerDir = await temporaryDirectory('headroom-c-')
    const agentDir = await temporaryDirectory('headroom-a-')
    cleanups.push(
      () => controllerDir.remove(),
      () => agentDir.remove(),
    )
    const first = await controllerAt(controllerDir.path)
    const { grpcPort } = first
    const agent = await agentAt(agentDir.path, controllerDir.path, grpcPort, { maxReports: 60 })
    await waitFor(15_000, 'a session', async () => agent.status().connected)
    await first.stop()
    await waitFor(30_000, 'drops', async () => agent.status().droppedReports > 20)
    expect(agent.status().spoolReports).toBeLessThanOrEqual(60)
    const metrics = await (await fetch(`http://127.0.0.1:${agent.metricsPort}/metrics`)).text()
    expect(Number(/^headroom_agent_dropped_reports_total (\d+)/m.exec(metrics)?.[1])).toBeGreaterThan(20)
    const second = await controllerAt(controllerDir.path, grpcPort)
    await waitFor(30_000, 'the rest', async () => agent.status().connected && agent.status().spoolReports < 20)
    await second.stop()
    await agent.stop()
    await rm(agentDir.path, { recursive: true })
  }, 120_000)
})
