import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'

import { afterEach, expect, it } from 'vitest'
import { stringify } from 'yaml'

import { valueOf } from '../../controller/model/snapshot.js'
import { startFreezingFile } from '../support/freezing-file.js'
import { scratch, startIngest } from '../support/ingest-controller.js'
import { waitFor } from '../support/wait-for.js'

const cleanUps: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp()
})

const array = 'iscsi:iqn.2026-01.test:frozen'

it(
  'an agent whose canary hangs in the storage ends all of itself that can be ended when it is asked to, by SIGKILL: Node would wait for its thread',
  { timeout: 120_000 },
  async () => {
    const directory = await scratch()
    cleanUps.push(() => directory.remove())
    const controller = await startIngest(join(directory.path, 'controller'))
    cleanUps.push(() => controller.stop())
    const file = await startFreezingFile('headroom-canary')
    cleanUps.push(() => file.remove())
    const [token, config] = [join(directory.path, 'token'), join(directory.path, 'agent.yaml')]
    await writeFile(token, await controller.token())
    const settings = {
      data: join(directory.path, 'agent'),
      controllers: [{ address: controller.address, joinTokenFile: token }],
      hypervisors: [{ kind: 'storage' }],
      storageHealth: { storcli: 'off', smartctl: 'off', lvm: 'off' },
      canary: [{ on: array, file: file.path }],
      metrics: { port: 0 },
      log: { level: 'warn' },
    }
    await writeFile(config, stringify(settings))
    const program = resolve(import.meta.dirname, '../../dist/agent/main.js')
    const agent = spawn(process.execPath, [program, '--config', config], { stdio: ['ignore', 'inherit', 'inherit'] })
    const ended = once(agent, 'exit')
    cleanUps.push(() => agent.kill('SIGKILL'))
    const figure = (name: string): number | undefined =>
      valueOf(controller.fleet.snapshot().arrays.get(array)?.metrics[name])
    await waitFor(40_000, 'the canary to write', async () => figure('canaryMs') !== undefined)
    file.freeze()
    cleanUps.push(() => file.thaw())
    await waitFor(20_000, 'its stall to be told', async () => figure('canaryOverdueMs') !== undefined)

    agent.kill('SIGTERM')
    // All of it has ended but the thread that is in the kernel, which the kernel holds until the storage answers.
    const state = (): string | undefined =>
      /^State:\t(\w)/m.exec(readFileSync(`/proc/${agent.pid}/status`, 'utf8'))?.[1]
    await waitFor(20_000, 'the agent to end', async () => state() === 'Z')
    file.thaw()
    expect(await ended).toEqual([null, 'SIGKILL'])
  },
)
