import { setTimeout as delay } from 'node:timers/promises'

import { SeededRandom } from '../../../common/seeded-random.js'
import { waitFor } from '../../support/wait-for.js'
import type { ArrayTruth } from '../array/array-truth.js'
import type { HostLun } from '../host-lun.js'
import type { LabHost } from '../lab-host.js'
import type { RoundWorld } from './record-round.js'
import type { ArrayScenario, JobKind } from './scenario.js'

/**
 * What a model of write caches is judged by: two overflows to learn from, one to foretell, one by a copy of a host's own, and then the
 * target stands still. How long each takes depends on how fast the machine is just now, so the course goes by the truth.
 */

/** Nine combinations of cache and drain, one of each third of 50–400 MB and of 4–32 MB/s, drawn by seed. */
export function courseScenario(seed: number, index: number): ArrayScenario {
  const random = SeededRandom.of(seed, `course ${index}`)
  const within = (least: number, third: number): number => least * 2 ** (third + random.next())
  const cacheBytes = Math.round(within(50e6, Math.floor(index / 3) % 3))
  const drainBytesPerSecond = Math.round(within(4e6, index % 3))
  return {
    cacheBytes,
    drainBytesPerSecond,
    parameters: [
      `cache=${cacheBytes},drain=${drainBytesPerSecond},read=${4 * drainBytesPerSecond}`,
      'seek_ms=4,partial_ms=8,rebuild=0,freeze_luns=0,write_through=0,destage=always',
    ].join(','),
    changes: [],
    jobs: [],
    seconds: 45,
  }
}

export interface CourseOrder {
  readonly guests: readonly string[]
  /** Who copies by itself. */
  readonly copyHost: string
  readonly seed: number
  readonly index: number
}

const settleSeconds = 8
const overflowSeconds = 8
const frozenSeconds = 15
/** Without an overflow by then one more copies too; and it is given up. */
const moreAfterSeconds = 12
const overflowWithinSeconds = 90
const drainWithinSeconds = 40

/** @throws if the cache could not be made to overflow */
export async function performCourse(world: RoundWorld, order: CourseOrder): Promise<void> {
  const random = SeededRandom.of(order.seed, `course of ${order.index}`)
  const neighbour = order.guests.at(-1) ?? ''
  const workers = order.guests.slice(0, -1)
  const calm = job(world, 'neighbour', neighbour, () => world.lab.guest(neighbour).load('scatter', 'vda', 20))
  await calm.begun
  await delay(settleSeconds * 1000)
  await overflow(world, workers.map(guestCopy(world)))
  await drainTo(world, random.between(0.1, 0.6))
  await overflow(world, workers.toReversed().map(guestCopy(world)))
  await drainTo(world, random.between(0, 0.3))
  await overflow(world, workers.map(guestCopy(world)))
  await drainTo(world, random.between(0, 0.3))
  await overflow(world, [hostCopy(world, order.copyHost), ...workers.map(guestCopy(world))])
  await drainTo(world, 0.3)
  const [last = neighbour] = workers
  const steady = job(world, 'steady-writer', last, () => world.lab.guest(last).load('write', 'vda', 512))
  await steady.begun
  await delay(5000)
  const parameters = `freeze=${frozenSeconds * 1000}`
  await world.control.set(parameters)
  world.note({ line: 'change', at: Date.now(), parameters })
  await delay((frozenSeconds + 5) * 1000)
  await steady.end(() => world.lab.guest(last).unload('vda', endWithinMs))
  await calm.end(() => world.lab.guest(neighbour).unload('vda', endWithinMs))
}

const endWithinMs = 180_000

interface RunningJob {
  readonly begun: Promise<void>
  end(stop: () => Promise<unknown>): Promise<void>
}

function job(world: RoundWorld, kind: JobKind, actor: string, start: () => Promise<unknown>): RunningJob {
  world.note({ line: 'job', at: Date.now(), kind, actors: [actor], phase: 'begin' })
  const begun = start().then(() => undefined)
  return {
    begun,
    async end(stop) {
      await stop()
      world.note({ line: 'job', at: Date.now(), kind, actors: [actor], phase: 'end' })
    },
  }
}

/** Begins a copy, and gives what ends it. */
type Copy = () => Promise<() => Promise<void>>

function guestCopy(world: RoundWorld): (name: string) => Copy {
  return (name) => async () => {
    const guest = world.lab.guest(name)
    const copy = job(world, 'bulk-copy', name, () => guest.load('copy', 'vda', 0))
    await copy.begun
    return () => copy.end(() => guest.unload('vda', endWithinMs))
  }
}

function hostCopy(world: RoundWorld, name: string): Copy {
  return async () => {
    const lun = world.hostLuns.get(name)
    if (lun === undefined) throw new Error(`${name} has no LUN of its own`)
    const host = world.lab.host(name)
    const copy = job(world, 'host-copy', name, () => host.run(['/bin/rm', '-f', `${lun.file}.stop`]))
    await copy.begun
    const running = copyUntilStopped(host, lun, world.hostLunMiB)
    running.catch(() => undefined)
    return () =>
      copy.end(async () => {
        await host.run(['/bin/touch', `${lun.file}.stop`])
        await running
      })
  }
}

/** Over and over its LUN, 8 MiB at a time. */
async function copyUntilStopped(host: LabHost, { file }: HostLun, mebibytes: number): Promise<void> {
  const dd = `dd if=/dev/zero of=${file} bs=1M count=8 seek=$at oflag=direct conv=notrunc 2>/dev/null`
  const loop = `at=0; until [ -e ${file}.stop ]; do ${dd}; at=$(((at + 8) % ${mebibytes})); done`
  await host.run(['/bin/sh', '-c', loop], { timeoutMs: overflowWithinSeconds * 1000 + endWithinMs })
}

/** One copies until the cache has been full for a while; if it does not fill, the next one copies too. */
async function overflow({ control }: RoundWorld, copies: readonly Copy[]): Promise<void> {
  const began = performance.now()
  const stops: (() => Promise<void>)[] = []
  let full = 0
  let last: ArrayTruth | undefined
  try {
    await waitFor(
      overflowWithinSeconds * 1000,
      `${overflowSeconds} s of overflow`,
      async () => {
        const seconds = (performance.now() - began) / 1000
        const next = copies[stops.length]
        if (next !== undefined && full === 0 && seconds >= stops.length * moreAfterSeconds) stops.push(await next())
        const now = await control.truth()
        if (last !== undefined && now.overflowing) full += now.at - last.at
        last = now
        return full >= overflowSeconds * 1000
      },
      200,
    )
  } finally {
    await Promise.all(stops.map((stop) => stop()))
  }
}

/** Until so much of the cache is filled, for some time at most; and a few seconds more. */
async function drainTo({ control }: RoundWorld, share: number): Promise<void> {
  const isDrained = async (): Promise<boolean> => {
    const { fillBytes, capacityBytes } = await control.truth()
    return fillBytes <= share * capacityBytes
  }
  await waitFor(drainWithinSeconds * 1000, 'the cache to drain', isDrained, 200).catch(() => undefined)
  await delay(4000)
}
