import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

import { stringify } from 'yaml'
import { z } from 'zod'

import { verifyAuditLog } from '../../agent/commands/audit-log.js'
import { commandStates, isEnd, type CommandState } from '../../common/verbs.js'
import { ControllerApi } from '../durability/controller-api.js'
import { CutLine } from '../durability/cut-line.js'
import { BuiltProgram } from '../support/built-program.js'
import { startLibvirtDaemon, type LibvirtDaemon } from '../support/libvirt-daemon.js'
import { defineGuest } from '../support/libvirt-guest.js'
import { waitFor } from '../support/wait-for.js'
import { begunTwice } from './begun-twice.js'
import { LibvirtWitness } from './libvirt-witness.js'

export const disturbances = ['kill-agent', 'kill-controller', 'cut', 'none'] as const
export type Disturbance = (typeof disturbances)[number]

export interface AskedCommand {
  readonly id: string
  readonly state: CommandState
  readonly reason: string
}

export interface SettledGuest {
  readonly name: string
  readonly uuid: string
  readonly state: string
}

const readyMessage = z.object({ ready: z.literal(true), url: z.string(), grpcPort: z.number() })
const command = z.object({ id: z.string(), vmUuid: z.string(), state: z.enum(commandStates), reason: z.string() })
const commandList = z.object({ commands: z.array(command) })
const vmList = z.object({ vms: z.array(z.object({ uuid: z.string(), state: z.string() })) })
const auditCheck = z.object({
  wrong: z.string().optional(),
  agents: z.array(z.object({ wrong: z.string().optional() })),
})
const auditLine = z.object({ what: z.object({ event: z.string(), id: z.string().optional() }) })

const guestNames = ['alpha', 'beta', 'gamma'] as const
/** Until its end is known, or that it is not to be known. */
const endWithinMs = 120_000
const settleWithinMs = 60_000

/** A libvirtd with VMs, an agent, a controller, and a line between these that can be cut. */
export class KillWorld {
  readonly #stop = new AbortController()
  readonly #uuids = new Map<string, string>()
  #controller: BuiltProgram | undefined
  #agent: BuiltProgram | undefined
  #line: CutLine | undefined
  #api: ControllerApi | undefined
  #grpcPort = 0

  private constructor(
    private readonly directory: string,
    private readonly daemon: LibvirtDaemon,
    readonly witness: LibvirtWitness,
  ) {}

  static async open(directory: string): Promise<KillWorld> {
    const daemon = await startLibvirtDaemon()
    const world = new KillWorld(directory, daemon, new LibvirtWitness(daemon))
    try {
      for (const name of guestNames) {
        const guest = await defineGuest(daemon, { name, disksMiB: [1] })
        world.#uuids.set(name, guest.uuid)
      }
      await world.witness.begin()
      await world.#startController()
      world.#line = await CutLine.open(world.#grpcPort)
      await world.#startAgent()
      return world
    } catch (error) {
      await world.close()
      throw error
    }
  }

