import { existsSync, readFileSync } from 'node:fs'
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'

import { measuredBy } from '../../../agent/hypervisor/simulated/driver-limits.js'
import { parseFleet } from '../../../common/fleet-file/fleet-file.js'
import { sampleHost } from '../../../agent/hypervisor/simulated/host-sample.js'
import { createWorld } from '../../../agent/hypervisor/simulated/world.js'
import { sampleGroups } from '../../../agent/hypervisor/hypervisor.js'
import { fieldNames } from '../../../controller/store/measurements.js'
import type { Point } from '../../../controller/store/time-series.js'
import { seededChance } from '../../support/seeded-chance.js'
import { Replay } from '../../support/replay.js'

export interface WorkloadSize {
  readonly vms: number
  readonly hours: number
  readonly seed: number
}

export const beatMs = 10_000
export const ticksPerHour = 360
/** A Monday, so that the office is busy. */
export const startMs = Date.UTC(2026, 2, 2)
/** A point of a VM has all of them. */
export const fields = fieldNames('vm')
/** Numbers of one point: its time, then its fields; NaN where there is none (the latency of no request). */
export const pointWidth = 1 + fields.length

/**
 * What the simulated fleet says of its VMs: samples that reach the fleet's state over the wire format and come out as points,
 * each some milliseconds off the beat as real ones are. KVM tells 20 of the 25 fields; guests' swapping is 0, and what only ESXi
 * tells (active, ballooned, swapped memory) is as the simulated ESXi would tell it. Kept in files, hour by hour.
 */
export class Workload {
  readonly ids: readonly string[]
  readonly #dir: string

  private constructor(
    readonly size: WorkloadSize,
    /** Where its directory is. */
    readonly work: string,
    dir: string,
    ids: readonly string[],
  ) {
    this.#dir = dir
    this.ids = ids
  }

  /** Makes what is not there yet; that takes minutes. */
  static async prepare(size: WorkloadSize, work: string, tell: (text: string) => void): Promise<Workload> {
    const dir = join(work, `workload-${size.vms}-${size.hours}-${size.seed}`)
    await mkdir(dir, { recursive: true })
    const list = join(dir, 'ids.json')
    const lastHour = join(dir, fileOf(size.hours - 1))
    if (!existsSync(list) || !existsSync(lastHour)) await generate(size, dir, tell)
    const ids: unknown = JSON.parse(readFileSync(list, 'utf8'))
    if (!Array.isArray(ids) || !ids.every((id) => typeof id === 'string')) throw new Error(`${list} is no list of ids`)
    return new Workload(size, work, dir, ids)
  }

  get points(): number {
    return this.size.vms * this.size.hours * ticksPerHour
  }

  get endMs(): number {
    return startMs + this.size.hours * 3_600_000
  }

