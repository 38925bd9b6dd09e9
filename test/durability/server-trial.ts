import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

import { createLog } from '../../common/log.js'
import { openServerStore } from '../../controller/store/server/server-store.js'
import type { DebianServer } from '../support/debian-server.js'
import { serverWriterVms, writerStepMs, type WriterOrder } from '../support/server-writer.js'
import type { Witness } from '../support/server-witness.js'
import { waitFor } from '../support/wait-for.js'
import { startServers, type ServerKind, type ServerWorld } from './server-world.js'

/** What befalls a server, or the program in front of it, while points are written. */
export const troubles = ['stopped', 'killed', 'killed twice', 'frozen', 'writer killed'] as const
export type Trouble = (typeof troubles)[number]

export interface ServerRound {
  readonly trouble: Trouble
  readonly part: string
  readonly awayMs: number
  /** The last batch that had been acknowledged when it came. */
  readonly ackedBefore: number
}

export interface ServerFindings {
  readonly rounds: readonly ServerRound[]
  /** Points that were acknowledged, and those that each server has at the end. */
  readonly acked: number
  readonly readBack: number
  readonly resent: number
  readonly faults: readonly string[]
}

export interface ServerTrialOptions {
  readonly kind: ServerKind
  readonly directory: string
  readonly rounds: number
  /** Below 1. */
  readonly random: () => number
  readonly onRound?: (round: ServerRound) => void
}

const writerScript = fileURLToPath(new URL('../support/server-writer.ts', import.meta.url))

/** Lets servers fail while a program writes, and compares in the end what they have with what was acknowledged. */
export async function serverTrial({
  kind,
  directory,
  rounds,
  random,
  onRound,
}: ServerTrialOptions): Promise<ServerFindings> {
  const world = await startServers(kind, directory)
  const startMs = Math.floor(Date.now() / 3_600_000) * 3_600_000 - 2 * 3_600_000
  const writer = new Writer(join(directory, 'order.json'), world, startMs)
  try {
    await writer.start()
    const done: ServerRound[] = []
    for (let index = 0; index < rounds; index += 1) {
      await writer.progress(random)
      const round = await trouble(world, writer, random)
      onRound?.(round)
      done.push(round)
    }
    await writer.progress(random)
    const resent = await writer.finish()
    const found = await readBack(world, writer.acked, startMs)
    return { rounds: done, acked: writer.acked * serverWriterVms.length, resent, ...found }
  } finally {
    await writer.kill()
    await world.stop()
  }
}

async function trouble(world: ServerWorld, writer: Writer, random: () => number): Promise<ServerRound> {
  const kind = troubles[Math.floor(random() * troubles.length)] ?? 'killed'
  const names = Object.keys(world.parts)
  const name = names[Math.floor(random() * names.length)] ?? ''
  const part = world.parts[name]
  if (part === undefined) throw new Error('a world without servers')
  const awayMs = Math.round(random() * 3000)
  const round = { trouble: kind, part: kind === 'writer killed' ? 'writer' : name, awayMs, ackedBefore: writer.acked }
  await befall(kind, part, writer, awayMs, random)
  return round
}

async function befall(
  kind: Trouble,
  part: DebianServer,
  writer: Writer,
  awayMs: number,
  random: () => number,
): Promise<void> {
  switch (kind) {
    case 'writer killed':
      await writer.kill()
      await delay(awayMs / 3)
      await writer.start()
      return
    case 'frozen':
      part.freeze()
      await delay(awayMs)
      part.thaw()
      return
    case 'stopped':
    case 'killed':
    case 'killed twice':
      await part.stop(kind === 'stopped' ? 'SIGTERM' : 'SIGKILL')
      await delay(awayMs)
      await part.start()
      if (kind !== 'killed twice') return
      await delay(random() * 2000)
      await part.stop('SIGKILL')
      await part.start()
  }
}

/** The program that writes, and the last batch it had acknowledged. */
class Writer {
  acked = 0
  #child: ChildProcess | undefined
  #said = ''

