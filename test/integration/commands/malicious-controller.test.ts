import { fork, type ChildProcess } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'

import { startAgent, type Agent } from '../../../agent/agent.js'
import { agentConfigSchema } from '../../../agent/config.js'
import { verifyAuditLog } from '../../../agent/commands/audit-log.js'
import { entryFrom } from '../../../common/hash-chain.js'
import { createLog } from '../../../common/log.js'
import { ToAgent, type Hello } from '../../../proto/gen/headroom/v1/agent.js'
import { CommandState, type Command, type CommandUpdate } from '../../../proto/gen/headroom/v1/command.js'
import { enrolAgent } from '../../support/ingest-agent.js'
import { scratch, startIngest } from '../../support/ingest-controller.js'
import type { FromMalicious, ToMalicious } from '../../support/malicious-controller.js'

/**
 * A controller that is in wrong hands, in a process of its own with the real certificate, against a real agent that allows `suspend` and `resume` of one
 * VM. Witness of what was done is the agent's own audit log on its disk: before anything is done it says so there.
 */

let dir: Awaited<ReturnType<typeof scratch>>
let agentDir: Awaited<ReturnType<typeof scratch>>
let controller: ChildProcess
let agent: Agent
let port = 0
let hello: Hello | undefined
/** By name of host or VM. */
const hostIds = new Map<string, string>()
const uuids = new Map<string, string>()
const updates: CommandUpdate[] = []
let ids = 0

beforeAll(async () => {
  dir = await scratch()
  agentDir = await scratch()
  const good = await startIngest(dir.path)
  await enrolAgent({ address: good.address, token: await good.token('any'), dataDir: agentDir.path, hosts: [] })
  port = good.server.port
  const { privateKeyPem, chainPem } = await good.ca.issueServer(Date.now())
  const caPem = good.ca.certificatePem
  await good.stop()
  controller = fork(new URL('../../support/malicious-controller.ts', import.meta.url), {
    execArgv: ['--import', 'tsx'],
    serialization: 'advanced',
  })
  const listening = new Promise<void>((resolve) => {
    controller.on('message', (message: FromMalicious) => {
      if (message.type === 'listening') resolve()
      else hear(message.message)
    })
  })
  tell({ type: 'listen', port, caPem, privateKeyPem, chainPem })
  await listening
  await runAgent()
})
afterAll(async () => {
  await agent?.stop()
  controller?.disconnect()
  await dir?.remove()
  await agentDir?.remove()
})

function tell(message: ToMalicious): void {
  controller.send(message)
}

function send(message: ToAgent['message'] | Uint8Array): void {
  tell({ type: 'send', message })
}

function hear(message: Extract<FromMalicious, { type: 'heard' }>['message']): void {
  if (message.$case === 'hello') {
    hello = message.value
    for (const { name, hostId } of message.value.hosts) hostIds.set(name, hostId)
  }
  if (message.$case === 'inventory') for (const { name, uuid } of message.value.vms) uuids.set(name, uuid)
  if (message.$case === 'commandUpdate') updates.push(message.value)
}

async function runAgent(): Promise<void> {
  agent = await startAgent({
    config: agentConfigSchema.parse({
      data: agentDir.path,
      controllers: [{ address: `127.0.0.1:${port}` }],
      hypervisors: [{ kind: 'simulated', fleet: 'deploy/fleets/tiny.yaml' }],
      metrics: { port: 0 },
      allow: [{ verbs: ['suspend', 'resume'], vms: ['lab'] }],
    }),
    version: '0',
    log: createLog('test', 'silent'),
    now: () => Date.now(),
    monotonicMs: () => performance.now(),
  })
  await vi.waitFor(() => expect([hello?.allowRules.length, uuids.size]).toEqual([1, 3]), 20_000)
}

function command(draft: Partial<Command>): Command {
  ids += 1
  return {
    id: `attack-${ids}`,
    hostId: hostIds.get('two') ?? '',
    verb: 'suspend',
    vmUuid: uuids.get('lab') ?? '',
    args: {},
    deadlineMs: BigInt(Date.now() + 60_000),
    actor: 'root',
    dryRun: false,
    timeoutMs: 0,
    onlyReport: false,
    definition: Buffer.alloc(0),
    ...draft,
  }
}