  /** An hour's numbers: tick by tick, VM by VM. */
  hour(hour: number): Float64Array {
    const bytes = gunzipSync(readFileSync(join(this.#dir, fileOf(hour))))
    return new Float64Array(bytes.buffer, bytes.byteOffset, bytes.length / 8)
  }

  /** Points of an hour in the order in which they come, shifted in time. */
  *pointsOf(hour: number, shiftMs = 0): Generator<Point> {
    const numbers = this.hour(hour)
    for (let at = 0, index = 0; at < numbers.length; at += pointWidth, index += 1) {
      const known: Record<string, number> = {}
      for (const [place, field] of fields.entries()) {
        const value = numbers[at + 1 + place] ?? NaN
        if (!Number.isNaN(value)) known[field] = value
      }
      const atMs = numbers[at] ?? NaN
      if (Number.isNaN(atMs)) continue
      const id = this.ids[index % this.ids.length] ?? ''
      yield { entity: { kind: 'vm', id }, atMs: atMs + shiftMs, fields: known }
    }
  }
}

function fileOf(hour: number): string {
  return `hour-${hour}.gz`
}

const vmsPerHost = 20
const hostsPerArray = 5
/** Of ten VMs. */
const habits = ['idle', 'idle', 'idle', 'web', 'web', 'web', 'mail', 'mail', 'batch', 'backup'] as const

/** A fleet file: hosts of 20 VMs, boxes of five hosts. */
export function benchFleetFile(vms: number): object {
  const hosts = Math.ceil(vms / vmsPerHost)
  const names = Array.from({ length: hosts }, (_, index) => `host${index}`)
  const arrays = Array.from({ length: Math.ceil(hosts / hostsPerArray) }, (_, index) => `box${index}`)
  return {
    name: 'bench',
    hosts: names.map((name) => ({
      name,
      cores: 16,
      mhz: 2400,
      memoryMiB: 98_304,
      hypervisor: 'kvm',
      version: '9.0.0',
      os: 'Debian 12',
    })),
    arrays: arrays.map((name, index) => ({
      name,
      kind: 'iscsi',
      sizeGB: 20_000,
      hosts: names.slice(index * hostsPerArray, (index + 1) * hostsPerArray),
      drainMBs: 250,
      writeCacheMiB: 4096,
    })),
    vms: Array.from({ length: vms }, (_, index) => {
      const host = Math.floor(index / vmsPerHost)
      return {
        name: `vm${index}`,
        host: names[host],
        vcpus: 1 + (index % 4),
        memoryMiB: 1024 * (1 + (index % 4)),
        storage: arrays[Math.floor(host / hostsPerArray)],
        profile: habits[index % habits.length],
      }
    }),
  }
}

async function generate({ vms, hours, seed }: WorkloadSize, dir: string, tell: (text: string) => void): Promise<void> {
  const world = createWorld(parseFleet(JSON.stringify(benchFleetFile(vms)), 'the fleet of the bench'), {
    seed,
    startMs,
    stepMs: 1000,
  })
  const ids = world.hosts.flatMap((host) => host.vms.map(({ uuid }) => uuid))
  const placeOf = new Map(ids.map((id, index) => [id, index]))
  const chance = seededChance(seed, 'the beat of the bench')
  const reading = { groups: new Set(sampleGroups), can: measuredBy('kvm') }
  let row: Float64Array = new Float64Array(0)
  const replay = new Replay(world, (points) => {
    for (const point of points) if (point.entity.kind === 'vm') put(row, placeOf.get(point.entity.id) ?? 0, point)
  })
  replay.connect(startMs)
  for (let hour = 0; hour < hours; hour += 1) {
    const numbers = new Float64Array(ticksPerHour * vms * pointWidth).fill(NaN)
    for (let tick = 0; tick < ticksPerHour; tick += 1) {
      row = numbers.subarray(tick * vms * pointWidth, (tick + 1) * vms * pointWidth)
      for (const host of world.hosts) {
        // Up to 20 ms late, mostly less than 5.
        const atMs = startMs + (hour * ticksPerHour + tick) * beatMs + 1000 + Math.floor(chance() ** 3 * 20)
        world.advance(atMs)
        const sample = sampleHost(host, { ...reading, atMs, share: world.shareAt(atMs) }, everything)
        const { id: hostId, bootId, spec } = host
        const events = world.takeEvents(host)
        replay.take({ atMs, hostId, hostName: spec.name, kind: 'kvm', bootId, events, sample })
      }
    }
    await writeWhole(join(dir, fileOf(hour)), gzipSync(new Uint8Array(numbers.buffer), { level: 1 }))
    tell(`workload: hour ${hour + 1} of ${hours}`)
  }
  await writeWhole(join(dir, 'ids.json'), Buffer.from(JSON.stringify(ids)))
}

const everything = { vmUuids: undefined, hasMoved: undefined }

function put(row: Float64Array, place: number, { atMs, fields: known }: Point): void {
  const at = place * pointWidth
  row[at] = atMs
  for (const [index, field] of fields.entries()) {
    const value = known[field] ?? unmeasured(field, known)
    if (value !== undefined) row[at + 1 + index] = value
  }
}

/** What KVM does not tell. */
function unmeasured(field: string, known: Readonly<Record<string, number>>): number | undefined {
  if (field === 'memoryActiveBytes') return Math.floor(((known['memoryGuestUsedBytes'] ?? 0) * 0.6) / 1024) * 1024
  return field.endsWith('LatencyMs') ? undefined : 0
}

async function writeWhole(path: string, bytes: Buffer): Promise<void> {
  await writeFile(`${path}.part`, bytes)
  await rename(`${path}.part`, path)
}
