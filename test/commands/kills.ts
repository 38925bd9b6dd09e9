import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

import { z } from 'zod'

import { SeededRandom } from '../../common/seeded-random.js'
import { verbTable, type VerbName } from '../../common/verbs.js'
import { disturbances, KillWorld, type AskedCommand, type Disturbance } from './kill-world.js'

const usage = `Asks for commands on real VMs (libvirtd, QEMU without KVM) while the built agent or controller is killed with -9, or their
stream is cut, at random moments; and compares what came of each with what libvirtd saw happen.

Usage: npm run build, then npx tsx test/commands/kills.ts [--count 50] [--seed 1] [--results FILE]

Each command is done at most once, and its end is told truly, or unknown with a reason; both audit logs are whole at the end of a
run. With --results each round is written down there as a line of JSON, and rounds that are there already are not run again. The last line printed is
JSON. Exit code 1: something of that was not so.
`

const round = z.object({
  seed: z.string(),
  round: z.int(),
  verb: z.string(),
  disturbance: z.enum(disturbances),
  atMs: z.number(),
  state: z.string(),
  reason: z.string(),
  done: z.int(),
  endedAfterMs: z.number(),
  faults: z.array(z.string()),
})
type Round = z.output<typeof round>

/** So long after it was asked for it is disturbed, at most; and so long until what was ended begins anew. */
const disturbWithinMs = 400
const awayWithinMs = 800

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      count: { type: 'string', default: '50' },
      seed: { type: 'string', default: '1' },
      results: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    console.log(usage)
    return
  }
  const { seed, results } = values
  const rounds = (results === undefined ? [] : await recorded(results)).filter((one) => one.seed === seed)
  const missing = Array.from({ length: Number(values.count) }, (_, number) => number).filter(
    (number) => !rounds.some((one) => one.round === number),
  )
  const wrong = missing.length === 0 ? [] : await runRounds(missing, { seed, results, rounds })
  const faulty = rounds.filter(({ faults }) => faults.length > 0)
  const counted = (of: (one: Round) => string): Readonly<Record<string, number>> => {
    const counts: Record<string, number> = {}
    for (const one of rounds) counts[of(one)] = (counts[of(one)] ?? 0) + 1
    return counts
  }
  console.log(
    JSON.stringify({
      trial: 'kills',
      seed,
      rounds: rounds.length,
      faultyRounds: faulty.length,
      disturbances: counted((one) => one.disturbance),
      ends: counted((one) => one.state),
      unknownThoughDone: rounds.filter(({ state, done }) => state === 'unknown' && done > 0).length,
      longestUntilEndMs: Math.round(Math.max(...rounds.map(({ endedAfterMs }) => endedAfterMs))),
      auditFaults: wrong,
    }),
  )
  if (faulty.length > 0 || wrong.length > 0) process.exitCode = 1
}

/** Adds them to those that are there. @returns what is wrong with the audit logs after them */
async function runRounds(
  missing: readonly number[],
  { seed, results, rounds }: { readonly seed: string; readonly results: string | undefined; readonly rounds: Round[] },
): Promise<readonly string[]> {
  const directory = await mkdtemp(join(tmpdir(), 'headroom-kills-'))
  const world = await KillWorld.open(directory)
  try {
    for (const number of missing) {
      const one = await runRound(world, seed, number)
      rounds.push(one)
      const line = JSON.stringify(one)
      console.error(line)
      if (results !== undefined) await appendFile(results, `${line}\n`)
    }
    return await world.auditFaults()
  } finally {
    await world.close()
    await rm(directory, { recursive: true, force: true })
  }
}

async function runRound(world: KillWorld, seed: string, number: number): Promise<Round> {
  const random = SeededRandom.of(1, `kills ${seed} ${number}`)
  const disturbance: Disturbance = disturbances[Math.floor(random.next() * disturbances.length)] ?? 'none'
  // Most of a command is over soon.
  const atMs = Math.round(random.next() ** 2 * disturbWithinMs)
  const awayMs = Math.round(random.next() * awayWithinMs)
  const guest = await world.settledGuest(random.next())
  const strays = await world.witness.taken(guest.name)
  const verb = verbFor(guest.state, random.next())
  const began = performance.now()
  const asked = await world.askAmid(guest, verb, { disturbance, atMs, awayMs })
  const endedAfterMs = performance.now() - began
  const events = await world.witness.taken(guest.name)
  return {
    seed,
    round: number,
    verb,
    disturbance,
    atMs,
    state: asked?.state ?? 'never asked',
    reason: asked?.reason ?? '',
    done: events.length,
    endedAfterMs: Math.round(endedAfterMs),
    faults: [
      ...strays.map((event) => `after the end of the command before: ${event}`),
      ...faultsOf(verb, asked, events),
    ],
  }
}

/** What libvirtd calls it. */
const eventOf = {
  start: 'Started',
  destroy: 'Stopped',
  suspend: 'Suspended',
  resume: 'Resumed',
  reset: 'Reset',
} as const
type Verb = keyof typeof eventOf & VerbName

function verbFor(state: string, chance: number): Verb {
  // A reset is the one that a second doing would show in any state.
  if (state === 'paused') return chance < 0.8 ? 'resume' : 'destroy'
  if (verbTable.suspend.states.some((one) => one === state))
    return chance < 0.6 ? 'reset' : chance < 0.9 ? 'suspend' : 'destroy'
  return 'start'
}

function faultsOf(verb: Verb, asked: AskedCommand | undefined, events: readonly string[]): string[] {
  const faults = events.filter((event) => event !== eventOf[verb]).map((event) => `not asked for: ${event}`)
  const done = events.length - faults.length
  if (done > 1) faults.push(`done ${done} times`)
  const { state, reason } = asked ?? { state: 'never asked', reason: '' }
  if (state === 'succeeded' && done === 0) faults.push('succeeded, and was not done')
  if (state === 'unknown' && reason === '') faults.push('unknown without a reason')
  if (!['succeeded', 'unknown'].includes(state) && done > 0) faults.push(`${state}, and was done`)
  return faults
}

async function recorded(file: string): Promise<Round[]> {
  const text = await readFile(file, 'utf8').catch(() => '')
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => round.parse(JSON.parse(line)))
}

await main()