const ends = new Map<CommandState, string>([
  [CommandState.COMMAND_STATE_SUCCEEDED, 'succeeded'],
  [CommandState.COMMAND_STATE_REFUSED, 'refused'],
  [CommandState.COMMAND_STATE_EXPIRED, 'expired'],
])

/** The end of a command that is sent, as the agent tells it. */
async function endOf(draft: Partial<Command>): Promise<{ readonly state: string; readonly reason: string }> {
  const sent = command(draft)
  send({ $case: 'command', value: sent })
  return vi.waitFor(() => {
    const last = updates.findLast(({ id, state }) => id === sent.id && ends.has(state))
    if (last === undefined) throw new Error(`no end of ${sent.id}`)
    return { state: ends.get(last.state) ?? '', reason: last.reason }
  }, 10_000)
}

/** What the agent wrote down, oldest first. */
async function audited(): Promise<Readonly<Record<string, unknown>>[]> {
  const directory = join(agentDir.path, 'audit')
  const files = (await readdir(directory)).filter((name) => name.endsWith('.jsonl')).toSorted()
  const texts = await Promise.all(files.map((name) => readFile(join(directory, name), 'utf8')))
  const lines = texts
    .join('')
    .split('\n')
    .filter((line) => line !== '')
  return lines.map((line) => ({ ...entryFrom(JSON.parse(line))?.what }))
}

const begun = async (): Promise<unknown[]> =>
  (await audited()).filter(({ event }) => event === 'begin').map(({ id }) => id)

const injections = [';reboot', '$(reboot)', '`reboot`', 'a\nb', '../../etc/passwd', '\u0000', 'x'.repeat(1024)]

