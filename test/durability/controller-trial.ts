import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

import { stringify } from 'yaml'
import { z } from 'zod'

import { Administrator, type Site } from './administrator.js'
import { BuiltProgram } from '../support/built-program.js'
import { ControllerApi } from './controller-api.js'
import type { FailingMedium } from './failing-medium.js'
import { RecordingAgent } from './recording-agent.js'
import { SampleBook, sampleStepMs, type Row } from './sample-book.js'
import type { Findings, Trial } from './trial.js'

const readyMessage = z.object({ ready: z.literal(true), url: z.string(), grpcPort: z.number() })

const hourMs = 3_600_000
/** The longest range that the API answers with the points as stored. */
const pageMs = 5000 * 1000
const leastAgents = 2
const mostAgents = 6
const ackedWithinMs = 20_000

/** The controller: agents that write down what it acked, and an administrator who writes down what it answered. */
export class ControllerTrial implements Trial {
  readonly #administrator: Administrator
  readonly #agents: RecordingAgent[] = []
  #program: BuiltProgram | undefined
  #site: Site | undefined
  #failure = new AbortController()
  #isInterrupted = false
  #hasFailed = false

  constructor(
    private readonly dir: string,
    private readonly medium: FailingMedium,
    private readonly random: () => number,
  ) {
    this.#administrator = new Administrator(dir)
  }

  async start(): Promise<void> {
    this.#hasFailed = false
    const config = join(this.dir, 'controller.yaml')
    const data = this.medium.path
    await writeFile(config, stringify({ data, http: { port: 0 }, grpc: { port: 0 } }))
    if (this.#hasFailed) throw new Error('it failed before it began')
    this.#isInterrupted = false
    const program = BuiltProgram.start('controller', ['--config', config], join(this.dir, 'controller.log'))
    this.#program = program
    const { url, grpcPort } = readyMessage.parse(await program.said())
    this.#failure = new AbortController()
    const { signal } = this.#failure
    this.#site = { api: new ControllerApi(url, data, signal), address: `127.0.0.1:${grpcPort}`, data, signal }
  }

  async look(): Promise<Findings> {
    const site = this.#running()
    const faults = await this.#administrator.look(site)
    let [promised, readBack, waiting] = [0, 0, 0]
    for (const agent of this.#present()) {
      const durable = await agent.connect(site.address).catch((error: unknown) => {
        faults.push(`${agent.name} is not let in: ${String(error)}`)
      })
      if (durable === undefined) continue
      for (const book of agent.books) {
        const throughSeq = durable.get(book.spoolId) ?? 0
        promised += book.acked
        readBack += throughSeq
        waiting += book.sent - book.acked
        faults.push(...(await compare(site.api, agent, book, throughSeq)))
        faults.push(...(await compareSum(site.api, agent, book, throughSeq)))
      }
      await this.#sendAgain(agent, durable)
      // What came twice is there once.
      for (const book of agent.books) faults.push(...(await compare(site.api, agent, book, book.sent)))
      faults.push(...(await compareEvents(site.api, agent)))
    }
    return { faults, promised, readBack, waiting }
  }

  async work(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#report(signal), this.#administer(signal)])
  }

  interrupt(): void {
    this.#isInterrupted = true
    this.#program?.interrupt()
  }

  fail(): Promise<void> {
    // Up to the first await it is one moment.
    const restore = this.medium.cut()
    this.#program?.kill()
    this.#failure.abort()
    for (const agent of this.#agents) agent.close()
    this.#hasFailed = true
    return this.#program?.ended.then(restore) ?? restore()
  }

  async remove(): Promise<void> {
    for (const agent of this.#agents) agent.close()
    this.#program?.kill()
    await this.#program?.ended
    await this.medium.remove()
  }

  #running(): Site {
    if (this.#site === undefined) throw new Error('not started')
    return this.#site
  }

  #present(): readonly RecordingAgent[] {
    return this.#agents.filter((agent) => !this.#administrator.hasEnded(agent))
  }

  async #report(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      for (const agent of this.#present()) agent.pump(1 + Math.floor(this.random() * 6))
      await delay(2 + this.random() * 8)
    }
  }

