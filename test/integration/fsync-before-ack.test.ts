import { closeSync, openSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { once } from 'node:events'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { z } from 'zod'

import { createLog } from '../../common/log.js'
import { AgentRegistry } from '../../controller/ingest/agent-registry.js'
import { openCertificateAuthority } from '../../controller/ingest/ca.js'
import { openEmbeddedState } from '../../controller/store/embedded-state/embedded-state.js'
import { openEmbeddedStore } from '../../controller/store/embedded/embedded-store.js'
import { ToAgent } from '../../proto/gen/headroom/v1/agent.js'
import { PessimisticFiles } from '../durability/pessimistic-files.js'
import { readSpools } from '../durability/spool-on-disk.js'
import { readCalls, startTraced, type SystemCall } from '../durability/system-calls.js'
import { WireWitness } from '../durability/wire-witness.js'
import { enrolAgent, hostDraft, hostNamed, openRawSession, type RawSession } from '../support/ingest-agent.js'
import { startIngest } from '../support/ingest-controller.js'
import { waitFor } from '../support/wait-for.js'

/**
 * The built programs under strace. From their system calls follows what a power loss would leave at the worst, at any moment: only
 * what was fsynced, under names whose directory was fsynced. With that, and nothing else, a promise must be kept at the moment
 * when it is given.
 */

const root = resolve(import.meta.dirname, '../..')
const log = createLog('test', 'silent')
const ready = z.object({ grpcPort: z.number() })
const retention = { rawMs: Number.MAX_SAFE_INTEGER, maxBytes: 2 ** 40 }

let directory: string
beforeAll(async () => {
  directory = await realpath(await mkdtemp(join(tmpdir(), 'headroom-fsync-')))
})
afterAll(() => rm(directory, { recursive: true, force: true }))

/** Runs a built program under strace while `work` lasts; gives its system calls. */
async function tracedCalls(
  program: 'agent' | 'controller',
  args: readonly string[],
  work: (said: Promise<unknown>) => Promise<void>,
): Promise<SystemCall[]> {
  const trace = join(directory, `${program}.strace`)
  const output = openSync(join(directory, `${program}.log`), 'a')
  const child = startTraced(trace, [process.execPath, join(root, `dist/${program}/main.js`), ...args], output)
  closeSync(output)
  const ended = once(child, 'exit')
  const said = once(child, 'message').then(([message]: unknown[]) => message)
  const died = ended.then(async ([code]: unknown[]) => {
    throw new Error(
      `${program} ended with ${String(code)}: ${await readFile(join(directory, `${program}.log`), 'utf8')}`,
    )
  })
  try {
    await Promise.race([work(said), died])
  } finally {
    // It ends when whoever started it is gone.
    if (child.connected) child.disconnect()
    died.catch(() => undefined)
    await ended
  }
  return readCalls(trace)
}

describe('the controller', () => {
  const spoolId = 'spool-of-the-fsync-test-'.padEnd(64, 'x')
  const baseMs = Date.now() - 3_600_000
  const data = (): string => join(directory, 'controller-data')
  let calls: readonly SystemCall[]
  let acks: readonly number[]
  let agentId: string
  let usedToken: string
  let enrolledMs: number

  beforeAll(async () => {
    const args = ['--data', data(), '--http-port', '0', '--grpc-port', '0']
    calls = await tracedCalls('controller', args, async (said) => {
      const { grpcPort } = ready.parse(await said)
      const address = `127.0.0.1:${grpcPort}`
      const dataDir = join(directory, 'enrolled')
      await mkdir(dataDir)
      usedToken = (await readFile(join(data(), 'controller/local-join-token'), 'utf8')).trim()
      const identity = await enrolAgent({ address, token: usedToken, dataDir, hosts: [hostNamed('h')] })
      enrolledMs = Date.now()
      agentId = identity.agentId
      const session = openRawSession(address, identity)
      session.hello({ spoolId, hosts: [hostDraft('h')] })
      await waitFor(20_000, 'a welcome', async () => session.received.length > 1)
      await sendAll(session)
      acks = session.received.flatMap(({ message }) =>
        message?.$case === 'ack' ? [Number(message.value.throughSeq)] : [],
      )
      session.close()
    })
  }, 120_000)

  async function sendAll(session: RawSession): Promise<void> {
    let seq = 0
    const send = (): void => {
      seq += 1
      session.report({
        spoolId,
        seq,
        hostId: 'id-of-h',
        bootId: 'boot-1',
        atMs: baseMs + seq * 1000,
        host: { load1: seq },
      })
    }
    // One by one, and in bursts that share transactions.
    for (const burst of [1, 1, 40, 1, 25, 3]) {
      for (let index = 0; index < burst; index += 1) send()
      await waitFor(20_000, `the ack of ${seq}`, async () => session.acked() >= seq)
    }
  }

  /** Writes on the agent's connection that have the length of an ack in TLS 1.3, HTTP/2 and gRPC. */
  function ackWrites(): readonly SystemCall[] {
    const lengths = new Set(acks.map((throughSeq) => ackLength(throughSeq)))
    return calls.filter(({ target, result }) => target.startsWith('TCP') && lengths.has(result))
  }

  function ackLength(throughSeq: number): number {
    const ack = ToAgent.fromJSON({ ack: { spoolId, throughSeq } })
    return ToAgent.encode(ack).finish().length + 5 + 9 + 22
  }

  /** The store as a power loss before a call would leave it at the worst. */
  async function leftBefore(line: number): Promise<string> {
    const files = PessimisticFiles.replay(
      data(),
      calls.filter(({ endLine }) => endLine < line),
    )
    const left = join(directory, `left-${line}`)
    await files.writeTo(left)
    return left
  }

  it('sends an ack only when an fsync covers what it acks', async () => {
    const writes = ackWrites()
    expect(writes).toHaveLength(acks.length)
    expect(acks.at(-1)).toBe(71)
    for (const [index, { beginLine }] of writes.entries()) {
      const left = await leftBefore(beginLine)
      const store = await openEmbeddedStore({ path: join(left, 'controller/series.db'), log, now: () => 0, retention })
      const through = (await store.marks()).get(`${agentId}/${spoolId}`) ?? 0
      expect(through).toBeGreaterThanOrEqual(acks[index] ?? Infinity)
      const query = { entity: { kind: 'host' as const, id: 'id-of-h' }, fields: ['load1'], agg: 'last' as const }
      const { rows } = await store.range({ ...query, fromMs: 0, toMs: Infinity, stepMs: 0 })
      expect(rows).toEqual(Array.from({ length: through }, (_, at) => [baseMs + (at + 1) * 1000, at + 1]))
      await store.close()
    }
  })

  it('lets an agent join only when its name and the end of its token are fsynced', async () => {
    const after = calls.find(({ endMs }) => endMs > enrolledMs)
    const state = openEmbeddedState({ path: join(await leftBefore(after?.endLine ?? Infinity), 'controller/state.db') })
    const registry = new AgentRegistry(state, await openCertificateAuthority(state, enrolledMs))
    expect((await registry.find(agentId))?.hosts).toBe('any')
    expect(await registry.joinTokens(enrolledMs)).toEqual([])
    expect(usedToken).toContain('.')
    await state.close()
  })

  it('gives no file a name that a power loss takes', () => {
    const [first] = ackWrites()
    const before = calls.filter(({ endLine }) => endLine < (first?.beginLine ?? 0))
    const { unsafeNames } = PessimisticFiles.replay(data(), before)
    // SQLite makes this one anew.
    expect(unsafeNames.filter((path) => !path.endsWith('-shm'))).toEqual([])
  })
})

describe('the agent', () => {
  /** A second until it counts as waiting, a second between looks, and a busy machine. */
  const onDiskWithinMs = 4000
  const witness = new WireWitness()
  const data = (): string => join(directory, 'agent-data')
  let calls: readonly SystemCall[]
  let helloMs: number
  let releasedMs: number
  let waiting: ReadonlyMap<string, Buffer>

  beforeAll(async () => {
    witness.listen()
    const controllerData = join(directory, 'witness')
    await mkdir(controllerData)
    let release = (): void => undefined
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    const controller = await startIngest(controllerData, {
      write: async (batch, store) => {
        await held
        await store.write(batch)
      },
    })
    const joinTokenFile = join(directory, 'join-token')
    await writeFile(joinTokenFile, await controller.token('any'))
    const config = {
      data: data(),
      controllers: [{ address: controller.address, joinTokenFile }],
      hypervisors: [{ kind: 'simulated', fleet: join(root, 'deploy/fleets/tiny.yaml') }],
      metrics: { port: 0 },
      intervals: { state: '1s', fast: '1s', block: '1s', guestMemory: '1s' },
    }
    const configFile = join(directory, 'agent.yaml')
    await writeFile(configFile, stringify(config))
    calls = await tracedCalls('agent', ['--config', configFile], async () => {
      await waitFor(30_000, 'the hello', async () => witness.hellos.length > 0)
      helloMs = Date.now()
      await waitFor(30_000, 'reports that wait long', async () => [...reports(onDiskWithinMs + 500)].length > 4)
      releasedMs = Date.now()
      waiting = reports(onDiskWithinMs)
      release()
      const { agentId = '', spoolId = '' } = witness.hellos[0] ?? {}
      const last = Math.max(...[...waiting.keys()].map((number) => Number(number.split(' ')[1])))
      const through = (): number => controller.writer.lastDurable(`${agentId}/${spoolId}`)
      await waitFor(20_000, 'acks', async () => through() >= last)
    })
    await controller.stop()
  }, 120_000)

  /** Reports that came so long ago or longer, by spool and number. */
  function reports(ageMs: number): ReadonlyMap<string, Buffer> {
    const before = performance.now() - ageMs
    return new Map(
      [...witness.reports].flatMap(([spoolId, heard]) =>
        [...heard].flatMap(([seq, { bytes, heardAt }]) =>
          heardAt < before ? [[`${spoolId} ${seq}`, bytes] as const] : [],
        ),
      ),
    )
  }

  function leftAt(ms: number): PessimisticFiles {
    return PessimisticFiles.replay(
      data(),
      calls.filter(({ endMs }) => endMs <= ms),
    )
  }

  it('says hello only when its identity is fsynced, name and all', () => {
    const identity = leftAt(helloMs).survivors().get('identity.json')?.toString() ?? ''
    expect(identity).toContain(witness.hellos[0]?.agentId)
  })

  it('has each report that waits for its ack in an fsynced file, name and all, within seconds', async () => {
    const left = join(directory, 'left-of-agent')
    await leftAt(releasedMs).writeTo(left)
    const kept = await readSpools(join(left, 'spool'))
    expect(waiting.size).toBeGreaterThan(4)
    for (const [number, bytes] of waiting) {
      const [spoolId = '', seq] = number.split(' ')
      expect(kept.get(spoolId)?.get(Number(seq))?.bytes.equals(bytes), number).toBe(true)
    }
  })

  it('removes a spool file only after the acks', () => {
    const removed = calls.filter(
      ({ name, strings }) => name.startsWith('unlink') && String(strings[0]).endsWith('.seg'),
    )
    for (const { endMs } of removed) expect(endMs).toBeGreaterThan(releasedMs)
  })
})
