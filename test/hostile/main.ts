import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { appendFile, mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'

import { z } from 'zod'

import { SeededRandom } from '../../common/seeded-random.js'
import type { Identity } from '../../agent/report/identity.js'
import { FromAgent } from '../../proto/gen/headroom/v1/agent.js'
import { recordedMessages } from '../fixtures/wire/messages.js'
import { hostDraft, openRawSession } from '../support/ingest-agent.js'
import { quantile, startSteadyAgent, type SteadyAgent } from '../support/steady-agent.js'
import type { ControllerState, FromController, ToController } from './controller-process.js'
import { mutated } from './mutated.js'
import { preferThisProcess } from './priority.js'
import { openPeerCrowd, type PeerCrowd } from './peer-crowd.js'
import { attacks, type Attack, type Target } from './peers.js'

const usage = `Attacks a controller with the limits of production while a good agent reports to it twenty times a second, and compares
that one's acks with those in quiet.

Usage: npx tsx test/hostile/main.ts [--seed 1] [--count 22] [--connections 5000] [--messages 2000] [--results DIR]

Each round is one attack: every kind of hostile connection in turn, so many at once, and mutated messages of a session, so many.
With --results each is written down there as a line of JSON, and those that are there already are not run again. The last line
printed is JSON. Exit code 1: the good agent lost its session or waited for an ack for longer than a second (and four times as
long as in quiet), hostile connections were left open, or the controller ended.
`

/** No ack of a good agent takes longer, whatever others do, unless the machine is so busy that some take as long in quiet. */
const mostAckMs = 1000
const timesQuiet = 4
const quietMs = 3000
/** Each comes back once a second at most, and a mutated message ends its session. */
const badAgents = 20
/** How long an attack goes on, and how long the controller is watched after it. */
const attackMs = 20_000
const afterMs = 25_000

const kinds = [...attacks, 'mutated-messages'] as const

const recordedRound = z.object({
  seed: z.string(),
  round: z.int(),
  kind: z.enum(kinds),
  count: z.int(),
  quietAckMs: z.object({ median: z.number(), most: z.number() }),
  ackMs: z.object({ median: z.number(), p99: z.number(), most: z.number() }),
  refused: z.record(z.string(), z.number()),
  rssMiB: z.object({ before: z.number(), most: z.number(), after: z.number() }),
  cpuFraction: z.number(),
  connectionsLeft: z.number(),
  faults: z.array(z.string()),
})
type RecordedRound = z.output<typeof recordedRound>

interface Order {
  readonly seed: string
  readonly count: number
  readonly connections: number
  readonly messages: number
  readonly results: string | undefined
}

async function main(): Promise<void> {
  const order = readOrder()
  if (order === undefined) {
    process.stdout.write(usage)
    return
  }
  const rounds = await recorded(order)
  for (let round = 0; round < order.count; round += 1) {
    if (rounds.some((one) => one.round === round)) continue
    const result = await runRound(order, round)
    rounds.push(result)
    process.stdout.write(`${JSON.stringify(result)}\n`)
    if (order.results !== undefined) {
      await mkdir(order.results, { recursive: true })
      await appendFile(join(order.results, 'rounds.jsonl'), `${JSON.stringify(result)}\n`)
    }
  }
  const faults = rounds.flatMap((one) => one.faults.map((fault) => `round ${one.round}, ${one.kind}: ${fault}`))
  const summary = {
    hostile: 'set',
    seed: order.seed,
    rounds: rounds.length,
    quietMedianMs: Math.max(...rounds.map(({ quietAckMs }) => quietAckMs.median)),
    worstMedianMs: Math.max(...rounds.map(({ ackMs }) => ackMs.median)),
    worstAckMs: Math.max(...rounds.map(({ ackMs }) => ackMs.most)),
    mostRssMiB: Math.max(...rounds.map(({ rssMiB }) => rssMiB.most)),
    faults,
  }
  process.stdout.write(`${JSON.stringify(summary)}\n`)
  process.exitCode = faults.length === 0 ? 0 : 1
}

function readOrder(): Order | undefined {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string', default: '1' },
      count: { type: 'string', default: String(kinds.length * 2) },
      connections: { type: 'string', default: '5000' },
      messages: { type: 'string', default: '2000' },
      results: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return undefined
  const { seed, results } = values
  return {
    seed,
    results,
    count: Number(values.count),
    connections: Number(values.connections),
    messages: Number(values.messages),
  }
}

async function recorded({ seed, results }: Order): Promise<RecordedRound[]> {
  if (results === undefined) return []
  const text = await readFile(join(results, 'rounds.jsonl'), 'utf8').catch(() => '')
  const lines = text.split('\n').filter((line) => line !== '')
  return lines.map((line) => recordedRound.parse(JSON.parse(line))).filter((one) => one.seed === seed)
}

async function runRound({ seed, connections, messages }: Order, round: number): Promise<RecordedRound> {
  const random = SeededRandom.of(Number(seed), String(round))
  const kind = kinds[round % kinds.length] ?? 'tcp-idle'
  const controller = new ControllerProcess()
  const crowd = await openPeerCrowd()
  const faults: string[] = []
  try {
    const { address, rssMiB: before } = await controller.start()
    const goodIdentity = await controller.enrol('good')
    const badIdentities: Identity[] = []
    for (let agent = 0; agent < badAgents; agent += 1) badIdentities.push(await controller.enrol(nameOfBad(agent)))
    const good = await startSteadyAgent(address, goodIdentity, 'good', 50)
    await delay(500)
    good.ackTimes()
    await delay(quietMs)
    const quiet = good.ackTimes()
    const started = await controller.state()
    const began = performance.now()
    const watch = new Watch(controller)
    const count = kind === 'mutated-messages' ? messages : Math.ceil(connections * (0.5 + random.next() / 2))
    if (kind === 'mutated-messages') await sendMutated(address, badIdentities, count, random)
    else await attackFor(crowd, kind, count, targetAt(address, needsIdentity(kind) ? badIdentities[0] : undefined))
    const during = good.ackTimes()
    await crowd.stop()
    await delay(afterMs)
    await watch.stop()
    const ended = await controller.state()
    faults.push(...faultsOf(good, quiet, during, ended))
    good.stop()
    const seconds = (performance.now() - began) / 1000
    return {
      seed,
      round,
      kind,
      count,
      quietAckMs: { median: rounded(quantile(quiet, 0.5)), most: rounded(quantile(quiet, 1)) },
      ackMs: {
        median: rounded(quantile(during, 0.5)),
        p99: rounded(quantile(during, 0.99)),
        most: rounded(quantile(during, 1)),
      },
      refused: ended.refused,
      rssMiB: { before, most: watch.mostRssMiB, after: ended.rssMiB },
      cpuFraction: rounded((ended.cpuSeconds - started.cpuSeconds) / seconds),
      connectionsLeft: (ended.connections['strangers'] ?? 0) + (ended.connections['agents'] ?? 0) - 1,
      faults,
    }
  } finally {
    await crowd.close()
    await controller.stop()
  }
}

function faultsOf(
  good: SteadyAgent,
  quiet: readonly number[],
  times: readonly number[],
  ended: ControllerState,
): string[] {
  const most = quantile(times, 1)
  const median = quantile(times, 0.5)
  const isSlow = most > mostAckMs && most > quantile(quiet, 1) * timesQuiet
  const left = (ended.connections['strangers'] ?? 0) + (ended.connections['agents'] ?? 0) - 1
  return [
    ...(good.hasEnded ? ['the good agent lost its session'] : []),
    ...(isSlow ? [`an ack took ${Math.round(most)} ms`] : []),
    ...(median > quantile(quiet, 0.5) * timesQuiet + 50
      ? [`half of the acks took ${Math.round(median)} ms and more`]
      : []),
    ...(left > 0 ? [`${left} hostile connections are open still`] : []),
  ]
}

/** Those that do nothing to a controller without a certificate of its own. */
function needsIdentity(kind: Attack): boolean {
  return kind === 'slow-report' || kind === 'deaf' || kind === 'slow-headers'
}

function targetAt(address: string, identity: Identity | undefined): Target {
  const [host = '', port = ''] = address.split(':')
  return {
    host,
    port: Number(port),
    dribbleMs: 250,
    ...(identity !== undefined && { identity, hostId: `id-of-${nameOfBad(0)}` }),
  }
}

/** All at once; those that come and go are few, and go on. */
async function attackFor(crowd: PeerCrowd, kind: Attack, count: number, target: Target): Promise<void> {
  await crowd.start(kind, kind === 'come-and-go' ? Math.ceil(count / 50) : count, target)
  await delay(attackMs)
}

/** Sessions of several agents in turn, each until it is ended for what it said. */
async function sendMutated(
  address: string,
  identities: readonly Identity[],
  count: number,
  random: SeededRandom,
): Promise<void> {
  const originals = [...(await recordedMessages()).values()].map((bytes) => asOwn(bytes))
  for (let sent = 0, turn = 0; sent < count; turn += 1) {
    const identity = identities[turn % identities.length]
    const session = openRawSession(address, identity)
    const over = new AbortController()
    void session.ended.then(() => over.abort())
    session.hello({ hosts: [hostDraft(nameOfBad(turn % identities.length))] })
    while (!over.signal.aborted && sent < count) {
      const original = originals[Math.floor(random.next() * originals.length)]?.(turn % identities.length)
      session.send(mutated(original ?? new Uint8Array(), random))
      sent += 1
      if (sent % 5 === 0) await delay(10)
    }
    session.close()
  }
}

/** A recorded message as one of the hostile agents would say it: of its own host, and in its own spool. */
function asOwn(bytes: Buffer): (agent: number) => Uint8Array {
  return (agent) => {
    const { message } = FromAgent.decode(bytes)
    if (message?.$case !== 'report' && message?.$case !== 'inventory') return bytes
    const hostId = `id-of-${nameOfBad(agent)}`
    seq += 1n
    return message.$case === 'inventory'
      ? FromAgent.encode({ message: { $case: 'inventory', value: { ...message.value, hostId } } }).finish()
      : FromAgent.encode({
          message: {
            $case: 'report',
            value: { ...message.value, hostId, spoolId: 's', seq, atMs: BigInt(Date.now()) },
          },
        }).finish()
  }
}

let seq = 0n

function nameOfBad(agent: number): string {
  return `bad${agent}`
}

/** Looks at the controller's memory again and again. */
class Watch {
  mostRssMiB = 0
  #isOver = false
  readonly #running: Promise<void>

  constructor(private readonly controller: ControllerProcess) {
    this.#running = this.#look()
  }

  async stop(): Promise<void> {
    this.#isOver = true
    await this.#running
  }

  async #look(): Promise<void> {
    while (!this.#isOver) {
      this.mostRssMiB = Math.max(this.mostRssMiB, (await this.controller.state()).rssMiB)
      await delay(500)
    }
  }
}

