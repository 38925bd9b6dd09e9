import { appendFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'

import { stringify } from 'yaml'
import { z } from 'zod'

import { BuiltProgram } from '../../support/built-program.js'
import { median } from '../agent/median.js'
import { EmbeddedContender } from './embedded-contender.js'
import { residentBytesOf, rounded } from './figures.js'
import { ingest } from './ingest.js'
import { beatMs, benchFleetFile, Workload } from './workload.js'

const usage = `Runs the built controller on a day of history, with the built agent that simulates the fleet, and watches its memory.

Usage: npm run bench -- store-soak [--vms 300] [--beat 10s] [--minutes 60] [--history 24] [--seed 1] [--work DIR] [--log FILE]

With 300 VMs, --beat 1s makes about 1,000 points a second. --history 0 begins empty. The last line printed is JSON. Exit code 1:
more than 220 MiB resident, or the last sixth of the time is more than 8 MiB above the second.
`

const barMiB = 220
const flatMiB = 8
const everyMs = 5000
const ready = z.object({ ready: z.literal(true), url: z.string(), grpcPort: z.number() })

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      vms: { type: 'string', default: '300' },
      beat: { type: 'string', default: '10s' },
      minutes: { type: 'string', default: '60' },
      history: { type: 'string', default: '24' },
      seed: { type: 'string', default: '1' },
      work: { type: 'string', default: join(tmpdir(), 'headroom-bench-store') },
      log: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    console.log(usage)
    return
  }
  const [vms, hours, seed] = [Number(values.vms), Number(values.history), Number(values.seed)]
  const dir = join(values.work, 'soak')
  await rm(dir, { recursive: true, force: true })
  await mkdir(join(dir, 'data', 'controller'), { recursive: true, mode: 0o700 })
  if (hours > 0) await makeHistory({ vms, hours, seed }, values.work, join(dir, 'data', 'controller', 'series.db'))
  const programs = await startPrograms(dir, vms, values.beat)
  try {
    const sizes = await watch(programs, dir, Number(values.minutes) * 60_000, values.log)
    report(sizes, { vms, beat: values.beat, historyHours: hours, minutes: Number(values.minutes) })
  } finally {
    for (const program of [programs.agent, programs.controller]) {
      program.interrupt()
      await program.ended
    }
    await rm(dir, { recursive: true, force: true })
  }
}

/** The workload as if it had ended now. */
async function makeHistory(
  size: { vms: number; hours: number; seed: number },
  work: string,
  path: string,
): Promise<void> {
  const workload = await Workload.prepare(size, work, console.log)
  const shiftMs = Math.floor((Date.now() - workload.endMs) / beatMs) * beatMs
  const store = await EmbeddedContender.open(path, Date.now())
  await ingest(store, workload, { batch: 3000, inFlight: 8, fromHour: 0, hours: size.hours, shiftMs })
  // A day went by: all but the last of it is sealed.
  await store.settle()
  await store.close()
}

interface Programs {
  readonly controller: BuiltProgram
  readonly agent: BuiltProgram
  readonly url: string
}

async function startPrograms(dir: string, vms: number, beat: string): Promise<Programs> {
  const data = join(dir, 'data')
  const controllerFile = join(dir, 'controller.yaml')
  const intervals = { state: beat, block: beat, guestMemory: beat }
  await writeFile(controllerFile, stringify({ data, http: { port: 0 }, grpc: { port: 0 }, intervals }))
  const controller = BuiltProgram.start('controller', ['--config', controllerFile], join(dir, 'controller.log'))
  const { url, grpcPort } = ready.parse(await controller.said())
  const fleet = join(dir, 'fleet.yaml')
  await writeFile(fleet, JSON.stringify(benchFleetFile(vms)))
  const agentFile = join(dir, 'agent.yaml')
  const joinTokenFile = join(data, 'controller', 'local-join-token')
  const agentConfig = {
    data: join(dir, 'agent'),
    controllers: [{ address: `127.0.0.1:${grpcPort}`, joinTokenFile }],
    hypervisors: [{ kind: 'simulated', fleet }],
    metrics: { port: 0 },
  }
  await writeFile(agentFile, stringify(agentConfig))
  const agent = BuiltProgram.start('agent', ['--config', agentFile], join(dir, 'agent.log'))
  return { controller, agent, url }
}

/** Resident MiB of the controller, looked at again and again while somebody looks at its page. */
async function watch(
  { controller, url }: Programs,
  dir: string,
  forMs: number,
  log: string | undefined,
): Promise<number[]> {
  const token = (await readFile(join(dir, 'data', 'controller', 'api-token'), 'utf8')).trim()
  const headers = { authorization: `Bearer ${token}` }
  const sizes: number[] = []
  const began = performance.now()
  while (performance.now() - began < forMs) {
    await delay(everyMs)
    if (controller.isGone) throw new Error(await controller.lastWords())
    for (const path of ['fleet', 'vms?limit=100', 'top?by=cpuCores&from=-24h', 'top?by=writeBytesPerSecond&from=-1h']) {
      const answer = await fetch(`${url}/api/v1/${path}`, { headers })
      if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
      await answer.arrayBuffer()
    }
    const size = residentMiB(controller.pid)
    sizes.push(size)
    const seconds = Math.round((performance.now() - began) / 1000)
    if (log !== undefined) await appendFile(log, `${seconds} ${size}\n`)
    if (sizes.length % 60 === 0) {
      const metrics = await (await fetch(`${url}/metrics`, { headers })).text()
      const points = /^headroom_store_points (\d+)/m.exec(metrics)?.[1] ?? '?'
      console.log(`after ${Math.round(seconds / 60)} min: ${size} MiB, ${points} points stored`)
    }
  }
  return sizes
}

function residentMiB(pid: number): number {
  return rounded(residentBytesOf(pid) / 2 ** 20, 1)
}

function report(sizes: readonly number[], order: object): void {
  const sixth = Math.max(1, Math.floor(sizes.length / 6))
  const earlyMiB = median(sizes.slice(sixth, 2 * sixth))
  const lateMiB = median(sizes.slice(-sixth))
  const maxMiB = Math.max(...sizes)
  const passed = maxMiB <= barMiB && lateMiB - earlyMiB <= flatMiB
  console.log(JSON.stringify({ bench: 'store-soak', ...order, earlyMiB, lateMiB, maxMiB, passed }))
  process.exitCode = passed ? 0 : 1
}

await main()
