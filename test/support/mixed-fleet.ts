import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { chromium, type Browser } from 'playwright-core'
import { stringify } from 'yaml'
import { z } from 'zod'

import { BuiltProgram } from './built-program.js'
import { joinTokens } from './fleet-on-lab.js'

/** Where an agent finds its controller, and the token with which it joins, once. */
export interface Invitation {
  readonly address: string
  readonly joinToken: string
  /** For what the agent keeps and says. */
  readonly directory: string
}

/** One part of a fleet: hosts of one kind, and the agent that reads them. */
export interface FleetMember {
  readonly name: string
  /** How many hosts of which kind it has: `xen` or `xen, simulated`. */
  readonly shows: Readonly<Record<string, number>>
  /** Starts its agent. One that is elsewhere (in an emulator, on another machine) goes its own way to the controller. */
  join(invitation: Invitation): Promise<void>
  /** Ends its agent and all that it reads. */
  stop(): Promise<void>
}

/** The built controller with several members. */
export interface MixedFleet {
  readonly url: string
  readonly data: string
  readonly loginLink: string
  /** The API's answer as JSON. @throws Error unless it is 200 */
  api(path: string): Promise<unknown>
  text(path: string): Promise<string>
  readonly token: string
  /** Ends the controller, then all members. */
  stop(): Promise<void>
}

const readyMessage = z.object({ ready: z.literal(true), url: z.string(), grpcPort: z.number(), loginLink: z.string() })

/** Short, so that there are figures soon. */
const shortBeats = { state: '2s', block: '2s', guestMemory: '2s' }

/** Starts a controller on free ports and has all members join it. */
export async function startMixedFleet(
  data: string,
  members: readonly FleetMember[],
  intervals: Readonly<Record<keyof typeof shortBeats, string>> = shortBeats,
): Promise<MixedFleet> {
  await mkdir(join(data, 'controller'), { recursive: true })
  const tokens = await joinTokens(
    data,
    members.map(({ name }) => name),
  )
  const config = join(data, 'controller.yaml')
  await writeFile(config, stringify({ data, http: { port: 0 }, grpc: { port: 0 }, intervals }))
  const logFile = join(data, 'controller.log')
  const controller = BuiltProgram.start('controller', ['--config', config], logFile)
  const stop = async (): Promise<void> => {
    controller.interrupt()
    await controller.ended
    await Promise.all(members.map((member) => member.stop()))
  }
  try {
    const { url, grpcPort, loginLink } = readyMessage.parse(await controller.said())
    const token = (await readFile(join(data, 'controller/api-token'), 'utf8')).trim()
    await Promise.all(
      members.map(async (member, index) => {
        const directory = join(data, member.name)
        await mkdir(directory, { recursive: true })
        await member.join({ address: `127.0.0.1:${grpcPort}`, joinToken: tokens[index] ?? '', directory })
      }),
    )
    const answer = async (path: string): Promise<Response> => {
      const response = await fetch(`${url}${path}`, { headers: { authorization: `Bearer ${token}` } })
      if (response.status !== 200) throw new Error(`${path}: ${response.status} ${await response.text()}`)
      return response
    }
    return {
      url,
      data,
      loginLink,
      token,
      api: async (path) => (await answer(path)).json(),
      text: async (path) => (await answer(path)).text(),
      stop,
    }
  } catch (error) {
    await stop()
    throw new Error(`no fleet: ${await controller.lastWords()}`, { cause: error })
  }
}

/** A member whose built agent runs on this machine. @param config what of the agent's configuration is its own */
export function localMember(
  what: Pick<FleetMember, 'name' | 'shows'>,
  config: (directory: string) => object | Promise<object>,
  stop: () => Promise<void> | void,
): FleetMember {
  let agent: BuiltProgram | undefined
  return {
    ...what,
    async join({ address, joinToken, directory }) {
      const joinTokenFile = join(directory, 'join-token')
      await writeFile(joinTokenFile, `${joinToken}\n`, { mode: 0o600 })
      const file = join(directory, 'agent.yaml')
      const own = await config(directory)
      const controllers = [{ address, joinTokenFile }]
      await writeFile(file, stringify({ data: directory, name: what.name, controllers, metrics: { port: 0 }, ...own }))
      agent = BuiltProgram.start('agent', ['--config', file], join(directory, 'agent.log'))
    },
    async stop() {
      agent?.interrupt()
      await agent?.ended
      await stop()
    },
  }
}

export function openBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
  })
}