  constructor(
    private readonly orderFile: string,
    { options }: ServerWorld,
    startMs: number,
  ) {
    const { path, bounds, server, maintainEveryMs = 100 } = options
    const order: WriterOrder = { options: { path, bounds, server, maintainEveryMs }, startMs, everyMs: 20 }
    writeFileSync(orderFile, JSON.stringify(order))
  }

  async start(): Promise<void> {
    const child = spawn(process.execPath, ['--import', 'tsx', writerScript, this.orderFile], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    this.#child = child
    this.#said = ''
    const began = this.acked
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (/^\d+$/.test(line)) this.acked = Math.max(this.acked, Number(line))
      else this.#said = line
    })
    await waitFor(60_000, 'the writer to go on', () => Promise.resolve(this.acked > began))
  }

  /** Some batches more. */
  async progress(random: () => number): Promise<void> {
    const goal = this.acked + 10 + Math.floor(random() * 60)
    await waitFor(60_000, 'the writer to go on', () => Promise.resolve(this.acked >= goal))
  }

  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  /** Resolves when the servers have everything; how many points were sent again. @throws Error if they do not get it */
  async finish(): Promise<number> {
    await this.#end('SIGTERM')
    const queue = /^settled (.*)$/.exec(this.#said)?.[1]
    if (queue === undefined) throw new Error(`the writer did not finish: ${this.#said}`)
    const { resentPoints, droppedPoints, refusedPoints }: Record<string, number> = JSON.parse(queue)
    if (droppedPoints !== 0 || refusedPoints !== 0) throw new Error(`given up or refused: ${queue}`)
    return resentPoints ?? 0
  }

  async #end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    // With its last lines.
    const closed = once(child, 'close')
    child.kill(signal)
    await closed
  }
}

async function readBack(
  world: ServerWorld,
  acked: number,
  startMs: number,
): Promise<{ readBack: number; faults: string[] }> {
  const faults: string[] = []
  let count = 0
  for (const [name, witness] of Object.entries(world.witnesses)) {
    for (const id of serverWriterVms) {
      let fault = ''
      // vmagent may still be bringing it to the other.
      await waitFor(30_000, 'everything', async () => {
        fault = faultOf(await witness(id), acked, startMs)
        return fault === ''
      }).catch(() => undefined)
      if (fault !== '') faults.push(`${name}, ${id}: ${fault}`)
      count += (await witness(id)).length
    }
  }
  return { readBack: count, faults: [...faults, ...(await rollUpFaults(world, acked, startMs))] }
}

/** Every acknowledged batch has to be there once; what was never acknowledged may be. */
function faultOf(found: Awaited<ReturnType<Witness>>, acked: number, startMs: number): string {
  const seen = new Set<number>()
  for (const [atMs, value] of found) {
    if (atMs !== startMs + value * writerStepMs) return `${value} at ${atMs}`
    if (seen.has(value)) return `batch ${value} twice`
    seen.add(value)
  }
  for (let seq = 1; seq <= acked; seq += 1) if (!seen.has(seq)) return `batch ${seq} of ${acked} is missing`
  return ''
}

/** Sums of the roll-ups have to be those of the points. */
async function rollUpFaults(world: ServerWorld, acked: number, startMs: number): Promise<string[]> {
  const store = await openServerStore({ ...world.options, log: createLog('trial', 'silent') })
  try {
    const faults: string[] = []
    const span = { fromMs: startMs, toMs: startMs + (acked + 100_000) * writerStepMs }
    for (const id of serverWriterVms) {
      const ask = { entity: { kind: 'vm', id }, fields: ['cpuCores'], agg: 'sum', ...span } as const
      const { rows } = await store.range({ ...ask, stepMs: 0, tier: 'raw' })
      const sum = rows.reduce((total, [, value]) => total + (value ?? 0), 0)
      for (const tier of ['5m', '1h'] as const) {
        const rolled = await store.range({ ...ask, stepMs: 300_000, tier })
        const found = rolled.rows.reduce((total, [, value]) => total + (value ?? 0), 0)
        if (Math.abs(found - sum) > 1e-6 * sum) faults.push(`${id}: the ${tier} roll-up has ${found} instead of ${sum}`)
      }
    }
    return faults
  } finally {
    await store.close()
  }
}
