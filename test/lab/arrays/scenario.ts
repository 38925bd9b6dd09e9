import { SeededRandom } from '../../../common/seeded-random.js'

/** What an array of the lab is, and what is done to it. Pure: the same seed and index draw the same. */

export const jobKinds = [
  'bulk-copy',
  'small-random-writer',
  'reader',
  'steady-writer',
  'host-copy',
  'cron-herd',
  'neighbour',
] as const
export type JobKind = (typeof jobKinds)[number]

export interface Job {
  readonly kind: JobKind
  /** Names of guests, or of the host whose own copy it is. */
  readonly actors: readonly string[]
  readonly fromSeconds: number
  readonly toSeconds: number
  /** Of those that have a pace. */
  readonly kibPerSecond?: number
  /** Of those that write a fixed amount each, and end by themselves. */
  readonly mebibytes?: number
}

/** A change of the array itself. */
export interface ArrayChange {
  readonly atSeconds: number
  readonly parameters: string
}

export interface ArrayScenario {
  readonly cacheBytes: number
  readonly drainBytesPerSecond: number
  /** All parameters of the array at the start. */
  readonly parameters: string
  readonly changes: readonly ArrayChange[]
  readonly jobs: readonly Job[]
  readonly seconds: number
}

export interface ScenarioShape {
  readonly seed: number
  readonly index: number
  readonly guests: readonly string[]
  readonly hosts: readonly string[]
  readonly seconds: number
  /** The next of nine combinations of cache and drain, destaged always and without changes, instead of a draw. */
  readonly grid?: boolean
}

/** What guests and the emulator get through together, roughly; a job that is to overrun the cache has to last by it. */
const inflowBytesPerSecond = 45e6
/** An overflow that lasts this long is seen by whoever looks once a second. */
const overflowSeconds = 8

const gridCaches = [50e6, 150e6, 400e6]
const gridDrains = [4e6, 12e6, 32e6]

/** @throws RangeError with fewer than three guests */
export function drawScenario({ seed, index, guests, hosts, seconds, grid = false }: ScenarioShape): ArrayScenario {
  const random = SeededRandom.of(seed, `array ${index}`)
  const neighbour = guests.at(-1)
  const workers = guests.slice(0, -1)
  if (neighbour === undefined || workers.length < 2)
    throw new RangeError(`guests: expected 3 or more, got ${guests.length}`)
  const cacheBytes = Math.round(grid ? (gridCaches[Math.floor(index / 3) % 3] ?? 0) : logBetween(random, 50e6, 400e6))
  const drainBytesPerSecond = Math.round(grid ? (gridDrains[index % 3] ?? 0) : logBetween(random, 4e6, 32e6))
  const policy = grid ? 'destage=always' : drawPolicy(random)
  const writeThrough = !grid && random.next() < 0.1
  const changes: ArrayChange[] = []
  if (!grid && random.next() < 0.2) {
    const share = random.between(0.3, 0.6).toFixed(2)
    changes.push({ atSeconds: Math.round(seconds * 0.6), parameters: `rebuild=${share}` })
  }
  const freezes = !grid && SeededRandom.of(seed, `freeze ${index}`).next() < 0.15
  const fillSeconds = cacheBytes / Math.max(inflowBytesPerSecond - drainBytesPerSecond, inflowBytesPerSecond / 4)
  return {
    cacheBytes,
    drainBytesPerSecond,
    parameters: [
      `cache=${cacheBytes},drain=${drainBytesPerSecond},read=${4 * drainBytesPerSecond}`,
      'seek_ms=4,partial_ms=8,rebuild=0',
      `freeze_luns=${freezes ? 2 : 0},freeze_after_ms=3000,freeze_ms=8000`,
      `write_through=${writeThrough ? 1 : 0},${policy}`,
    ].join(','),
    changes,
    jobs: drawJobs(random, { workers, hosts, neighbour, seconds, copySeconds: fillSeconds + overflowSeconds }),
    seconds,
  }
}

