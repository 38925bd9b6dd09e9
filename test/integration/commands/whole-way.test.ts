import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'

import { startAgent, type Agent } from '../../../agent/agent.js'
import { agentConfigSchema } from '../../../agent/config.js'
import { verifyAuditLog } from '../../../agent/commands/audit-log.js'
import { createLog } from '../../../common/log.js'
import { askableVerbs } from '../../../common/verbs.js'
import { controllerConfigSchema } from '../../../controller/config.js'
import { startController, type Controller } from '../../../controller/controller.js'
import { runCliHere, type CliRun } from '../../support/cli/run-cli.js'
import { temporaryDirectory } from '../../support/running-product.js'
import { waitFor as waitWithin } from '../../support/wait-for.js'

/** The whole way of commands: command line, controller, agent, simulated hosts; and back. */

const log = createLog('test', 'silent')
const waitFor = async (what: string, holds: () => Promise<boolean>): Promise<void> => {
  await waitWithin(30_000, what, holds)
}

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let controller: Controller
let agent: Agent
let grpcPort = 0

const command = z.object({
  number: z.number(),
  id: z.string(),
  state: z.string(),
  reason: z.string(),
  verdicts: z.array(z.object({ check: z.string(), ok: z.boolean(), says: z.string() })),
})
const auditCheck = z.object({
  wrong: z.string().optional(),
  agents: z.array(z.object({ wrong: z.string().optional() })),
})

async function runController(): Promise<void> {
  controller = await startController({
    config: controllerConfigSchema.parse({
      data: join(directory.path, 'controller'),
      http: { port: 0 },
      grpc: { port: grpcPort },
      intervals: { state: '1s', fast: '500ms', block: '500ms', guestMemory: '1s' },
    }),
    version: '0',
    log,
    now: () => Date.now(),
    webDir: undefined,
  })
  grpcPort = controller.grpcPort
}

async function runAgent(allow: readonly object[]): Promise<void> {
  const controllerData = join(directory.path, 'controller/controller')
  agent = await startAgent({
    config: agentConfigSchema.parse({
      data: join(directory.path, 'agent'),
      controllers: [{ address: `127.0.0.1:${grpcPort}`, joinTokenFile: join(controllerData, 'local-join-token') }],
      hypervisors: [{ kind: 'simulated', fleet: 'deploy/fleets/tiny.yaml' }],
      metrics: { port: 0 },
      allow,
      intervals: { state: '1s', fast: '500ms', block: '500ms', guestMemory: '1s' },
    }),
    version: '0',
    log,
    now: () => Date.now(),
    monotonicMs: () => performance.now(),
  })
}

async function headroom(...words: string[]): Promise<CliRun> {
  const token = (await readFile(join(directory.path, 'controller/controller/api-token'), 'utf8')).trim()
  return runCliHere(words, { HEADROOM_URL: controller.url, HEADROOM_TOKEN: token, TZ: 'UTC' })
}

async function asked(...words: string[]): Promise<z.infer<typeof command>> {
  const { stdout } = await headroom(...words, '--json')
  return command.parse(JSON.parse(stdout))
}

const listed = z.object({ vms: z.array(z.object({ name: z.string(), state: z.string() })) })

async function stateOf(name: string): Promise<string | undefined> {
  const { stdout } = await headroom('vm', 'list', '--json')
  return listed.parse(JSON.parse(stdout)).vms.find((vm) => vm.name === name)?.state
}

const isConnected = async (): Promise<void> => {
  await waitFor('the agent to be connected', async () => agent.status().connected)
}

