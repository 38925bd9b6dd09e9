import { spawn, type ChildProcess } from 'node:child_process'
import { openSync, closeSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

import { stringify } from 'yaml'

import type { Point } from '../../../controller/store/time-series.js'
import { startIngest, type IngestController } from '../../support/ingest-controller.js'
import { residentMiB } from './cpu-meter.js'
import { ended, pidOf, type RunningTool } from './peers.js'

const root = resolve(import.meta.dirname, '../../..')

/** A real controller's receiving end, which lives in this process and is not measured. */
export interface BenchController {
  readonly ingest: IngestController
  /** For agents to keep their state in. */
  readonly directory: string
  stop(): Promise<void>
}

/** @param onPoint hears of every point before it is stored */
export async function startBenchController(onPoint: (point: Point) => void): Promise<BenchController> {
  const directory = await mkdtemp(join(tmpdir(), 'headroom-bench-agent-'))
  const ingest = await startIngest(directory, {
    intervals: () => ({ stateMs: 10_000, fastMs: 1000, blockMs: 10_000, guestMemoryMs: 30_000, inventoryMs: 60_000 }),
    write: (batch, store) => {
      for (const point of batch.points) onPoint(point)
      return store.write(batch)
    },
  })
  return {
    ingest,
    directory,
    async stop() {
      await ingest.stop()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

/** The built agent as it is installed, with its default intervals. */
export interface BenchAgent {
  readonly pid: number
  readonly child: ChildProcess
  /** Waits until something holds. @throws Error with its log if it ends before */
  until(holds: () => boolean): Promise<void>
  stop(): Promise<void>
}

/** Starts it; its state is in the controller's directory, so that a second one goes on where the first ended. */
export async function startBenchAgent(
  { ingest, directory }: BenchController,
  hypervisor: Readonly<Record<string, unknown>>,
): Promise<BenchAgent> {
  const data = join(directory, 'agent')
  await mkdir(data, { recursive: true })
  const joinTokenFile = join(directory, 'join-token')
  await writeFile(joinTokenFile, await ingest.token(), { mode: 0o600 })
  const config = join(directory, 'agent.yaml')
  const controllers = [{ address: ingest.address, joinTokenFile }]
  await writeFile(config, stringify({ data, controllers, hypervisors: [hypervisor], metrics: { port: 0 } }))
  const logFile = join(directory, 'agent.log')
  const log = openSync(logFile, 'a')
  const child = spawn(join(root, 'dist/agent/run.sh'), ['--config', config], { stdio: ['ignore', log, log] })
  closeSync(log)
  return {
    pid: pidOf(child),
    child,
    async until(holds) {
      while (!holds()) {
        if (child.exitCode !== null) throw new Error(`the agent ended: ${await readFile(logFile, 'utf8')}`)
        await delay(100)
      }
    },
    stop: () => ended(child),
  }
}

/**
 * The agent over a libvirt: state and all disks every 10 s, disks that may have moved every second. It reports to a controller
 * that is not measured.
 */
export async function startOurAgent(libvirtSocket: string): Promise<RunningTool> {
  let disks = 0
  const controller = await startBenchController(({ entity }) => {
    if (entity.kind === 'disk') disks += 1
  })
  const agent = await startBenchAgent(controller, { kind: 'libvirt', socket: libvirtSocket })
  await agent.until(() => disks > 0)
  return {
    pid: agent.pid,
    residentMiB: () => residentMiB(agent.pid),
    diskReadings: () => disks,
    async stop() {
      await agent.stop()
      await controller.stop()
    },
  }
}
