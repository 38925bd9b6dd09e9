/**
 * `npm run bench -- commands [--rounds 200]`: how long commands take from the request to the API until their end is known there, beside what
 * libvirt takes for the same without us. A real libvirtd and guest, controller and agent in this process, their files on this disk.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

import { z } from 'zod'

import { startAgent } from '../../../agent/agent.js'
import { agentConfigSchema } from '../../../agent/config.js'
import { LibvirtControl } from '../../../agent/hypervisor/libvirt/control.js'
import { createLog } from '../../../common/log.js'
import { isEnd } from '../../../common/verbs.js'
import { commandView, type CommandView } from '../../../controller/api/views.js'
import { controllerConfigSchema } from '../../../controller/config.js'
import { startController } from '../../../controller/controller.js'
import { startLibvirtDaemon } from '../../support/libvirt-daemon.js'
import { defineGuest } from '../../support/libvirt-guest.js'
import { waitFor } from '../../support/wait-for.js'

const barMs = 50
const { values } = parseArgs({ options: { rounds: { type: 'string', default: '200' } } })
const rounds = Number(values.rounds)
const log = createLog('bench', 'silent')
const { signal } = new AbortController()

const daemon = await startLibvirtDaemon()
const directory = await mkdtemp(join(tmpdir(), 'headroom-bench-commands-'))
const guest = await defineGuest(daemon, { name: 'guest' })
// What is measured asks nothing of what runs in it: it may boot meanwhile.
await daemon.virsh('start', guest.name)
const controller = await startController({
  config: controllerConfigSchema.parse({
    data: join(directory, 'controller'),
    http: { port: 0 },
    grpc: { port: 0 },
  }),
  version: '0',
  log,
  now: Date.now,
  webDir: undefined,
})
const controllerData = join(directory, 'controller/controller')
const agent = await startAgent({
  config: agentConfigSchema.parse({
    data: join(directory, 'agent'),
    controllers: [
      { address: `127.0.0.1:${controller.grpcPort}`, joinTokenFile: join(controllerData, 'local-join-token') },
    ],
    hypervisors: [{ kind: 'libvirt', socket: daemon.socketRo }],
    metrics: { port: 0 },
    allow: [{ verbs: ['autostart', 'suspend', 'resume'], vms: ['*'] }],
  }),
  version: '0',
  log,
  now: Date.now,
  monotonicMs: () => performance.now(),
})
const control = new LibvirtControl({ socket: daemon.socketRo, runRoot: '/nowhere', uri: 'qemu:///system' })
const authorization = `Bearer ${(await readFile(join(controllerData, 'api-token'), 'utf8')).trim()}`

async function api(path: string, body?: object): Promise<CommandView | undefined> {
  const answer = await fetch(`${controller.url}/api/v1/${path}`, {
    ...(body !== undefined && { method: 'POST', body: JSON.stringify(body) }),
    headers: { authorization, ...(body !== undefined && { 'content-type': 'application/json' }) },
  })
  return answer.ok ? commandView.parse(await answer.json()) : undefined
}

type Verb = 'autostart' | 'suspend' | 'resume'

function argsOf(verb: Verb, round: number): Record<string, string> {
  return verb === 'autostart' ? { enabled: round % 2 === 0 ? 'on' : 'off' } : {}
}

const vmState = z.object({ state: z.string() })

/** What the controller knows of the VM decides what it takes in: it has to have heard of the last change. */
async function untilKnown(verb: Verb): Promise<void> {
  const wanted = verb === 'resume' ? 'paused' : 'running'
  await waitFor(30_000, `the controller to see it ${wanted}`, async () => {
    const answer = await fetch(`${controller.url}/api/v1/vms/${guest.uuid}`, { headers: { authorization } })
    return answer.ok && vmState.parse(await answer.json()).state.replace('blocked', 'running') === wanted
  })
}

const mostTries = 20

/** Until its end is known to the API. One that was refused by a state that is over already is asked for again. */
async function wholeWayMs(verb: Verb, round: number, triesLeft = mostTries): Promise<number> {
  const beganMs = performance.now()
  let command = await api('commands', { verb, vm: guest.uuid, args: argsOf(verb, round) })
  while (command !== undefined && !isEnd(command.state)) command = await api(`commands/${command.id}`)
  const tookMs = performance.now() - beganMs
  if (command?.state === 'refused' && triesLeft > 1) {
    await untilKnown(verb)
    return wholeWayMs(verb, round, triesLeft - 1)
  }
  if (command?.state !== 'succeeded') throw new Error(`${verb}: ${command?.state} ${command?.reason}`)
  return tookMs
}

/** The same calls of libvirt, without anything else. */
async function libvirtMs(verb: Verb, round: number): Promise<number> {
  const beganMs = performance.now()
  await control.look(guest.uuid, signal)
  if (verb === 'autostart') await control.setAutostart(guest.uuid, round % 2 === 0, signal)
  else await control.power(guest.uuid, verb, signal)
  return performance.now() - beganMs
}

function figuresOf(times: readonly number[]): { readonly p50Ms: number; readonly p99Ms: number } {
  const sorted = times.toSorted((a, b) => a - b)
  const at = (share: number): number => Number((sorted[Math.ceil(share * sorted.length) - 1] ?? NaN).toFixed(1))
  return { p50Ms: at(0.5), p99Ms: at(0.99) }
}

try {
  await waitFor(60_000, 'the first command to be done', async () => {
    const state = (await api('commands', { verb: 'autostart', vm: guest.uuid, args: argsOf('autostart', 0) }))?.state
    return state !== undefined && state !== 'refused'
  })
  await waitFor(60_000, 'its end', async () => {
    const answer = await fetch(`${controller.url}/api/v1/commands?state=open`, { headers: { authorization } })
    return JSON.stringify(await answer.json()).includes('"commands":[]')
  })
  const times = { whole: new Array<number>(), libvirt: new Array<number>(), beside: new Array<number>() }
  for (let round = 0; round < rounds; round += 1) {
    for (const verb of ['autostart', 'suspend', 'resume'] as const) {
      await untilKnown(verb)
      const whole = await wholeWayMs(verb, round)
      // The VM is put back, and the same is done without us.
      if (verb !== 'autostart') await control.power(guest.uuid, verb === 'suspend' ? 'resume' : 'suspend', signal)
      const libvirt = await libvirtMs(verb, round)
      times.whole.push(whole)
      times.libvirt.push(libvirt)
      times.beside.push(whole - libvirt)
    }
  }
  const beside = figuresOf(times.beside)
  console.log(
    JSON.stringify({
      bench: 'commands',
      rounds,
      commands: times.whole.length,
      whole: figuresOf(times.whole),
      libvirt: figuresOf(times.libvirt),
      beside,
      barMs,
      ok: beside.p99Ms <= barMs,
    }),
  )
} finally {
  control.close()
  await agent.stop()
  await controller.stop()
  await daemon.stop()
  await rm(directory, { recursive: true, force: true })
}
