import { appendFile, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

import { z } from 'zod'

import { SeededRandom } from '../../common/seeded-random.js'
import { serverTrial } from './server-trial.js'
import { serverKinds, type ServerKind } from './server-world.js'

const usage = `Lets the server of a store stop, die, stand still and come back, and the program in front of it die, at random moments while
points are written; then asks the server for every point that was acknowledged.

Usage: npx tsx test/durability/servers.ts --server ${serverKinds.join('|')}
         [--count 20] [--seed 1] [--chain 5] [--results DIR] [--keep]

Rounds come in chains on the same data; after each chain everything is read back. With --results each chain is written down there as a line
of JSON, and chains that are there already are not run again. The last line printed is JSON. Exit code 1: a point is lost or double.
`

const recordedChain = z.object({
  server: z.enum(serverKinds),
  seed: z.string(),
  chain: z.int(),
  rounds: z.array(z.object({ trouble: z.string(), part: z.string(), awayMs: z.number(), ackedBefore: z.number() })),
  acked: z.number(),
  readBack: z.number(),
  resent: z.number(),
  faults: z.array(z.string()),
})
type RecordedChain = z.output<typeof recordedChain>

interface Order {
  readonly server: ServerKind
  readonly seed: string
  readonly count: number
  readonly chainLength: number
  readonly results: string | undefined
  readonly keep: boolean
}

async function main(): Promise<void> {
  const order = readOrder()
  if (order === undefined) {
    console.log(usage)
    return
  }
  const { server, seed, count, chainLength } = order
  const chains = await recorded(order)
  const began = performance.now()
  for (let chain = 0; chain * chainLength < count; chain += 1) {
    if (chains.some((one) => one.chain === chain)) continue
    chains.push(await runChain(order, chain, Math.min(chainLength, count - chain * chainLength)))
  }
  const sum = (figure: (chain: RecordedChain) => number): number =>
    chains.reduce((total, one) => total + figure(one), 0)
  const faulty = chains.filter(({ faults }) => faults.length > 0)
  console.log(
    JSON.stringify({
      trial: 'servers',
      server,
      seed,
      rounds: sum(({ rounds }) => rounds.length),
      faultyChains: faulty.length,
      pointsAcked: sum(({ acked }) => acked),
      pointsReadBack: sum(({ readBack }) => readBack),
      pointsResent: sum(({ resent }) => resent),
      seconds: Math.round((performance.now() - began) / 1000),
    }),
  )
  if (faulty.length > 0) process.exitCode = 1
}

function readOrder(): Order | undefined {
  const { values } = parseArgs({
    options: {
      server: { type: 'string' },
      count: { type: 'string', default: '20' },
      seed: { type: 'string', default: '1' },
      chain: { type: 'string', default: '5' },
      results: { type: 'string' },
      keep: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return undefined
  const server = serverKinds.find((kind) => kind === values.server)
  if (server === undefined)
    throw new Error(`--server: expected ${serverKinds.join('|')}, got ${values.server ?? 'nothing'}`)
  const { seed, results, keep } = values
  return { server, seed, results, keep, count: Number(values.count), chainLength: Number(values.chain) }
}

async function runChain({ server, seed, results, keep }: Order, chain: number, rounds: number): Promise<RecordedChain> {
  const directory = await mkdtemp(join(tmpdir(), 'headroom-servers-'))
  const random = SeededRandom.of(1, `${server} ${seed} ${chain}`)
  let isGood = false
  try {
    const found = await serverTrial({
      kind: server,
      directory,
      rounds,
      random: () => random.next(),
      onRound: (round) => console.log(JSON.stringify({ chain, ...round })),
    })
    const line: RecordedChain = { server, seed, chain, ...found, rounds: [...found.rounds], faults: [...found.faults] }
    isGood = line.faults.length === 0
    console.log(JSON.stringify({ ...line, rounds: line.rounds.length }))
    if (results !== undefined) {
      await mkdir(results, { recursive: true })
      await appendFile(join(results, `${server}-${seed}.jsonl`), `${JSON.stringify(line)}\n`)
    }
    return line
  } finally {
    if (keep || !isGood) console.log(`data and logs: ${directory}`)
    else await rm(directory, { recursive: true, force: true, maxRetries: 5 })
  }
}

/** Chains that an earlier run wrote down. */
async function recorded({ server, seed, results }: Order): Promise<RecordedChain[]> {
  if (results === undefined) return []
  const text = await readFile(join(results, `${server}-${seed}.jsonl`), 'utf8').catch(() => '')
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => recordedChain.parse(JSON.parse(line)))
}

await main()
