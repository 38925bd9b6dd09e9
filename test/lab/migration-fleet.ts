import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

import { z } from 'zod'

import { commandView, vmView } from '../../controller/api/views.js'
import { startFleetOnLab, type AgentKeys, type FleetOnLab } from '../support/fleet-on-lab.js'
import type { Lab } from './lab.js'

export type CommandEnd = z.output<typeof commandView>

const ends = new Set(['succeeded', 'failed', 'cancelled', 'expired', 'refused', 'unknown'])

/** What lets agents of a lab move its guests: libvirtd listens there without TLS, on a network of its own. */
export function movingAgents(lab: Lab): AgentKeys {
  const migration = { to: lab.hosts.map(({ name }) => name), uri: 'qemu+tcp://{host}/system', encrypted: false }
  const allow = [{ verbs: ['migrate'], vms: ['*'] }]
  return Object.fromEntries(lab.hosts.map(({ name }) => [name, { allow, migration }]))
}

export function startMovingFleet(lab: Lab, data: string): Promise<FleetOnLab> {
  return startFleetOnLab(lab, data, {}, movingAgents(lab))
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