  async #administer(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#act(this.#running())
      } catch (error) {
        // The program is on its way out, or gone; what was asked of it stays unsure.
        if (!this.#isInterrupted && !signal.aborted) throw error
        await delay(20)
      }
      await delay(this.random() * 60)
    }
  }

  async #act(site: Site): Promise<void> {
    const present = this.#present()
    const chance = this.random()
    if (present.length < leastAgents || (chance < 0.3 && present.length < mostAgents)) return this.#join(site)
    if (chance < 0.7) return this.#administrator.makeToken(site)
    if (chance < 0.83) return this.#administrator.revokeToken(site)
    if (chance < 0.86) return this.#administrator.rotateAuthority(site)
    const [first] = present
    if (first === undefined || present.length <= leastAgents) return
    first.close()
    await this.#administrator.end(first, site)
  }

  async #join(site: Site): Promise<void> {
    const joined = await this.#administrator.join(site)
    if (joined === undefined) return this.#administrator.makeToken(site)
    const { name, number, identity } = joined
    const nowMs = Math.floor(Date.now() / sampleStepMs) * sampleStepMs
    const books = [
      new SampleBook(`${name}-present`, false, nowMs - 12 * hourMs, number * 2),
      new SampleBook(`${name}-backlog`, true, nowMs - 36 * hourMs, number * 2 + 1),
    ]
    const agent = new RecordingAgent(name, identity, books, number)
    this.#agents.push(agent)
    await agent.connect(site.address)
  }

  /** As an agent does: from what is durable on. And, as one that is at fault might, some of what was acked. */
  async #sendAgain(agent: RecordingAgent, durable: ReadonlyMap<string, number>): Promise<void> {
    for (const book of agent.books) {
      const from = Math.max(1, (durable.get(book.spoolId) ?? 0) - Math.floor(this.random() * 20))
      for (let seq = from; seq <= book.sent; seq += 1) agent.resend(book, seq)
    }
    const end = performance.now() + ackedWithinMs
    while (agent.books.some(({ sent, acked }) => acked < sent)) {
      if (performance.now() > end)
        throw new Error(`${agent.name}: what was sent again was not acked in ${ackedWithinMs} ms`)
      await delay(5)
    }
  }
}

async function compare(
  api: ControllerApi,
  agent: RecordingAgent,
  book: SampleBook,
  throughSeq: number,
): Promise<string[]> {
  const host = await rowsOf(api, `host:${agent.hostId}`, 'memoryAvailableBytes', book)
  const vm = await rowsOf(api, `vm:${agent.vmUuid}`, 'memoryBytes', book)
  return [...book.faultsOf(host, throughSeq, 'hostValue'), ...book.faultsOf(vm, throughSeq, 'vmValue')]
}

/** Every point that is stored in the time of a book. */
async function rowsOf(api: ControllerApi, entity: string, field: string, book: SampleBook): Promise<Row[]> {
  const rows: Row[] = []
  for (let fromMs = book.baseMs; fromMs < book.endMs; fromMs += pageMs) {
    const toMs = Math.min(fromMs + pageMs, book.endMs)
    for (const row of await api.series(entity, field, { fromMs, toMs, stepMs: 0 })) rows.push(row)
  }
  return rows
}

/** What is stored twice would count twice in a sum; sums of whole hours come from roll-ups. */
async function compareSum(
  api: ControllerApi,
  agent: RecordingAgent,
  book: SampleBook,
  throughSeq: number,
): Promise<string[]> {
  const range = { fromMs: Math.floor(book.baseMs / hourMs) * hourMs, toMs: book.endMs, stepMs: hourMs }
  const rows = await api.series(`host:${agent.hostId}`, 'memoryAvailableBytes', range)
  const total = rows.reduce((sum, [, value]) => sum + (value ?? 0), 0)
  const expected = book.sum(throughSeq, 'hostValue')
  return total === expected ? [] : [`${book.spoolId}: its samples add up to ${total}, not ${expected}`]
}

/** Each sample that was sent brought one event. */
async function compareEvents(api: ControllerApi, agent: RecordingAgent): Promise<string[]> {
  const messages = await api.eventMessages(agent.hostId)
  const told = new Set(messages)
  const sent = agent.books.flatMap(({ spoolId, sent: count }) =>
    Array.from({ length: count }, (_, index) => `${spoolId} ${index + 1}`),
  )
  const lost = sent.filter((message) => !told.has(message))
  return [
    ...(lost.length > 0 ? [`${lost.length} events are lost: ${lost.slice(0, 3).join(', ')}`] : []),
    ...(messages.length > sent.length - lost.length
      ? [`${agent.name}: ${messages.length} events of ${sent.length}`]
      : []),
  ]
}
