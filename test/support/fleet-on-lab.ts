import { fork, type ChildProcess } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'

import { stringify } from 'yaml'
import { z } from 'zod'

import { AgentRegistry } from '../../controller/ingest/agent-registry.js'
import { openCertificateAuthority } from '../../controller/ingest/ca.js'
import { openEmbeddedState } from '../../controller/store/embedded-state/embedded-state.js'
import type { LabHost } from '../lab/lab-host.js'
import type { Lab } from '../lab/lab.js'

const root = resolve(import.meta.dirname, '../..')

/** A built agent that runs inside one machine of a lab. */
export interface LabAgent {
  readonly host: LabHost
  /** Performance clock when it was started. */
  readonly startedAt: number
  readonly child: ChildProcess
  readonly logFile: string
  /** Asks it to end, and waits. */
  stop(): Promise<void>
}

/** The built controller with an agent on every machine of a lab. */
export interface FleetOnLab {
  readonly url: string
  readonly grpcPort: number
  readonly data: string
  readonly agents: readonly LabAgent[]
  /** The API's answer as JSON. @throws unless it is 200 */
  api(path: string): Promise<unknown>
  stop(): Promise<void>
}

/** Keys of controller.yaml. */
export type ControllerKeys = Readonly<Record<string, unknown>>
/** Keys of agent.yaml, by the name of the machine. */
export type AgentKeys = Readonly<Record<string, Readonly<Record<string, unknown>>>>

const readyMessage = z.object({ ready: z.literal(true), url: z.string(), grpcPort: z.number() })

/**
 * Starts the controller on free ports, and an agent inside every machine: its processes, host name and sockets, but the
 * network of this process, since nothing joins a lab's network to another.
 */
export async function startFleetOnLab(
  lab: Lab,
  data: string,
  more: ControllerKeys = {},
  ofAgents: AgentKeys = {},
): Promise<FleetOnLab> {
  await mkdir(join(data, 'controller'), { recursive: true })
  const configFile = join(data, 'controller.yaml')
  await writeFile(configFile, stringify({ ...more, data }))
  const tokens = await joinTokens(
    data,
    lab.hosts.map(({ name }) => name),
  )
  const controllerLog = openSync(join(data, 'controller.log'), 'a')
  const ports = ['--http-port', '0', '--grpc-port', '0']
  const controller = fork(join(root, 'dist/controller/main.js'), ['--config', configFile, ...ports], {
    stdio: ['ignore', controllerLog, controllerLog, 'ipc'],
  })
  closeSync(controllerLog)
  const agents: LabAgent[] = []
  const stop = async (): Promise<void> => {
    await Promise.all(agents.map((agent) => agent.stop()))
    await ended(controller)
  }
  try {
    const { url, grpcPort } = await ready(controller, join(data, 'controller.log'))
    for (const [index, host] of lab.hosts.entries()) {
      agents.push(
        await startAgent(host, { data, grpcPort, token: tokens[index] ?? '', more: ofAgents[host.name] ?? {} }),
      )
    }
    const token = (await readFile(join(data, 'controller/api-token'), 'utf8')).trim()
    return {
      url,
      grpcPort,
      data,
      agents,
      async api(path) {
        const answer = await fetch(`${url}${path}`, { headers: { authorization: `Bearer ${token}` } })
        if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
        return answer.json()
      },
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

/** Tokens made before the controller starts, in the state that it will open; one for each note. */
export async function joinTokens(data: string, notes: readonly string[]): Promise<string[]> {
  const state = openEmbeddedState({ path: join(data, 'controller/state.db') })
  try {
    const now = Date.now()
    const registry = new AgentRegistry(state, await openCertificateAuthority(state, now))
    const tokens: string[] = []
    for (const note of notes) {
      tokens.push(await registry.createJoinToken({ now, validMs: 3_600_000, grant: 'named', note }))
    }
    return tokens
  } finally {
    await state.close()
  }
}

interface AgentStart {
  readonly data: string
  readonly grpcPort: number
  readonly token: string
  readonly more: AgentKeys[string]
}

async function startAgent(host: LabHost, { data, grpcPort, token, more }: AgentStart): Promise<LabAgent> {
  const own = join(data, host.name)
  await mkdir(own, { recursive: true })
  const joinTokenFile = join(own, 'join-token')
  await writeFile(joinTokenFile, `${token}\n`, { mode: 0o600 })
  const config = {
    ...more,
    data: own,
    controllers: [{ address: `127.0.0.1:${grpcPort}`, joinTokenFile }],
    hypervisors: [{ kind: 'libvirt' }],
    metrics: { port: 0 },
  }
  await writeFile(join(own, 'agent.yaml'), stringify(config))
  const logFile = join(data, `agent-${host.name}.log`)
  const log = openSync(logFile, 'a')
  const program = [process.execPath, join(root, 'dist/agent/main.js'), '--config', join(own, 'agent.yaml')]
  const startedAt = performance.now()
  const child = host.start(program, { network: 'outside', stdio: ['ignore', log, log, 'ipc'] })
  closeSync(log)
  return { host, startedAt, child, logFile, stop: () => ended(child) }
}

/** Both programs end when whoever started them is gone; so they do if we say that we are. */
async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise<void>((done) => {
    child.once('exit', () => done())
  })
  if (child.connected) child.disconnect()
  const kill = setTimeout(() => child.kill('SIGKILL'), 15_000)
  await gone
  clearTimeout(kill)
}

async function ready(child: ChildProcess, logFile: string): Promise<z.infer<typeof readyMessage>> {
  return new Promise((resolve, reject) => {
    child.on('message', (message) => {
      const parsed = readyMessage.safeParse(message)
      if (parsed.success) resolve(parsed.data)
    })
    child.on('exit', (code) => {
      void readFile(logFile, 'utf8').then(
        (text) => reject(new Error(`the controller ended with ${code}: ${text.slice(-2000)}`)),
        reject,
      )
    })
  })
}