describe('a command', () => {
  beforeAll(async () => {
    directory = await temporaryDirectory('headroom-commands-')
    await runController()
    await runAgent([{ verbs: askableVerbs.filter((verb) => verb !== 'reset'), vms: ['*'] }])
    await isConnected()
    await waitFor('running VMs', async () => (await stateOf('lab')) === 'running')
  })
  afterAll(async () => {
    await agent?.stop()
    await controller?.stop()
    await directory?.remove()
  })

  it('goes to the VM, and its end comes back', async () => {
    const vm = 'mail'
    expect(await headroom('vm', 'suspend', vm, '--yes')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(`suspend ${vm}: succeeded`),
    })
    await waitFor('the VM to be paused', async () => (await stateOf(vm)) === 'paused')
    expect((await asked('vm', 'resume', vm)).state).toBe('succeeded')
    await waitFor('the VM to run', async () => (await stateOf(vm)) === 'running')
    expect((await asked('vm', 'shutdown', vm, '--yes')).state).toBe('succeeded')
    await waitFor('the VM to be off', async () => (await stateOf(vm)) === 'shutoff')
    expect((await asked('vm', 'start', vm)).state).toBe('succeeded')
    expect((await asked('vm', 'autostart', vm, 'off')).state).toBe('succeeded')
    const list = await headroom('command', 'list')
    expect(list.stdout).toMatch(new RegExp(`suspend +${vm} .*succeeded`))
  })

  it('is refused beforehand with the reason, in every wrong case', async () => {
    const vm = 'www'
    const run = await headroom('vm', 'start', vm)
    expect(run).toMatchObject({ code: 4, stdout: expect.stringMatching(/the VM is running; start needs one/) })
    const reset = await asked('vm', 'reset', vm, '--yes')
    expect(reset).toMatchObject({ state: 'refused', reason: "the agent's configuration does not allow reset" })
    expect(reset.verdicts.filter(({ ok }) => !ok).map(({ check }) => check)).toEqual(['allow'])
    expect(await headroom('vm', 'destroy', vm)).toMatchObject({ code: 2, stderr: expect.stringMatching(/--yes/) })
    expect((await headroom('vm', 'start', '$(id)')).code).toBe(1)
    expect(await stateOf(vm)).toBe('running')
  })

  it('limits a VM for a while, and ends that before its time', async () => {
    const vm = 'www'
    const limited = await asked('vm', 'limit', vm, '--write', '5MiB/s', '--for', '30m', '--yes')
    expect(limited).toMatchObject({
      state: 'succeeded',
      reason: expect.stringMatching(/^until .*, when the agent ends it$/),
    })
    expect(await readFile(join(directory.path, 'agent/limits.json'), 'utf8')).toContain('"write_bytes_sec":5242880')
    expect((await asked('vm', 'unlimit', vm)).state).toBe('succeeded')
    expect(await readFile(join(directory.path, 'agent/limits.json'), 'utf8')).toBe('[]')
    expect(await asked('vm', 'unlimit', vm)).toMatchObject({
      state: 'refused',
      reason: 'no limit of this agent is in force',
    })
    expect(await asked('vm', 'limit', vm, '--write', '5', '--for', '30m', '--yes')).toMatchObject({
      state: 'refused',
      reason: expect.stringMatching(/is a rate from 16KiB\/s/),
    })
    expect(await headroom('vm', 'limit', vm, '--write', '5MiB/s', '--yes')).toMatchObject({ code: 2 })
  })

  it('starts nothing on a host in maintenance', async () => {
    const vm = 'mail'
    const { stdout } = await headroom('vm', 'show', vm, '--json')
    const { host } = z.object({ host: z.string() }).parse(JSON.parse(stdout))
    expect((await headroom('host', 'maintenance', host, 'on', '--reason', 'new disks')).code).toBe(0)
    expect((await headroom('host', 'list')).stdout).toMatch(new RegExp(`${host} +maintenance`))
    expect((await asked('vm', 'shutdown', vm, '--yes')).state).toBe('succeeded')
    await waitFor('the VM to be off', async () => (await stateOf(vm)) === 'shutoff')
    expect(await asked('vm', 'start', vm)).toMatchObject({
      state: 'refused',
      reason: expect.stringMatching(/its host is in maintenance since .* by .*: new disks/),
    })
    expect((await headroom('host', 'maintenance', host, 'off')).code).toBe(0)
    expect((await asked('vm', 'start', vm)).state).toBe('succeeded')
    expect((await headroom('audit', 'list')).stdout).toMatch(/maintenance-on/)
  })

  it('says in a dry run what every check finds, and does nothing', async () => {
    const vm = 'www'
    const dry = await asked('vm', 'destroy', vm, '--dry-run')
    expect(dry.state).toBe('succeeded')
    expect(dry.verdicts.map(({ check }) => check)).toEqual([
      'verb',
      'role',
      'vm',
      'state',
      'others',
      'agent',
      'host',
      'allow',
      'agent: verb',
      'agent: host',
      'agent: allow',
      'agent: state',
    ])
    expect(await stateOf(vm)).toBe('running')
  })

  it('that was sent and not heard of is known after both sides began anew', async () => {
    const vm = 'lab'
    const { id } = await asked('vm', 'suspend', vm, '--yes', '--no-wait')
    await controller.stop()
    await agent.stop()
    await runController()
    await runAgent([{ verbs: ['suspend', 'resume'], vms: ['*'] }])
    await waitFor('its end', async () => ['succeeded', 'unknown'].includes((await asked('command', 'show', id)).state))
    const { state } = await asked('command', 'show', id)
    await isConnected()
    // True in either case: paused if it was done, and never done a second time.
    if (state === 'succeeded') await waitFor('the VM to be paused', async () => (await stateOf(vm)) === 'paused')
  })

  it('leaves entries on both sides, and a cut tail of the agent is found', async () => {
    const agentLog = join(directory.path, 'agent/audit')
    const verify = async (): Promise<z.infer<typeof auditCheck>> =>
      auditCheck.parse(JSON.parse((await headroom('audit', 'verify', '--json')).stdout))
    const whole = await verify()
    expect(whole.wrong).toBeUndefined()
    expect(whole.agents.map(({ wrong }) => wrong)).toEqual([undefined])
    expect(await verifyAuditLog(agentLog)).toBeUndefined()
    expect((await headroom('audit', 'list')).stdout).toMatch(/asked .*suspend/)
    await agent.stop()
    const path = join(agentLog, '000000000001.jsonl')
    const lines = (await readFile(path, 'utf8')).trimEnd().split('\n')
    await writeFile(path, `${lines.slice(0, -2).join('\n')}\n`)
    await runAgent([])
    await waitFor('the controller to see it', async () => (await verify()).agents[0]?.wrong !== undefined)
    expect(await headroom('audit', 'verify')).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/its tail is missing/),
    })
  })

  it('is refused for an agent that only observes, before it is sent', async () => {
    const vm = 'www'
    await isConnected()
    expect(await asked('vm', 'suspend', vm, '--yes')).toMatchObject({
      state: 'refused',
      reason: 'the agent only observes',
    })
  })

  it('that limited a VM ends, though the agent allows nothing any more', async () => {
    const kept = async (): Promise<string> => readFile(join(directory.path, 'agent/limits.json'), 'utf8')
    await agent.stop()
    await runAgent([{ verbs: ['limit'], vms: ['*'] }])
    await isConnected()
    const limited = await asked('vm', 'limit', 'www', '--write', '5MiB/s', '--for', '2s', '--yes')
    expect(limited.state).toBe('succeeded')
    await agent.stop()
    expect(await kept()).toContain('write_bytes_sec')
    await runAgent([])
    await waitFor('the limit to be ended', async () => (await kept()) === '[]')
  })
})
