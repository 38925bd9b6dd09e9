import { appendFile, mkdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { parseArgs } from 'node:util'

import { z } from 'zod'

import { startLab } from '../lab.js'
import { figuresOf } from './figures.js'
import { readRecording, writeRecording } from './recording.js'
import { recordRound } from './record-round.js'
import { drawScenario, type ArrayScenario } from './scenario.js'

const usage = `Real guests, agents and the controller against the lab's array, whose parameters and jobs are drawn by seed; needs root and a build.

Usage: npm run lab:arrays -- --seed N --count N [--first 0] [--results DIR] [--hosts 2] [--guests 4] [--seconds 120]
                             [--grid] [--draw]

Each round is recorded in DIR (data/lab-arrays): the array's true fill five times a second, each host's LUN counters at the target
each second, the controller's points of each disk, and what was done when: SEED-INDEX.jsonl.gz. A line of figures for each goes to
DIR/arrays.jsonl; rounds that are there already are not run again.

  --grid   nine combinations of cache 50, 150, 400 MB and drain 4, 12, 32 MB/s, destaged always
  --draw   prints what would be done, and does nothing

The last line printed is JSON. Exit code 1: a round failed.
`

const hostLunMiB = 512
const diskMiB = 1024

const doneLine = z.looseObject({ round: z.string() })

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string', default: '1' },
      count: { type: 'string', default: '1' },
      first: { type: 'string', default: '0' },
      results: { type: 'string', default: 'data/lab-arrays' },
      hosts: { type: 'string', default: '2' },
      guests: { type: 'string', default: '4' },
      seconds: { type: 'string', default: '120' },
      grid: { type: 'boolean', default: false },
      draw: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    console.log(usage)
    return
  }
  const [seed, count, first] = [values.seed, values.count, values.first].map(Number)
  const [hosts, guests, seconds] = [values.hosts, values.guests, values.seconds].map(Number)
  const whole = z.int().min(0)
  const shape = {
    seed: whole.parse(seed),
    seconds: whole.min(20).parse(seconds),
    hosts: names('hv', whole.min(1).parse(hosts)),
    guests: names('vm', whole.min(3).parse(guests)),
    grid: values.grid,
  }
  const rounds = Array.from({ length: whole.parse(count) }, (_, offset) => {
    const index = whole.parse(first) + offset
    const name = `${values.grid ? 'grid-' : ''}${shape.seed}-${index}`
    return { name, scenario: drawScenario({ ...shape, index }) }
  })
  if (values.draw) {
    for (const { name, scenario } of rounds) console.log(JSON.stringify({ round: name, ...scenario }))
    return
  }
  const done = await roundsIn(values.results)
  const failures = await record(
    rounds.filter(({ name }) => !done.has(name)),
    { results: values.results, hosts: shape.hosts.length, guests: shape.guests.length, seed: `arrays ${shape.seed}` },
  )
  console.log(JSON.stringify({ trial: 'lab arrays', rounds: rounds.length, already: done.size, failures }))
  if (failures.length > 0) process.exitCode = 1
}

interface LabOrder {
  readonly results: string
  readonly hosts: number
  readonly guests: number
  readonly seed: string
}

/** All in one lab: its array is made anew by its parameters. */
async function record(
  rounds: readonly { readonly name: string; readonly scenario: ArrayScenario }[],
  { results, ...shape }: LabOrder,
): Promise<string[]> {
  if (rounds.length === 0) return []
  await mkdir(results, { recursive: true })
  const failures: string[] = []
  const lab = await startLab({ ...shape, disksMiB: [diskMiB], arrays: ['write-back'], hostLunMiB })
  try {
    for (const { name, scenario } of rounds) {
      try {
        const file = path.join(results, `${name}.jsonl.gz`)
        await writeRecording(file, await recordRound({ lab, round: name, scenario, hostLunMiB }))
        // As others will read it.
        const figures = figuresOf(await readRecording(file))
        const { cacheBytes, drainBytesPerSecond, parameters } = scenario
        const line = JSON.stringify({ round: name, cacheBytes, drainBytesPerSecond, parameters, ...figures })
        console.log(line)
        await appendFile(path.join(results, 'arrays.jsonl'), `${line}\n`)
      } catch (error) {
        console.error(error)
        failures.push(`${name}: ${String(error)}`)
      }
    }
  } finally {
    await lab.stop()
  }
  return failures
}

async function roundsIn(results: string): Promise<ReadonlySet<string>> {
  const text = await readFile(path.join(results, 'arrays.jsonl'), 'utf8').catch(() => '')
  const lines = text.split('\n').filter((line) => line !== '')
  return new Set(lines.map((line) => doneLine.parse(JSON.parse(line)).round))
}

function names(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${index + 1}`)
}

await main()