  /** One of the VMs, when the controller sees its state as it is. */
  async settledGuest(chance: number): Promise<SettledGuest> {
    const name = guestNames[Math.floor(chance * guestNames.length)] ?? guestNames[0]
    const uuid = this.#uuids.get(name) ?? ''
    const state = (await this.daemon.virsh('domstate', name)).trim().replace('shut off', 'shutoff')
    await waitFor(settleWithinMs, `the controller to see ${name} ${state}`, async () => {
      const found = vmList.safeParse(await this.#get('/vms'))
      return found.data?.vms.find((vm) => vm.uuid === uuid)?.state === state
    })
    return { name, uuid, state }
  }

  /** Asks for a command, disturbs that, and waits for its end. @returns undefined: the controller knows of none */
  async askAmid(
    { uuid }: SettledGuest,
    verb: string,
    how: { readonly disturbance: Disturbance; readonly atMs: number; readonly awayMs: number },
  ): Promise<AskedCommand | undefined> {
    const before = new Set((await this.#commandsOf(uuid)).map(({ id }) => id))
    // What it answers is asked for afterwards: it may be killed before it has.
    const asking = this.#api?.post('/commands', { verb, vm: uuid, startWithinMs: 60_000 }).catch(() => undefined)
    await this.#disturb(how)
    await asking
    await this.#connected()
    const found = (): Promise<AskedCommand | undefined> =>
      this.#commandsOf(uuid).then((all) => all.find(({ id }) => !before.has(id)))
    await waitFor(endWithinMs, 'the end of a command', async () => {
      const asked = await found()
      return asked === undefined || isEnd(asked.state)
    })
    return found()
  }

  /** What is wrong with the audit logs of both, and with what stands in that of the agent. */
  async auditFaults(): Promise<string[]> {
    const { wrong, agents } = auditCheck.parse(await this.#get('/audit/verify'))
    const faults = [wrong, ...agents.map((agent) => agent.wrong)].flatMap((one) => one ?? [])
    const directory = join(this.directory, 'agent/audit')
    const own = await verifyAuditLog(directory)
    if (own !== undefined) faults.push(`the agent's own: ${own}`)
    const lines = (await readFile(join(directory, '000000000001.jsonl'), 'utf8')).trimEnd().split('\n')
    const entries = lines.map((line) => auditLine.parse(JSON.parse(line)).what)
    return [...faults, ...begunTwice(entries).map((id) => `command ${id} has begun twice`)]
  }

  async close(): Promise<void> {
    this.#stop.abort()
    for (const program of [this.#agent, this.#controller]) {
      program?.kill()
      await program?.ended
    }
    await this.#line?.close()
    this.witness.end()
    await this.daemon.stop()
  }

  async #disturb({
    disturbance,
    atMs,
    awayMs,
  }: {
    readonly disturbance: Disturbance
    readonly atMs: number
    readonly awayMs: number
  }): Promise<void> {
    await delay(atMs)
    if (disturbance === 'kill-agent') {
      this.#agent?.kill()
      await this.#agent?.ended
      await delay(awayMs)
      await this.#startAgent()
    } else if (disturbance === 'kill-controller') {
      this.#controller?.kill()
      await this.#controller?.ended
      await delay(awayMs)
      await this.#startController()
    } else if (disturbance === 'cut') {
      this.#line?.cut()
      await delay(awayMs)
      this.#line?.mend()
    }
  }

  async #startController(): Promise<void> {
    const data = join(this.directory, 'controller')
    const config = join(this.directory, 'controller.yaml')
    const intervals = { state: '1s', fast: '500ms', block: '10s', guestMemory: '30s', inventory: '1s' }
    // The agent knows the line, whose other end stays where it is.
    await writeFile(config, stringify({ data, http: { port: 0 }, grpc: { port: this.#grpcPort }, intervals }))
    const program = BuiltProgram.start('controller', ['--config', config], join(this.directory, 'controller.log'))
    this.#controller = program
    const { url, grpcPort } = readyMessage.parse(await program.said())
    this.#grpcPort = grpcPort
    this.#api = new ControllerApi(url, data, this.#stop.signal)
  }

  async #startAgent(): Promise<void> {
    const config = join(this.directory, 'agent.yaml')
    const joinTokenFile = join(this.directory, 'controller/controller/local-join-token')
    await writeFile(
      config,
      stringify({
        data: join(this.directory, 'agent'),
        controllers: [{ address: `127.0.0.1:${this.#line?.port ?? 0}`, joinTokenFile }],
        hypervisors: [{ kind: 'libvirt', socket: this.daemon.socketRo }],
        metrics: { port: 0 },
        allow: [{ verbs: ['start', 'destroy', 'suspend', 'resume', 'reset'], vms: ['*'] }],
      }),
    )
    this.#agent = BuiltProgram.start('agent', ['--config', config], join(this.directory, 'agent.log'))
    await this.#connected()
  }

  async #connected(): Promise<void> {
    const agents = z.object({ agents: z.array(z.object({ connected: z.boolean() })) })
    await waitFor(settleWithinMs, 'the agent to be connected', async () => {
      const told = agents.safeParse(await this.#get('/agents'))
      return told.data?.agents.some(({ connected }) => connected) === true
    })
  }

  async #commandsOf(vmUuid: string): Promise<readonly AskedCommand[]> {
    const { commands } = commandList.parse(await this.#get('/commands?limit=1000'))
    return commands.filter((one) => one.vmUuid === vmUuid)
  }

  async #get(path: string): Promise<unknown> {
    if (this.#api === undefined) throw new Error('no controller')
    return this.#api.get(path)
  }
}