function drawPolicy(random: SeededRandom): string {
  const chance = random.next()
  if (chance < 0.5) return 'destage=always'
  if (chance < 0.7) {
    return `destage=watermark,high=${random.between(0.5, 0.8).toFixed(2)},low=${random.between(0, 0.3).toFixed(2)}`
  }
  if (chance < 0.85) return `destage=idle,idle_ms=${Math.round(random.between(200, 2000))}`
  const every = Math.round(random.between(1000, 5000))
  return `destage=bursts,burst_every_ms=${every},burst_ms=${Math.round(every * random.between(0.4, 0.8))}`
}

interface JobShape {
  readonly workers: readonly string[]
  readonly hosts: readonly string[]
  readonly neighbour: string
  readonly seconds: number
  readonly copySeconds: number
}

/** One after the other, each by whoever is free, with a rest in between; a copy first and every other time. */
function drawJobs(random: SeededRandom, { workers, hosts, neighbour, seconds, copySeconds }: JobShape): Job[] {
  const jobs: Job[] = [{ kind: 'neighbour', actors: [neighbour], fromSeconds: 0, toSeconds: seconds, kibPerSecond: 20 }]
  const freeAt = new Map([...workers, ...hosts].map((name) => [name, 0]))
  const take = (names: readonly string[], from: number, job: Omit<Job, 'actors' | 'fromSeconds'>): void => {
    for (const name of names) freeAt.set(name, job.toSeconds + 3)
    jobs.push({ ...job, actors: names, fromSeconds: from })
  }
  const freeOf = (names: readonly string[], at: number): string[] =>
    names.filter((name) => (freeAt.get(name) ?? 0) <= at)
  let at = 6
  for (let turn = 0; at + 8 < seconds; turn += 1) {
    const free = freeOf(workers, at)
    const kind = turn % 2 === 0 ? 'copies' : drawn(random, ['scatter', 'read', 'steady', 'host', 'herd'])
    const worker = free[Math.floor(random.next() * free.length)]
    const until = (length: number): number => Math.min(seconds, Math.round(at + length))
    if (kind === 'copies' && worker !== undefined) {
      // One copy, or two at once: a fast array takes one without filling.
      const toSeconds = until(copySeconds)
      take(random.next() < 0.5 ? [worker] : free.slice(0, 2), at, { kind: 'bulk-copy', toSeconds })
    } else if (kind === 'host') {
      const host = drawn(random, freeOf(hosts, at))
      if (host !== undefined) take([host], at, { kind: 'host-copy', toSeconds: until(copySeconds) })
    } else if (kind === 'herd' && free.length > 1) {
      const mebibytes = Math.round(random.between(8, 32))
      take(free, at, { kind: 'cron-herd', toSeconds: until(15), mebibytes })
    } else if (worker !== undefined) {
      const toSeconds = until(random.between(15, 40))
      if (kind === 'scatter') {
        take([worker], at, {
          kind: 'small-random-writer',
          toSeconds,
          kibPerSecond: Math.round(random.between(80, 240)),
        })
      } else if (kind === 'read') {
        take([worker], at, { kind: 'reader', toSeconds, kibPerSecond: Math.round(random.between(1024, 8192)) })
      } else if (kind === 'steady') {
        take([worker], at, { kind: 'steady-writer', toSeconds, kibPerSecond: Math.round(random.between(1024, 8192)) })
      }
    }
    at = Math.round(at + random.between(6, 20) + (kind === 'copies' ? copySeconds : 0))
  }
  return jobs
}

function drawn<Item>(random: SeededRandom, items: readonly Item[]): Item | undefined {
  return items[Math.floor(random.next() * items.length)]
}

function logBetween(random: SeededRandom, low: number, high: number): number {
  return Math.exp(random.between(Math.log(low), Math.log(high)))
}
