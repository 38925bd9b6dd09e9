import { fork, type ChildProcess } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

import { z } from 'zod'

import { commandView, vmView } from '../../controller/api/views.js'
import { startFleetOnLab, type AgentKeys, type FleetOnLab } from '../support/fleet-on-lab.js'
import type { LabHost } from './lab-host.js'
import type { Lab } from './lab.js'

export type CommandEnd = z.output<typeof commandView>

const ends = new Set(['succeeded', 'failed', 'cancelled', 'expired', 'refused', 'unknown'])

/** What lets agents of a lab move its guests: libvirtd listens there without TLS, on a network of its own. */
export function movingAgents(lab: Lab): AgentKeys {
  const migration = { to: lab.hosts.map(({ name }) => name), uri: 'qemu+tcp://{host}/system', encrypted: false }
  const allow = [{ verbs: ['migrate', 'vcpus', 'limit', 'unlimit'], vms: ['*'] }]
  return Object.fromEntries(lab.hosts.map(({ name }) => [name, { allow, migration }]))
}

export function startMovingFleet(lab: Lab, data: string): Promise<FleetOnLab> {
  return startFleetOnLab(lab, data, {}, movingAgents(lab))
}

const root = resolve(import.meta.dirname, '../..')

/** Kills programs of such a fleet as a crash does, and starts them again. Those of a second life are ended with this process. */
export class Crashes {
  readonly #again: ChildProcess[] = []

  constructor(
    private readonly fleet: FleetOnLab,
    private readonly ports: { readonly http: number; readonly grpc: number },
  ) {}

  async killAgent(host: LabHost): Promise<void> {
    await kill(['dist/agent/main.js', join(this.fleet.data, host.name, 'agent.yaml')])
  }

  startAgent(host: LabHost): void {
    const config = join(this.fleet.data, host.name, 'agent.yaml')
    const program = [process.execPath, join(root, 'dist/agent/main.js'), '--config', config]
    this.#again.push(host.start(program, { network: 'outside', stdio: ['ignore', 'ignore', 'ignore', 'ipc'] }))
  }

  async killController(): Promise<void> {
    await kill(['dist/controller/main.js', join(this.fleet.data, 'controller.yaml')])
  }

  startController(): void {
    const { http, grpc } = this.ports
    const ports = ['--http-port', String(http), '--grpc-port', String(grpc)]
    const config = join(this.fleet.data, 'controller.yaml')
    this.#again.push(
      fork(join(root, 'dist/controller/main.js'), ['--config', config, ...ports], {
        stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      }),
    )
  }

  /** Both programs end when whoever started them is gone. */
  stop(): void {
    for (const child of this.#again) if (child.connected) child.disconnect()
  }
}

/** SIGKILL for the one process whose command line has these words; `nsenter` around it is none. */
async function kill(words: readonly string[]): Promise<void> {
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const line = await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '')
    if (line.startsWith('nsenter') || !words.every((word) => line.includes(word))) continue
    process.kill(Number(name), 'SIGKILL')
    return
  }
  throw new Error(`not running: ${words.join(' ')}`)
}

/** Commands through the API, as the command line gives them. */
export class Commands {
  constructor(
    private readonly url: () => string,
    private readonly data: string,
  ) {}

  async ask(
    verb: string,
    vm: string,
    args: Readonly<Record<string, string>>,
    more: { readonly dryRun?: boolean } = {},
  ): Promise<CommandEnd> {
    return commandView.parse(await this.#call('POST', '/api/v1/commands', { verb, vm, args, ...more }))
  }

  async at(id: string): Promise<CommandEnd> {
    return commandView.parse(await this.#call('GET', `/api/v1/commands/${id}`))
  }

  async list(): Promise<readonly CommandEnd[]> {
    const answer = await this.#call('GET', '/api/v1/commands?limit=200')
    return z.object({ commands: z.array(commandView) }).parse(answer).commands
  }

  async vms(): Promise<readonly z.output<typeof vmView>[]> {
    return z.object({ vms: z.array(vmView) }).parse(await this.#call('GET', '/api/v1/vms')).vms
  }

  async hostNames(): Promise<readonly string[]> {
    const answer = await this.#call('GET', '/api/v1/hosts')
    return z
      .object({ hosts: z.array(z.object({ name: z.string() })) })
      .parse(answer)
      .hosts.map(({ name }) => name)
  }

  async cancel(id: string): Promise<void> {
    await this.#call('POST', `/api/v1/commands/${id}/cancel`, {})
  }

  /** Until it has ended. A controller that is away is waited for. */
  async end(id: string, withinMs: number): Promise<CommandEnd> {
    const until = performance.now() + withinMs
    for (;;) {
      const command = await this.at(id).catch(() => undefined)
      if (command !== undefined && ends.has(command.state)) return command
      if (performance.now() > until)
        throw new Error(`command ${id} is ${command?.state ?? 'not to be had'} after ${withinMs} ms`)
      await delay(50)
    }
  }

  async #call(method: 'GET' | 'POST', path: string, body?: object): Promise<unknown> {
    const token = (await readFile(join(this.data, 'controller/api-token'), 'utf8')).trim()
    const answer = await fetch(`${this.url()}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(10_000),
    })
    if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
    return answer.json()
  }
}
