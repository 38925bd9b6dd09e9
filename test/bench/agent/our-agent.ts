import { spawn } from 'node:child_process'
import { openSync, closeSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

import { stringify } from 'yaml'

import { startIngest } from '../../support/ingest-controller.js'
import { residentMiB } from './cpu-meter.js'
import { ended, pidOf, type RunningTool } from './peers.js'

const root = resolve(import.meta.dirname, '../../..')

/**
 * The built agent as it is installed, with its default intervals: state and all disks every 10 s, disks that may have moved
 * every second. It reports to a real controller's receiving end, which lives in this process and is not measured.
 */
export async function startOurAgent(libvirtSocket: string): Promise<RunningTool> {
  const directory = await mkdtemp(join(tmpdir(), 'headroom-bench-agent-'))
  const seen = { disks: 0 }
  const controller = await startIngest(directory, {
    intervals: { stateMs: 10_000, fastMs: 1000, blockMs: 10_000, guestMemoryMs: 30_000, inventoryMs: 60_000 },
    write: (batch, store) => {
      for (const { entity } of batch.points) if (entity.kind === 'disk') seen.disks += 1
      return store.write(batch)
    },
  })
  const joinTokenFile = join(directory, 'join-token')
  await writeFile(joinTokenFile, await controller.token(), { mode: 0o600 })
  const config = join(directory, 'agent.yaml')
  await writeFile(
    config,
    stringify({
      data: join(directory, 'agent'),
      controllers: [{ address: controller.address, joinTokenFile }],
      hypervisors: [{ kind: 'libvirt', socket: libvirtSocket }],
      metrics: { port: 0 },
    }),
  )
  const logFile = join(directory, 'agent.log')
  const log = openSync(logFile, 'a')
  const child = spawn(join(root, 'dist/agent/run.sh'), ['--config', config], { stdio: ['ignore', log, log] })
  closeSync(log)
  const pid = pidOf(child)
  while (seen.disks === 0) {
    if (child.exitCode !== null) throw new Error(`the agent ended: ${await readFile(logFile, 'utf8')}`)
    await delay(100)
  }
  return {
    pid,
    residentMiB: () => residentMiB(pid),
    diskReadings: () => seen.disks,
    async stop() {
      await ended(child)
      await controller.stop()
      await rm(directory, { recursive: true, force: true })
    },
  }
}
