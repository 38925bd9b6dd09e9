import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

import { createLog } from '../../common/log.js'
import { fieldNames } from '../../controller/store/measurements.js'
import { openServerStore, type ServerStoreOptions } from '../../controller/store/server/server-store.js'
import type { Point, TimeSeries } from '../../controller/store/time-series.js'
import type { DebianServer } from '../support/debian-server.js'
import { startInflux } from '../support/influx-server.js'
import { influxStore, serverAddress, victoriaStore } from '../support/server-options.js'
import { sent, settled } from '../support/settled-store.js'
import { startVictoria } from '../support/victoria-server.js'
import { median } from './agent/median.js'
import { residentMiB, spentSeconds, threadCpu, type ThreadCpu } from './agent/cpu-meter.js'

/**
 * What a store on a server costs: 300 VMs with 25 fields every 10 s are written through the queue as fast as it goes, then asked for.
 * Options: --server influxdb|victoriametrics, --hours 1, --batch 300. The last line is JSON.
 */
const { values } = parseArgs({
  options: {
    server: { type: 'string', default: 'influxdb' },
    hours: { type: 'string', default: '1' },
    batch: { type: 'string', default: '300' },
  },
})

const vms = Array.from({ length: 300 }, (_, index) => `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`)
const fields = fieldNames('vm').slice(0, 25)
const tickMs = 10_000
const hourMs = 3_600_000

interface World {
  readonly server: DebianServer
  readonly options: ServerStoreOptions
  readonly dataDirectory: string
}

const directory = mkdtempSync(join(tmpdir(), 'headroom-bench-servers-'))
try {
  const world = await startWorld()
  try {
    console.log(JSON.stringify(await measured(world)))
  } finally {
    await world.server.stop()
  }
} finally {
  rmSync(directory, { recursive: true, maxRetries: 5 })
}

async function startWorld(): Promise<World> {
  const dataDirectory = join(directory, 'server')
  const path = join(directory, 'queue.db')
  // As a controller is paced.
  const pace = { requestMs: 60_000, settleMs: 5000, lookEveryMs: 1000, rollUpEveryMs: 200 }
  if (values.server === 'influxdb') {
    const { url, server } = await startInflux(dataDirectory)
    return { server, dataDirectory, options: influxStore(serverAddress(url), { path, database: 'bench', pace }) }
  }
  if (values.server !== 'victoriametrics')
    throw new Error(`--server: expected influxdb or victoriametrics, got ${values.server}`)
  const { url, server } = await startVictoria(dataDirectory)
  return { server, dataDirectory, options: victoriaStore(serverAddress(url), { path, database: 'bench', pace }) }
}

async function measured({ server, options, dataDirectory }: World): Promise<Record<string, unknown>> {
  const ticks = (Number(values.hours) * hourMs) / tickMs
  const batch = Number(values.batch)
  const endMs = Math.floor(Date.now() / hourMs) * hourMs
  const startMs = endMs - ticks * tickMs
  const store = await openServerStore({ ...options, log: createLog('bench', 'silent'), now: () => Date.now() })
  const cpu = cpuOf(server.pid)
  const own = cpuOf(process.pid)
  const began = performance.now()
  let points = 0
  for (const some of batches(startMs, ticks, batch)) {
    await store.write({ points: some, events: [], marks: [] })
    points += some.length
  }
  const ackedS = (performance.now() - began) / 1000
  await sent(store, 600_000)
  const sentS = (performance.now() - began) / 1000
  const [serverCpuS, ownCpuS] = [spentSeconds(cpu, cpuOf(server.pid)), spentSeconds(own, cpuOf(process.pid))]
  const beforeRollUps = cpuOf(server.pid)
  await settled(store, { withinMs: 600_000 })
  const rollUpCpuS = spentSeconds(beforeRollUps, cpuOf(server.pid))
  const rollUpS = (performance.now() - began) / 1000 - sentS
  const asked = await questions(store, startMs, endMs)
  const memoryMiB = Math.round(residentMiB(server.pid))
  await store.close()
  // What it has in memory goes to its disk.
  await server.stop()
  return {
    bench: 'servers',
    server: values.server,
    points,
    fields: fields.length,
    batch,
    ackedPointsPerSecond: Math.round(points / ackedS),
    sentPointsPerSecond: Math.round(points / sentS),
    serverCpuMsPer1000Points: rounded((serverCpuS * 1e6) / points),
    ownCpuMsPer1000Points: rounded((ownCpuS * 1e6) / points),
    rollUpSeconds: rounded(rollUpS),
    rollUpServerCpuSeconds: rounded(rollUpCpuS),
    bytesPerPointWithRollUps: rounded(sizeOf(dataDirectory) / points),
    serverMemoryMiB: memoryMiB,
    ...asked,
  }
}

function* batches(startMs: number, ticks: number, batch: number): Generator<Point[]> {
  let some: Point[] = []
  for (let tick = 0; tick < ticks; tick += 1) {
    for (const [index, id] of vms.entries()) {
      some.push({ entity: { kind: 'vm', id }, atMs: startMs + tick * tickMs, fields: noisy(index, tick) })
      if (some.length < batch) continue
      yield some
      some = []
    }
  }
  if (some.length > 0) yield some
}

/** A third of the fields hardly moves, as in the field; the rest is noise around a level. */
function noisy(vm: number, tick: number): Record<string, number> {
  return Object.fromEntries(
    fields.map((field, index) => {
      const level = (vm + 1) * (index + 1) * 1000
      const moves = index % 3 === 0 ? Math.floor(tick / 100) : Math.random() * level
      return [field, Math.round((level + moves) * 1000) / 1000]
    }),
  )
}

async function questions(store: TimeSeries, startMs: number, endMs: number): Promise<Record<string, number>> {
  const random = (list: readonly string[]): string => list[Math.floor(Math.random() * list.length)] ?? ''
  const hour = await times(40, () => {
    const entity = { kind: 'vm', id: random(vms) } as const
    return store.range({ entity, fields, fromMs: endMs - hourMs, toMs: endMs, stepMs: 0, agg: 'last' })
  })
  const steps = await times(40, () => {
    const entity = { kind: 'vm', id: random(vms) } as const
    return store.range({ entity, fields, fromMs: startMs, toMs: endMs, stepMs: 300_000, agg: 'mean' })
  })
  const top = await times(20, () => {
    return store.topN({ kind: 'vm', field: random(fields), agg: 'mean', fromMs: startMs, toMs: endMs, n: 10 })
  })
  return { oneHourOfOneVmMs: hour, allBy5MinutesOfOneVmMs: steps, topTenOfAllMs: top }
}

/** Median in milliseconds. */
async function times(count: number, work: () => Promise<unknown>): Promise<number> {
  const took: number[] = []
  for (let index = 0; index < count; index += 1) {
    const began = performance.now()
    await work()
    took.push(performance.now() - began)
  }
  return rounded(median(took))
}

function cpuOf(pid: number): ThreadCpu {
  return threadCpu([pid])
}

function sizeOf(path: string): number {
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0)
}

function rounded(value: number): number {
  return Number(value.toPrecision(3))
}
