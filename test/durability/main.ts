import { appendFile, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

import { z } from 'zod'

import { SeededRandom } from '../../common/seeded-random.js'
import { median } from '../bench/agent/median.js'
import { AgentTrial } from './agent-trial.js'
import { chainOfRounds, type Pace, type Round } from './chain.js'
import { ControllerTrial } from './controller-trial.js'
import type { FailingMedium } from './failing-medium.js'
import { killDirectory } from './kill-directory.js'
import { fileSystemNames, isFileSystem, PowerBox } from './power-box.js'
import { storePaces } from './store-book.js'
import { StoreTrial } from './store-trial.js'
import type { Trial } from './trial.js'

const failures = ['power', 'kill'] as const
const storeWork = Object.keys(storePaces)
const subjects = failures.flatMap((failure) => [
  `${failure}-controller`,
  `${failure}-agent`,
  ...storeWork.map((work) => `${failure}-store-${work}`),
])

const usage = `Lets the built controller or agent fail at random moments, by kill -9 or by a power cut, and compares what it knows
afterwards with what it promised before.

Usage: npx tsx test/durability/main.ts --what WHAT
         [--count 50] [--seed 1] [--results DIR] [--chain 5] [--file-systems ext4,ext2] [--keep]

WHAT is power- or kill-, and controller, agent, or store- and the work that it is busy with: ${storeWork.join(', ')}.
A power cut takes what the disk had in its cache, sector by sector as chance has it. It needs root, and a mount namespace:
  unshare --mount --propagation private npx tsx test/durability/main.ts --what power-controller
Rounds come in chains on the same data. With --results each is written down there as a line of JSON, and chains that are
there already are not run again. The last line printed is JSON. Exit code 1: something promised was not kept.
`

const upTo = (ms: number) => (chance: number) => chance * ms
const paces: Readonly<Record<'controller' | 'agent' | 'store', Pace>> = {
  controller: { start: upTo(1500), work: upTo(1500), stop: upTo(300) },
  // Half of the time so long that reports have to be on its disk.
  agent: {
    start: upTo(1500),
    work: (chance) => (chance < 0.5 ? chance * 6000 : 5500 + (chance - 0.5) * 7000),
    stop: upTo(300),
  },
  store: { start: upTo(1500), work: upTo(2000), stop: upTo(150) },
}

const recordedRound = z.object({
  what: z.string(),
  seed: z.string(),
  chain: z.int(),
  round: z.int(),
  medium: z.string(),
  during: z.enum(['start', 'work', 'stop']),
  afterMs: z.number(),
  promised: z.number(),
  readBack: z.number(),
  waiting: z.number(),
  openMs: z.number().optional(),
  faults: z.array(z.string()),
})
type RecordedRound = z.output<typeof recordedRound>

interface Order {
  readonly what: string
  readonly seed: string
  readonly count: number
  readonly chainLength: number
  readonly fileSystems: readonly string[]
  readonly results: string | undefined
  readonly keep: boolean
}

async function main(): Promise<void> {
  const order = readOrder()
  if (order === undefined) {
    console.log(usage)
    return
  }
  const rounds = await recorded(order)
  const began = performance.now()
  for (let chain = 0; chain * order.chainLength < order.count; chain += 1) {
    const length = Math.min(order.chainLength, order.count - chain * order.chainLength)
    const before = rounds.filter((round) => round.chain === chain)
    if (before.length >= length || before.some(({ faults }) => faults.length > 0)) continue
    for (const round of await runChain(order, chain, length)) rounds.push(round)
  }
  const faulty = rounds.filter(({ faults }) => faults.length > 0)
  const sum = (figure: 'promised' | 'readBack' | 'waiting'): number =>
    rounds.reduce((total, round) => total + round[figure], 0)
  const openings = rounds.flatMap(({ openMs }) => (openMs === undefined ? [] : [openMs]))
  console.log(
    JSON.stringify({
      trial: 'durability',
      what: order.what,
      seed: order.seed,
      rounds: rounds.length,
      faultyRounds: faulty.length,
      samplesPromised: sum('promised'),
      samplesReadBack: sum('readBack'),
      reportsThatWaited: sum('waiting'),
      ...(openings.length === 0 ? {} : { medianOpenMs: median(openings), longestOpenMs: Math.max(...openings) }),
      seconds: Math.round((performance.now() - began) / 1000),
    }),
  )
  if (faulty.length > 0) process.exitCode = 1
}

function readOrder(): Order | undefined {
  const { values } = parseArgs({
    options: {
      what: { type: 'string' },
      count: { type: 'string', default: '50' },
      seed: { type: 'string', default: '1' },
      results: { type: 'string' },
      chain: { type: 'string', default: '5' },
      'file-systems': { type: 'string', default: 'ext4,ext2' },
      keep: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return undefined
  const what = subjects.find((name) => name === values.what)
  if (what === undefined) throw new Error(`--what: expected ${subjects.join('|')}, got ${values.what ?? 'nothing'}`)
  const fileSystems = values['file-systems'].split(',')
  const unknown = fileSystems.find((name) => !isFileSystem(name))
  if (unknown !== undefined) throw new Error(`--file-systems: expected ${fileSystemNames.join(', ')}, got ${unknown}`)
  const { seed, results, keep } = values
  const [count, chainLength] = [Number(values.count), Number(values.chain)]
  return { what, seed, count, chainLength, fileSystems, results, keep }
}

async function runChain(order: Order, chain: number, length: number): Promise<RecordedRound[]> {
  const dir = await mkdtemp(join(tmpdir(), 'headroom-durability-'))
  const random = SeededRandom.of(1, `${order.what} ${order.seed} ${chain}`)
  const { trial, medium } = await makeTrial(order, chain, dir, () => random.next())
  const rounds: RecordedRound[] = []
  try {
    const pace = paces[subjectOf(order.what)]
    for await (const round of chainOfRounds(trial, length, pace, () => random.next())) {
      rounds.push(await record(order, { chain, round: rounds.length, medium, ...round }))
      // What comes after a loss is no trial of its own.
      if (round.faults.length > 0) break
    }
  } finally {
    await trial.remove()
    const isGood = rounds.length === length && rounds.every(({ faults }) => faults.length === 0)
    if (order.keep || !isGood) console.log(`logs: ${dir}`)
    else await rm(dir, { recursive: true, force: true })
  }
  return rounds
}

async function makeTrial(
  { what, fileSystems }: Order,
  chain: number,
  dir: string,
  random: () => number,
): Promise<{ readonly trial: Trial; readonly medium: string }> {
  const name = fileSystems[chain % fileSystems.length] ?? ''
  const own = join(dir, 'medium')
  await mkdir(own)
  const powered = what.startsWith('power')
  if (powered && !isFileSystem(name)) throw new Error(`no file system ${name}`)
  const medium: FailingMedium =
    powered && isFileSystem(name) ? await PowerBox.make(own, name, random) : await killDirectory(own)
  const outside = join(dir, 'outside')
  await mkdir(outside)
  return { trial: await trialOf(what, outside, medium, random), medium: powered ? name : 'directory' }
}

function subjectOf(what: string): 'controller' | 'agent' | 'store' {
  if (what.endsWith('-agent')) return 'agent'
  return what.endsWith('-controller') ? 'controller' : 'store'
}

async function trialOf(what: string, dir: string, medium: FailingMedium, random: () => number): Promise<Trial> {
  const subject = subjectOf(what)
  if (subject === 'agent') return AgentTrial.make(dir, medium, random)
  if (subject === 'controller') return new ControllerTrial(dir, medium, random)
  const name = what.replace(/^\w+-store-/, '')
  const how = storePaces[name]
  if (how === undefined) throw new Error(`no work ${name}`)
  return StoreTrial.make(dir, medium, { name, how })
}

async function record(
  { what, seed, results }: Order,
  round: Round & { readonly chain: number; readonly round: number; readonly medium: string },
): Promise<RecordedRound> {
  const line: RecordedRound = { what, seed, ...round, faults: [...round.faults] }
  console.log(JSON.stringify(line))
  if (results !== undefined) {
    await mkdir(results, { recursive: true })
    await appendFile(join(results, fileName({ what, seed })), `${JSON.stringify(line)}\n`)
  }
  return line
}

/** Rounds of whole chains that an earlier run wrote down. */
async function recorded({ what, seed, results }: Order): Promise<RecordedRound[]> {
  if (results === undefined) return []
  const text = await readFile(join(results, fileName({ what, seed })), 'utf8').catch(() => '')
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => recordedRound.parse(JSON.parse(line)))
}

function fileName({ what, seed }: { readonly what: string; readonly seed: string }): string {
  return `${what}-${seed}.jsonl`
}

await main()
