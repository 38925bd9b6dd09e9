import { mkdir, open, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

import { stringify } from 'yaml'

import { startIngest, type IngestController } from '../support/ingest-controller.js'
import { BuiltProgram } from '../support/built-program.js'
import { CutLine } from './cut-line.js'
import type { FailingMedium } from './failing-medium.js'
import { readSpools } from './spool-on-disk.js'
import { SpoolPromise, type AgentFailure } from './spool-promise.js'
import { lookAtStore } from './stored-reports.js'
import type { Findings, Trial } from './trial.js'
import { WireWitness } from './wire-witness.js'

const fleet = resolve(import.meta.dirname, '../../deploy/fleets/tiny.yaml')

const helloWithinMs = 40_000
const caughtUpWithinMs = 40_000

/** Why reports wait: nothing, a controller that does not ack, or none that can be reached. */
const troubles = ['none', 'no acks', 'no line'] as const
type Trouble = (typeof troubles)[number]

/**
 * The agent, with the hosts of a small simulated fleet and a real controller's ingest on a disk that does not fail. What it promises:
 * a report that waits is on disk soon; what is on disk comes, under its number, until it is acked; no number stands for two reports,
 * and no report has two numbers.
 */
export class AgentTrial implements Trial {
  readonly #witness = new WireWitness()
  readonly #faults: string[] = []
  readonly #promise = new SpoolPromise()
  #failure: AgentFailure | undefined
  #program: BuiltProgram | undefined
  #hasFailed = false
  #lifeBeganAt = 0
  #troubleSince: number | undefined
  #release: () => void = () => undefined
  #held: Promise<void> | undefined
  #agentId: string | undefined
  #parts: { readonly controller: IngestController; readonly line: CutLine } | undefined

  private constructor(
    private readonly dir: string,
    private readonly medium: FailingMedium,
    private readonly random: () => number,
  ) {}

  static async make(dir: string, medium: FailingMedium, random: () => number): Promise<AgentTrial> {
    const trial = new AgentTrial(dir, medium, random)
    trial.#witness.listen()
    const data = join(dir, 'controller')
    await mkdir(data, { recursive: true })
    const controller = await startIngest(data, {
      write: async (batch, store) => {
        await trial.#held
        await store.write(batch)
      },
    })
    const line = await CutLine.open(controller.server.port)
    trial.#parts = { controller, line }
    await trial.#prepare(await controller.token('any'), line.port)
    return trial
  }

  async start(): Promise<void> {
    this.#hasFailed = false
    this.#relieve()
    const left = await readSpools(join(this.medium.path, 'agent/spool'))
    this.#faults.push(...this.#promise.left(left, this.#witness.reports, this.#failure))
    this.#failure = undefined
    const hellos = this.#witness.hellos.length
    if (this.#hasFailed) throw new Error('it failed before it began')
    this.#lifeBeganAt = performance.now()
    const program = BuiltProgram.start('agent', ['--config', join(this.dir, 'agent.yaml')], join(this.dir, 'agent.log'))
    this.#program = program
    await until(helloWithinMs, 'the agent to connect', () => {
      if (program.isGone) throw new Error('the agent ended')
      return this.#witness.hellos.length > hellos
    })
    const agentId = this.#witness.hellos.at(-1)?.agentId
    if (this.#agentId !== undefined && agentId !== this.#agentId)
      this.#faults.push(`the agent was ${this.#agentId}, and is ${agentId} now`)
    this.#agentId = agentId
  }

  async look(): Promise<Findings> {
    await until(caughtUpWithinMs, 'the backlog to arrive', () => {
      const { backlog = [] } = this.#witness.hellos.at(-1) ?? {}
      return backlog.every(({ spoolId, nextSeq }) => this.#durable(spoolId) >= Number(nextSeq) - 1)
    })
    const { controller } = this.#running()
    const { reports } = this.#witness
    const { faults, promised, readBack } = await lookAtStore(controller.store, reports, (spool) => this.#durable(spool))
    const all = [...this.#faults.splice(0), ...this.#promise.undelivered(reports), ...this.#witness.faults(), ...faults]
    return { faults: all, promised, readBack, waiting: this.#promise.waiting }
  }

  async work(signal: AbortSignal): Promise<void> {
    // One trouble for long, so that files fill; or one after the other.
    const chance = this.random()
    const lasting = chance < 0.4 ? 'no acks' : chance < 0.7 ? 'no line' : undefined
    while (!signal.aborted) {
      this.#begin(lasting ?? this.#anyTrouble())
      await delay(300 + this.random() * 2500, undefined, { signal }).catch(() => undefined)
    }
  }

  interrupt(): void {
    this.#program?.interrupt()
  }

  fail(): Promise<void> {
    // Up to the first await it is one moment.
    const restore = this.medium.cut()
    this.#program?.kill()
    this.#parts?.line.cut()
    const durable = [...this.#witness.reports.keys()].map((spoolId) => [spoolId, this.#durable(spoolId)] as const)
    this.#failure = {
      at: performance.now(),
      atMs: Date.now(),
      lifeBeganAt: this.#lifeBeganAt,
      troubleSince: this.#troubleSince,
      durable: new Map(durable),
    }
    this.#hasFailed = true
    return this.#program?.ended.then(restore) ?? restore()
  }

  async remove(): Promise<void> {
    this.#program?.kill()
    await this.#program?.ended
    this.#relieve()
    await this.#parts?.line.close()
    await this.#parts?.controller.stop()
    await this.medium.remove()
  }

  async #prepare(token: string, port: number): Promise<void> {
    const joinTokenFile = join(this.medium.path, 'join-token')
    // Somebody put it there long ago.
    await writeFile(joinTokenFile, token, { flush: true })
    const directory = await open(this.medium.path, 'r')
    await directory.sync()
    await directory.close()
    const config = {
      data: join(this.medium.path, 'agent'),
      name: 'tiny',
      controllers: [{ address: `127.0.0.1:${port}`, joinTokenFile }],
      hypervisors: [{ kind: 'simulated', fleet }],
      metrics: { port: 0 },
      intervals: { state: '500ms', fast: '500ms', block: '500ms', guestMemory: '1s' },
    }
    await writeFile(join(this.dir, 'agent.yaml'), stringify(config))
  }

  #running(): { readonly controller: IngestController; readonly line: CutLine } {
    if (this.#parts === undefined) throw new Error('not started')
    return this.#parts
  }

  #anyTrouble(): Trouble {
    return troubles[Math.floor(this.random() * troubles.length)] ?? 'none'
  }

  #begin(trouble: Trouble): void {
    if (trouble === 'none') return this.#relieve()
    this.#troubleSince ??= performance.now()
    if (trouble === 'no line') this.#parts?.line.cut()
    else this.#hold()
  }

  #hold(): void {
    this.#held ??= new Promise((release) => {
      this.#release = release
    })
  }

  #relieve(): void {
    this.#release()
    this.#held = undefined
    this.#troubleSince = undefined
    this.#parts?.line.mend()
  }

  #durable(spoolId: string): number {
    return this.#parts?.controller.writer.lastDurable(`${this.#agentId}/${spoolId}`) ?? 0
  }
}

async function until(ms: number, what: string, holds: () => boolean): Promise<void> {
  const end = performance.now() + ms
  while (!holds()) {
    if (performance.now() > end) throw new Error(`waited ${ms} ms for ${what}`)
    await delay(10)
  }
}
