import { appendFile, mkdir, readFile } from 'node:fs/promises'
import { loadavg } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'

import { z } from 'zod'

import { startLab } from '../lab.js'
import { calibrateRound } from './calibrate-round.js'
import { courseScenario, performCourse } from './course.js'
import { figuresOf } from './figures.js'
import { judge } from './judge.js'
import { readRecording, writeRecording, type Recording } from './recording.js'
import { recordRound, type RoundOrder } from './record-round.js'
import { toldByReplay } from './replay.js'
import { drawScenario, type ArrayScenario } from './scenario.js'
import { toldLive } from './told.js'

const usage = `Real guests, agents and the controller against the lab's array, whose parameters and jobs are drawn by seed; needs root and a build.

Usage: npm run lab:arrays -- --seed N --count N [--first 0] [--results DIR] [--hosts 2] [--guests 4] [--seconds 120]
                             [--course | --grid] [--draw | --judge | --calibrate]

Each round is recorded in DIR (data/lab-arrays): the array's true fill five times a second, each host's LUN counters at the target
each second, the controller's points of each disk, and what was done when: SEED-INDEX.jsonl.gz. A line of figures for each goes to
DIR/arrays.jsonl; rounds that are there already are not run again.

  --grid    nine combinations of cache 50, 150, 400 MB and drain 4, 12, 32 MB/s, destaged always
  --course  what a model is judged by: of nine combinations drawn by seed two overflows to learn from, one to foretell, one by a copy
            of a host's own, and a target that stands still; the controller runs beside it, with a canary. The line of figures has
            what it said (live) and what its models say to the same run with the hosts' counters of LUNs (replayed), against the truth
  --calibrate  the same nine combinations, without guests: 'headroom-agent calibrate' beside a small writer; a line for each goes to
            DIR/calibrate.jsonl
  --judge   judges recorded courses anew, and runs nothing
  --draw    prints what would be done, and does nothing

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
      course: { type: 'boolean', default: false },
      calibrate: { type: 'boolean', default: false },
      judge: { type: 'boolean', default: false },
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
  if (values.calibrate) {
    await calibrateAll(shape.seed, whole.parse(first), whole.parse(count), values.results)
    return
  }
  const kind = values.course ? 'course-' : values.grid ? 'grid-' : ''
  const rounds = Array.from({ length: whole.parse(count) }, (_, offset): Round => {
    const index = whole.parse(first) + offset
    const name = `${kind}${shape.seed}-${index}`
    if (!values.course) return { name, scenario: drawScenario({ ...shape, index }), course: undefined }
    return { name, scenario: courseScenario(shape.seed, index), course: courseOf(shape, index) }
  })
  if (values.draw) {
    for (const { name, scenario } of rounds) console.log(JSON.stringify({ round: name, ...scenario }))
    return
  }
  if (values.judge) {
    for (const { name } of rounds) {
      const judged = judgedLine(await readRecording(path.join(values.results, `${name}.jsonl.gz`)))
      console.log(JSON.stringify({ round: name, ...judged }))
    }
    return
  }
  const done = await roundsIn(path.join(values.results, 'arrays.jsonl'))
  const failures = await record(
    rounds.filter(({ name }) => !done.has(name)),
    { results: values.results, hosts: shape.hosts.length, guests: shape.guests.length, seed: `arrays ${shape.seed}` },
  )
  console.log(JSON.stringify({ trial: 'lab arrays', rounds: rounds.length, already: done.size, failures }))
  if (failures.length > 0) process.exitCode = 1
}

interface Round {
  readonly name: string
  readonly scenario: ArrayScenario
  readonly course: Pick<RoundOrder, 'perform' | 'canaryHost'> | undefined
}

/** The first host copies by itself; the second has the canary. */
function courseOf(
  { seed, hosts: [copyHost = '', canaryHost], guests }: Record<'hosts' | 'guests', string[]> & { seed: number },
  index: number,
): Round['course'] {
  return {
    perform: (world) => performCourse(world, { guests, copyHost, seed, index }),
    ...(canaryHost === undefined ? {} : { canaryHost }),
  }
}

function judgedLine(recording: Recording): object {
  const { cacheBytes, drainBytesPerSecond } = recording.head.scenario
  const live = judge(recording, toldLive(recording))
  return { cacheBytes, drainBytesPerSecond, live, replayed: judge(recording, toldByReplay(recording)) }
}

/** Those that are in the results already are left out. */
async function calibrateAll(seed: number, first: number, count: number, results: string): Promise<void> {
  await mkdir(results, { recursive: true })
  const file = path.join(results, 'calibrate.jsonl')
  const done = await roundsIn(file)
  for (let index = first; index < first + count; index += 1) {
    const round = `calibrate-${seed}-${index}`
    if (done.has(round)) continue
    const { parameters, cacheBytes, drainBytesPerSecond } = courseScenario(seed, index)
    const figures = await calibrateRound(parameters, cacheBytes)
    const at = { date: new Date().toISOString(), load: loadavg()[1] }
    const line = JSON.stringify({ round, ...at, cacheBytes, drainBytesPerSecond, ...figures })
    console.log(line)
    await appendFile(file, `${line}\n`)
  }
}

interface LabOrder {
  readonly results: string
  readonly hosts: number
  readonly guests: number
  readonly seed: string
}

/** All in one lab: its array is made anew by its parameters. */
async function record(rounds: readonly Round[], { results, ...shape }: LabOrder): Promise<string[]> {
  if (rounds.length === 0) return []
  await mkdir(results, { recursive: true })
  const failures: string[] = []
  const lab = await startLab({ ...shape, disksMiB: [diskMiB], arrays: ['write-back'], hostLunMiB })
  try {
    for (const { name, scenario, course } of rounds) {
      try {
        const file = path.join(results, `${name}.jsonl.gz`)
        await writeRecording(file, await recordRound({ lab, round: name, scenario, hostLunMiB, ...course }))
        // As others will read it.
        const recording = await readRecording(file)
        const { cacheBytes, drainBytesPerSecond, parameters } = scenario
        const figures = { cacheBytes, drainBytesPerSecond, parameters, ...figuresOf(recording) }
        const at = { date: new Date().toISOString(), load: loadavg()[1] }
        const judged = course === undefined ? {} : judgedLine(recording)
        const line = JSON.stringify({ round: name, ...at, ...figures, ...judged })
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

async function roundsIn(file: string): Promise<ReadonlySet<string>> {
  const text = await readFile(file, 'utf8').catch(() => '')
  const lines = text.split('\n').filter((line) => line !== '')
  return new Set(lines.map((line) => doneLine.parse(JSON.parse(line)).round))
}

function names(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${index + 1}`)
}

await main()
