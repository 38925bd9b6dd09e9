import { rm } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'

import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'

import type { Identity } from '../../agent/report/identity.js'
import { openPeerCrowd, type PeerCrowd } from '../hostile/peer-crowd.js'
import type { Attack, Target } from '../hostile/peers.js'
import { enrolAgent, hostNamed } from '../support/ingest-agent.js'
import { scratch, startIngest, type IngestController } from '../support/ingest-controller.js'
import { collectedLog } from '../support/log-lines.js'
import { quantile, startSteadyAgent, type SteadyAgent } from '../support/steady-agent.js'

/**
 * A controller and whoever comes to its port to do nothing, or to do it slowly, with one good agent that reports all the while.
 * Deadlines are short here.
 */
const deadlines = {
  // As long as a busy machine takes for all the handshakes that come at once.
  handshakeMs: 6000,
  strangerMs: 10_000,
  idleMs: 1200,
  messageMs: 600,
  pingEveryMs: 1400,
  pingAnswerMs: 300,
  sweepMs: 50,
} as const
const most = { strangers: 400, strangersPerAddress: 300, newPerSecondPerAddress: 8000, newPerSecond: 8000 } as const
const helloWithinMs = 500

let dir: Awaited<ReturnType<typeof scratch>>
let controller: IngestController
let crowd: PeerCrowd
let good: SteadyAgent
let quietMs: readonly number[]
const { log, lines } = collectedLog()

async function enrolled(name: string): Promise<Identity> {
  const token = await controller.token()
  const identity = await enrolAgent({ address: controller.address, token, dataDir: dir.path, hosts: [hostNamed(name)] })
  // So that the next one is another agent.
  await rm(`${dir.path}/identity.json`)
  return identity
}

beforeAll(async () => {
  dir = await scratch()
  controller = await startIngest(dir.path, { log, helloWithinMs, connectionLimits: { ...deadlines, ...most } })
  const opening = openPeerCrowd()
  const identity = await enrolled('good')
  crowd = await opening
  good = await startSteadyAgent(controller.address, identity, 'good', 25)
  good.ackTimes()
  await delay(1000)
  quietMs = good.ackTimes()
})
afterAll(async () => {
  good.stop()
  await crowd.close()
  await controller.stop()
  await dir.remove()
})

function target(identity?: Identity, name = ''): Target {
  const [host = '', port = ''] = controller.address.split(':')
  return { host, port: Number(port), ...(identity !== undefined && { identity, hostId: `id-of-${name}` }) }
}

/** A good agent has its acks as it has them in quiet, and its session all the while. */
function expectCadence(): void {
  const times = good.ackTimes()
  expect(good.hasEnded).toBe(false)
  expect(times.length).toBeGreaterThan(10)
  expect(quantile(times, 0.5)).toBeLessThan(quantile(quietMs, 0.5) * 3 + 50)
  expect(quantile(times, 1)).toBeLessThan(1000)
}

it('a thousand idle connections: some are kept, as many as may be, and all are ended in the end', async () => {
  good.ackTimes()
  await crowd.start('tcp-idle', 1000, target())
  const counted = async (reason: string): Promise<number> => controller.counted('refusedConnections', reason)
  await vi.waitFor(async () => expect(await counted('crowded')).toBeGreaterThan(500), 5000)
  const open = await controller.metrics.connections.get()
  expect(open.values.find(({ labels }) => labels.of === 'strangers')?.value).toBeLessThanOrEqual(300)
  await vi.waitFor(
    async () => expect((await crowd.count())['tcp-idle']).toEqual({ started: 1000, closed: 1000 }),
    20_000,
  )
  // A machine that is busy takes longer to connect them than they may stay.
  expect(await counted('handshake-timeout')).toBeGreaterThanOrEqual(300)
  expect((await counted('crowded')) + (await counted('handshake-timeout'))).toBe(1000)
  await crowd.stop()
  expectCadence()
  // Not 1,000 of them.
  expect(lines.filter(({ reason }) => reason === 'crowded')).toHaveLength(5)
})

describe('all at once', () => {
  const attacks: readonly [kind: Attack, count: number, asAgent: boolean][] = [
    ['slow-handshake', 30, false],
    ['tls-idle', 30, false],
    ['http2-idle', 30, true],
    ['slow-preface', 10, false],
    ['slow-headers', 4, true],
    ['stream-idle', 1, true],
    ['slow-report', 1, true],
    ['deaf', 1, true],
  ]

  let timeoutsBefore = 0
  beforeAll(async () => {
    timeoutsBefore = await controller.counted('refusedConnections', 'handshake-timeout')
    const identities = new Map<string, Identity>()
    for (const [kind, , asAgent] of attacks) if (asAgent) identities.set(kind, await enrolled(kind))
    good.ackTimes()
    for (const [kind, count, asAgent] of attacks) {
      const at = asAgent ? target(identities.get(kind), kind) : target()
      // A whole greeting takes longer than a handshake may.
      await crowd.start(kind, count, kind === 'slow-handshake' ? { ...at, dribbleMs: 50 } : at)
    }
  })

  it.each(attacks.filter(([kind]) => kind !== 'deaf'))('%s (%d of them) is ended', async (kind, count) => {
    await vi.waitFor(async () => expect((await crowd.count())[kind]).toEqual({ started: count, closed: count }), 20_000)
  })

  it.each<[reasons: readonly string[], times: number]>([
    [['handshake-timeout'], 30],
    // TLS and HTTP/2 without a call, those four of an agent, and the session that was ended for its silence. Of the thirty of one agent four stay and the
    // rest are too many; where one ended before the last had come, one more stayed, and ended so.
    [['no-call', 'too-many-of-agent'], 30 + 4 + 10 + 4 + 1 + 26],
    [['no-hello'], 1],
    [['slow-message'], 1],
    [['no-answer'], 1],
  ])('%s: counted, and written down with the peer', async (reasons, times) => {
    const before = reasons.includes('handshake-timeout') ? timeoutsBefore : 0
    await vi.waitFor(async () => {
      const counts = await Promise.all(reasons.map((reason) => controller.counted('refusedConnections', reason)))
      expect(counts.reduce((all, one) => all + one, 0) - before).toBe(times)
      expect(Math.min(...counts)).toBeGreaterThan(0)
    }, 20_000)
    const address = expect.stringMatching(/^127\.0\.0\.1:\d+$/)
    for (const reason of reasons)
      expect(lines).toContainEqual(expect.objectContaining({ level: 40, reason, peer: address }))
  })

  it('leaves nothing, and the good agent has had its acks all the while', async () => {
    await crowd.stop()
    expectCadence()
    await vi.waitFor(async () => {
      const { values } = await controller.metrics.connections.get()
      expect(Object.fromEntries(values.map(({ labels, value }) => [labels.of, value]))).toEqual({
        agents: 1,
        strangers: 0,
      })
    }, 5000)
    expect((await controller.metrics.sessions.get()).values[0]?.value).toBe(1)
  })
})