describe('a controller in wrong hands', () => {
  it.each<readonly [string, () => Partial<Command>, RegExp]>([
    ['a host that the agent does not have', () => ({ hostId: 'id-of-another' }), /^this agent has no such host$/],
    [
      'a VM by another host of the agent',
      () => ({ hostId: hostIds.get('one') ?? '' }),
      /^no VM [0-9a-f-]{36} is here$/,
    ],
    ['a verb that is not allowed', () => ({ verb: 'destroy' }), /^the agent's configuration does not allow destroy$/],
    [
      'a VM that is not allowed',
      () => ({ vmUuid: uuids.get('www') ?? '' }),
      /^the agent's configuration does not allow suspend for a VM of this name$/,
    ],
    ['a verb that there is not', () => ({ verb: 'shell' }), /^this agent knows no verb "shell"$/],
    [
      'a program where the agent lists none',
      () => ({ verb: 'exec', args: { entry: 'reboot' } }),
      /^its driver cannot exec$/,
    ],
    ['an argument that there is not', () => ({ args: { run: 'reboot' } }), /^suspend has no argument "run"$/],
    ['a property of every object as a verb', () => ({ verb: 'constructor' }), /^this agent knows no verb/],
    ['a time far off', () => ({ deadlineMs: BigInt(Date.now() + 30 * 86_400_000) }), /at most a day$/],
  ])('gets nothing done with %s', async (_what, draft, reason) => {
    const value = draft()
    expect(await endOf(value)).toEqual({ state: 'refused', reason: expect.stringMatching(reason) })
    expect((await audited()).at(-1)).toMatchObject({ event: 'refused', id: `attack-${ids}`, actor: 'root' })
    expect(await begun()).toEqual([])
  })

  it('gets nothing done with a time that is over', async () => {
    expect(await endOf({ deadlineMs: BigInt(Date.now() - 1) })).toMatchObject({ state: 'expired' })
    expect(await begun()).toEqual([])
  })

  it.each(injections)('gets nothing done with %j in a verb, an argument or a host', async (text) => {
    const tries: Partial<Command>[] = [{ verb: text }, { hostId: text }, { args: { [text]: text } }]
    for (const draft of tries) expect(await endOf(draft)).toMatchObject({ state: 'refused' })
    expect(await begun()).toEqual([])
  })

  it('gets nothing done, and no answer, with what is no command', async () => {
    const before = (await audited()).length
    const wrong: Partial<Command>[] = [
      ...injections.flatMap((text) => [{ id: text }, { vmUuid: text }]),
      { verb: 'x'.repeat(100_000) },
      { args: { enabled: 'x'.repeat(100_000) } },
      { args: Object.fromEntries(Array.from({ length: 17 }, (_, at) => [`a${at}`, ''])) },
      { hostId: 'x'.repeat(1025) },
    ]
    for (const draft of wrong) send({ $case: 'command', value: command(draft) })
    // What comes after it is answered: all of it was looked at.
    expect(await endOf({ verb: 'destroy' })).toMatchObject({ state: 'refused' })
    await vi.waitFor(async () => expect((await audited()).length).toBe(before + wrong.length + 1))
    expect((await audited()).at(before)).toEqual({ event: 'refused', reason: 'what came as a command was none' })
    expect(await begun()).toEqual([])
  })

  it('ends its session with a megabyte, and nothing else', async () => {
    hello = undefined
    send({ $case: 'command', value: command({ args: { enabled: 'x'.repeat(2 ** 20) } }) })
    await vi.waitFor(() => expect(hello).toBeDefined(), 20_000)
    expect(await endOf({ verb: 'destroy' })).toMatchObject({ state: 'refused' })
    expect(await begun()).toEqual([])
  })

  it('cannot widen what the agent allows, whatever it sends', async () => {
    // A rule as an agent's hello has it: destroy, for every VM. Beside a message that agents know, and within it.
    const wide = Buffer.from([0x72, 0x0c, 0x0a, 0x07, ...Buffer.from('destroy'), 0x12, 0x01, 0x2a])
    const welcome = ToAgent.encode({
      message: {
        $case: 'welcome',
        value: { clockOffsetMs: 0n, lastSeq: 0n, limits: undefined, refusedHostIds: [], backlog: [] },
      },
    }).finish()
    const settings = {
      revision: 2n ** 63n,
      stateIntervalMs: 0,
      fastIntervalMs: 0,
      guestMemoryIntervalMs: 0,
      inventoryIntervalMs: 0,
      blockIntervalMs: 0,
      renewCertificate: false,
    }
    const inSettings = ToAgent.encode({ message: { $case: 'settings', value: settings } }).finish()
    for (const bytes of [welcome, inSettings]) {
      send(Buffer.concat([bytes, wide]))
      const inner = Buffer.concat([Buffer.from(bytes.subarray(2)), wide])
      send(Buffer.concat([Buffer.from(bytes.subarray(0, 1)), Buffer.from([inner.length]), inner]))
    }
    expect(await endOf({ verb: 'destroy' })).toEqual({
      state: 'refused',
      reason: "the agent's configuration does not allow destroy",
    })
    expect(await begun()).toEqual([])
  })

  it('gets done what is allowed, once, however often it sends that, and also when the agent began anew', async () => {
    const id = 'replayed'
    expect(await endOf({ id })).toEqual({ state: 'succeeded', reason: '' })
    updates.length = 0
    const again: Partial<Command>[] = [
      {},
      {},
      { verb: 'resume' },
      { deadlineMs: BigInt(Date.now() + 3_600_000) },
      { vmUuid: uuids.get('www') ?? '', verb: 'destroy' },
    ]
    for (const draft of again) {
      send({ $case: 'command', value: command({ ...draft, id }) })
      send({ $case: 'cancel', value: { id, actor: 'root' } })
    }
    expect(await endOf({ verb: 'destroy' })).toMatchObject({ state: 'refused' })
    await agent.stop()
    hello = undefined
    await runAgent()
    updates.length = 0
    for (const draft of again) expect(await endOf({ ...draft, id })).toEqual({ state: 'succeeded', reason: '' })
    expect(await endOf({ verb: 'destroy' })).toMatchObject({ state: 'refused' })
    expect(await begun()).toEqual([id])
    expect(await verifyAuditLog(join(agentDir.path, 'audit'))).toBeUndefined()
  })

  it('does not fill the audit log with what did nothing: what was done stays in it', async () => {
    for (let count = 0; count < 1000; count += 1) send({ $case: 'command', value: command({ verb: 'destroy' }) })
    await vi.waitFor(() => expect(updates.filter(({ id }) => id === `attack-${ids}`)).not.toEqual([]), 20_000)
    const entries = await audited()
    expect(entries.length).toBeLessThan(700)
    expect(await begun()).toEqual(['replayed'])
    expect(await verifyAuditLog(join(agentDir.path, 'audit'))).toBeUndefined()
  })
})