class ControllerProcess {
  readonly #child: ChildProcess = fork(new URL('controller-process.ts', import.meta.url), {
    execArgv: ['--import', 'tsx'],
  })
  readonly #ended = once(this.#child, 'exit').then(() => Promise.reject(new Error('the controller ended')))
  /** One question at a time. */
  #asking: Promise<unknown> = Promise.resolve()

  constructor() {
    this.#ended.catch(() => undefined)
  }

  async start(): Promise<ControllerState> {
    return stateOf(await this.#ask({ type: 'start', options: {} }))
  }

  async enrol(name: string): Promise<Identity> {
    const answer = await this.#ask({ type: 'enrol', name })
    if (!('identity' in answer)) throw new Error('not enrolled')
    return answer.identity
  }

  async state(): Promise<ControllerState> {
    return stateOf(await this.#ask({ type: 'state' }))
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return
    await this.#ask({ type: 'stop' })
    const ended = once(this.#child, 'exit')
    this.#child.disconnect()
    await ended
  }

  #ask(message: ToController): Promise<FromController> {
    const asked = this.#asking.then(async () => {
      const answered = once(this.#child, 'message')
      this.#child.send(message)
      const [answer]: FromController[] = await Promise.race([answered, this.#ended])
      if (answer === undefined) throw new Error('no answer')
      return answer
    })
    this.#asking = asked.catch(() => undefined)
    return asked
  }
}

function stateOf(answer: FromController): ControllerState {
  if (!('state' in answer)) throw new Error('no state')
  return answer.state
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100
}

// What is measured comes before what attacks, and before what else the machine does.
preferThisProcess()
await main()
