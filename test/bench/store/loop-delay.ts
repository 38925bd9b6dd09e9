import { fork } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'

import { z } from 'zod'

import type { Contender } from './contender.js'
import { EmbeddedContender } from './embedded-contender.js'
import { rounded } from './figures.js'
import { keepWriting } from './ingest.js'
import type { Figures } from './parts.js'
import { startMs, Workload, type WorkloadSize } from './workload.js'

const measured = z.object({ p50Ms: z.number(), p99Ms: z.number(), maxMs: z.number(), writtenPerSecond: z.number() })
const orderSchema = z.object({
  size: z.object({ vms: z.number(), hours: z.number(), seed: z.number() }),
  work: z.string(),
  dir: z.string(),
  seconds: z.number(),
  withStore: z.boolean(),
})
type Order = z.output<typeof orderSchema>

/**
 * How late the main thread's timers are while 1,000 points a second are written and questions are asked, with the store or with
 * one in its place that does nothing: in a process of its own.
 */
export function measureLoop(
  workload: Workload,
  { dir, seconds, which }: { readonly dir: string; readonly seconds: number; readonly which: 'nothing' | 'embedded' },
): Promise<Figures> {
  return inProcess({ size: workload.size, work: workload.work, dir, seconds, withStore: which === 'embedded' })
}

function inProcess(order: Order): Promise<z.output<typeof measured>> {
  return new Promise((resolve, reject) => {
    const child = fork(import.meta.filename, [JSON.stringify(order)], { execArgv: ['--import', 'tsx'] })
    child.once('message', (message) => resolve(measured.parse(message)))
    child.once('exit', (code) => reject(new Error(`the process that measures ended with ${code}`)))
  })
}

async function run(order: Order): Promise<void> {
  const size: WorkloadSize = order.size
  const workload = await Workload.prepare(size, order.work, () => undefined)
  await rm(order.dir, { recursive: true, force: true })
  const store = order.withStore ? await EmbeddedContender.open(join(order.dir, 'series.db'), startMs) : nothing
  const histogram = monitorEventLoopDelay({ resolution: 1 })
  histogram.enable()
  const began = performance.now()
  const end = AbortSignal.timeout(order.seconds * 1000)
  const writing = keepWriting(store, workload, 1000, end)
  while (!end.aborted) {
    await store.top('cpuCores', startMs, Number.MAX_SAFE_INTEGER)
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  const written = await writing
  histogram.disable()
  const ms = (nanoseconds: number): number => rounded(nanoseconds / 1e6)
  process.send?.({
    p50Ms: ms(histogram.percentile(50)),
    p99Ms: ms(histogram.percentile(99)),
    maxMs: ms(histogram.max),
    writtenPerSecond: Math.round((written * 1000) / (performance.now() - began)),
  })
  await store.close()
  await rm(order.dir, { recursive: true, force: true })
  process.disconnect()
}

/** Takes everything and keeps nothing. */
const nothing: Contender = {
  name: 'nothing',
  write: () => Promise.resolve(),
  points: () => Promise.resolve(0),
  top: () => Promise.resolve([]),
  residentBytes: () => undefined,
  close: () => Promise.resolve(),
}

const [, script, text] = process.argv
if (script === import.meta.filename && text !== undefined) await run(orderSchema.parse(JSON.parse(text)))
