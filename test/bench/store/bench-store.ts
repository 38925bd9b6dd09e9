import { fork } from 'node:child_process'
import { mkdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'

import { seededChance } from '../../support/seeded-chance.js'
import { barRows } from './bars.js'
import { EmbeddedContender } from './embedded-contender.js'
import { bytesOf, rounded } from './figures.js'
import { InfluxContender } from './influx-contender.js'
import { ingest, type IngestPlan } from './ingest.js'
import { measureLoop } from './loop-delay.js'
import { Parts, type Figures } from './parts.js'
import { askForPoints, askForTop } from './questions.js'
import { startMs, Workload } from './workload.js'
import { askForYear, fillYear } from './year.js'

const usage = `Measures the embedded store beside its bars and, with the same points in the same run, Debian's InfluxDB 1.6.

Usage: npm run bench -- store [--vms 300] [--hours 24] [--seed 1] [--rounds 3] [--days 365] [--questions 200] [--work DIR]
         [--fresh] [--only PART,...]

The points are the simulated fleet's own output: what 300 VMs of KVM hosts say each 10 s of a day, 25 fields each; to make them takes
minutes, the first time. Each bar is held by the median of the rounds; what is filled once (a day of the fleet, a year of one VM)
is asked in each. Parts that are done are kept in the work directory (default: headroom-bench-store in the directory for
temporary files) and not measured again, unless --fresh. With --only just those parts. The last line printed is JSON. Exit code 1: a bar
was not met.
`

const hourMs = 3_600_000

interface Order {
  readonly vms: number
  readonly hours: number
  readonly seed: number
  readonly rounds: number
  readonly days: number
  readonly questions: number
  readonly work: string
  readonly fresh: boolean
  readonly only: readonly string[]
}

async function main(): Promise<void> {
  const order = readOrder()
  if (order === undefined) {
    console.log(usage)
    return
  }
  await mkdir(order.work, { recursive: true })
  const workload = await Workload.prepare(order, order.work, (line) => console.log(line))
  const parts = await Parts.in(order.dir, order.fresh)
  await new StoreBench(order, workload, parts).run()
  const bars = barRows(parts.all)
  for (const { what, bar, measured, met } of bars) {
    const verdict = met === undefined ? 'not measured' : met ? 'met' : 'NOT MET'
    console.log(`${what}: ${measured ?? '-'} (bar ${bar}): ${verdict}`)
  }
  const { vms, hours, seed, rounds } = order
  const figures = { points: workload.points, bars, parts: Object.fromEntries(parts.all) }
  console.log(JSON.stringify({ bench: 'store', vms, hours, seed, rounds, ...figures }))
  if (bars.some(({ met }) => met === false)) process.exitCode = 1
}

function readOrder(): (Order & { readonly dir: string }) | undefined {
  const { values } = parseArgs({
    options: {
      vms: { type: 'string', default: '300' },
      hours: { type: 'string', default: '24' },
      seed: { type: 'string', default: '1' },
      rounds: { type: 'string', default: '3' },
      days: { type: 'string', default: '365' },
      questions: { type: 'string', default: '200' },
      work: { type: 'string', default: join(tmpdir(), 'headroom-bench-store') },
      only: { type: 'string', default: '' },
      fresh: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return undefined
  const [vms, hours, seed] = [Number(values.vms), Number(values.hours), Number(values.seed)]
  const [rounds, days, questions] = [Number(values.rounds), Number(values.days), Number(values.questions)]
  const only = values.only.split(',').filter((name) => name !== '')
  const { work, fresh } = values
  const dir = join(work, `run-${vms}-${hours}-${seed}-${days}-${questions}`)
  return { vms, hours, seed, rounds, days, questions, work, fresh, only, dir }
}

class StoreBench {
  readonly #ours: string
  readonly #theirs: string
  readonly #year: string

  constructor(
    private readonly order: Order & { readonly dir: string },
    private readonly workload: Workload,
    private readonly parts: Parts,
  ) {
    this.#ours = join(order.dir, 'embedded', 'series.db')
    this.#theirs = join(order.dir, 'influxdb')
    this.#year = join(order.dir, 'year', 'series.db')
  }

  async run(): Promise<void> {
    await this.#ingestRounds()
    await this.#part('load-embedded', 1, () => this.#loadOurs())
    await this.#part('load-influxdb', 1, () => this.#loadTheirs())
    await this.#questionRounds()
    const { dir, days, questions, rounds } = this.order
    await this.#part('fill-year', 1, () => fillYear(this.#year, this.workload, days))
    await this.#part('year-embedded', rounds, () => askForYear(this.#year, this.workload, { days, questions }))
    for (let round = 0; round < rounds; round += 1) {
      for (const which of ['nothing', 'embedded'] as const) {
        const plan = { dir: join(dir, 'loop'), seconds: 60, which }
        await this.#part(`loop-${which}`, 1, () => measureLoop(this.workload, plan))
      }
    }
    await this.#part('memory', 1, () => this.#controllerMemory())
  }

  /** Each kind of batch on stores of their own, one after the other in turns. */
  async #ingestRounds(): Promise<void> {
    for (let round = 0; round < this.order.rounds; round += 1) {
      for (const [batch, inFlight, hours] of [
        [300, 1, 1],
        [300, 8, 2],
        [3000, 1, 2],
        [3000, 8, 2],
      ] as const) {
        const plan = { batch, inFlight, fromHour: 0, hours: Math.min(hours, this.order.hours) }
        await this.#part(`ingest-${batch}-${inFlight}-embedded`, 1, () => this.#ingestFresh('embedded', plan))
        await this.#part(`ingest-${batch}-${inFlight}-influxdb`, 1, () => this.#ingestFresh('influxdb', plan))
      }
    }
  }

  async #questionRounds(): Promise<void> {
    const { questions, rounds } = this.order
    const day = { count: questions, windowMs: 24 * hourMs }
    const writing = { count: questions, pointsPerSecond: 1000 }
    await this.#part('top-day-embedded', rounds, () =>
      this.#withOurs((ours) => askForTop(ours, this.workload, this.#chance('top-day-embedded'), day)),
    )
    await this.#part('top-any-embedded', rounds, () =>
      this.#withOurs((ours) =>
        askForTop(ours, this.workload, this.#chance('top-any-embedded'), { ...day, windowMs: undefined }),
      ),
    )
    await this.#part('top-day-influxdb', 1, () =>
      this.#withTheirs((theirs) =>
        askForTop(theirs, this.workload, this.#chance('top-day-influxdb'), { ...day, count: 20 }),
      ),
    )
    await this.#part('points-embedded', rounds, () =>
      this.#withOurs((ours) => askForPoints(ours, this.workload, this.#chance('points-embedded'), writing)),
    )
    await this.#part('points-influxdb', 1, () =>
      this.#withTheirs((theirs) => askForPoints(theirs, this.workload, this.#chance('points-influxdb'), writing)),
    )
  }

  /** Other questions in each round. */
  #chance(part: string): () => number {
    return seededChance(this.order.seed, `${part} ${this.parts.all.get(part)?.length ?? 0}`)
  }

  async #part(name: string, rounds: number, work: () => Promise<Figures>): Promise<void> {
    const { only } = this.order
    if (only.length > 0 && !only.some((wanted) => name.includes(wanted))) return
    for (let round = 0; round < rounds; round += 1) await this.parts.run(name, work)
  }

  async #ingestFresh(name: 'embedded' | 'influxdb', plan: IngestPlan): Promise<Figures> {
    const dir = join(this.order.dir, `fresh-${name}`)
    await rm(dir, { recursive: true, force: true })
    const contender =
      name === 'embedded'
        ? await EmbeddedContender.open(join(dir, 'series.db'), startMs)
        : await InfluxContender.open(dir)
    try {
      return await ingest(contender, this.workload, plan)
    } finally {
      await contender.close()
      await rm(dir, { recursive: true, force: true })
    }
  }

  async #loadOurs(): Promise<Figures> {
    await rm(join(this.#ours, '..'), { recursive: true, force: true })
    const ours = await EmbeddedContender.open(this.#ours, startMs)
    const figures = await ingest(ours, this.workload, {
      batch: 3000,
      inFlight: 8,
      fromHour: 0,
      hours: this.order.hours,
    })
    ours.passTo(this.workload.endMs)
    await ours.settle()
    const { points, problem } = await ours.store.health()
    if (points !== this.workload.points) throw new Error(`${points} points are stored: ${problem}`)
    await ours.close()
    const bytes = bytesOf(join(this.#ours, '..'))
    return { ...figures, bytes, bytesPerPoint: rounded(bytes / points) }
  }

  async #loadTheirs(): Promise<Figures> {
    await rm(this.#theirs, { recursive: true, force: true })
    const theirs = await InfluxContender.open(this.#theirs)
    const figures = await ingest(theirs, this.workload, {
      batch: 3000,
      inFlight: 8,
      fromHour: 0,
      hours: this.order.hours,
    })
    await theirs.close()
    const written = bytesOf(join(this.#theirs, 'data')) + bytesOf(join(this.#theirs, 'wal'))
    // As small as it ever gets: everything out of the log, and compacted in full.
    const settling = await InfluxContender.open(this.#theirs, [
      'cache-snapshot-write-cold-duration = "1s"',
      'compact-full-write-cold-duration = "1s"',
    ])
    let bytes = written
    for (let quiet = 0; quiet < 6;) {
      await delay(5000)
      const now = bytesOf(join(this.#theirs, 'data')) + bytesOf(join(this.#theirs, 'wal'))
      quiet = now === bytes ? quiet + 1 : 0
      bytes = now
    }
    await settling.close()
    const perPoint = (size: number): number => rounded(size / this.workload.points)
    return { ...figures, bytes, bytesPerPoint: perPoint(bytes), bytesPerPointAsWritten: perPoint(written) }
  }

  async #withOurs(work: (ours: EmbeddedContender) => Promise<Figures>): Promise<Figures> {
    const began = performance.now()
    const ours = await EmbeddedContender.open(this.#ours, this.workload.endMs)
    const openedMs = rounded(performance.now() - began)
    try {
      return { ...(await work(ours)), openedMs }
    } finally {
      await ours.close()
    }
  }

  async #withTheirs(work: (theirs: InfluxContender) => Promise<Figures>): Promise<Figures> {
    const theirs = await InfluxContender.open(this.#theirs)
    try {
      return { ...(await work(theirs)), residentMiB: Math.round(theirs.residentBytes() / 2 ** 20) }
    } finally {
      await theirs.close()
    }
  }

  /** Of a real one, in processes of its own. */
  async #controllerMemory(): Promise<Figures> {
    const { vms, hours, seed, work } = this.order
    const words = { vms, history: hours, seed, work, minutes: 3 }
    const options = Object.entries(words).flatMap(([name, value]) => [`--${name}`, String(value)])
    const child = fork(join(import.meta.dirname, 'soak-store.ts'), options, {
      execArgv: ['--import', 'tsx'],
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    })
    if (child.stdout === null) throw new Error('it has no output')
    const figures: Figures = JSON.parse((await text(child.stdout)).trim().split('\n').at(-1) ?? '')
    return figures
  }
}

await main()
