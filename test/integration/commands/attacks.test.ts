import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { z } from 'zod'

import { startAgent, type Agent } from '../../../agent/agent.js'
import { agentConfigSchema } from '../../../agent/config.js'
import { loadIdentity } from '../../../agent/report/identity.js'
import { entryFrom } from '../../../common/hash-chain.js'
import { askableVerbs, verbNames, verbOf } from '../../../common/verbs.js'
import { controllerConfigSchema } from '../../../controller/config.js'
import { startController, type Controller } from '../../../controller/controller.js'
import { runCliHere, type CliRun } from '../../support/cli/run-cli.js'
import { openRawSession } from '../../support/ingest-agent.js'
import { collectedLog } from '../../support/log-lines.js'
import { temporaryDirectory } from '../../support/running-product.js'

/**
 * Users who want more than they may, against a real controller and a real agent that allows everything. What was done is told by the agent's own audit log
 * on its disk: before anything is done it says so there.
 */

const password = 'correct horse battery'
const { log, lines } = collectedLog()

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let controller: Controller
let agent: Agent
/** How far the controller's clock is set forward. */
let aheadMs = 0
const tokens = new Map<string, string>()

const command = z.object({
  number: z.number(),
  id: z.string(),
  state: z.string(),
  reason: z.string(),
  verdicts: z.array(z.object({ check: z.string(), ok: z.boolean(), says: z.string() })),
})
const auditEntries = z.object({ entries: z.array(z.object({ what: z.looseObject({ event: z.string() }) })) })

beforeAll(async () => {
  directory = await temporaryDirectory('headroom-attacks-')
  const policyFile = join(directory.path, 'policy.yaml')
  await writeFile(
    policyFile,
    `groups:
  - { name: hers, match: [lab], owner: ann }
  - { name: his, match: [www], owner: kure }
approvals: [{ verbs: [destroy] }]
`,
  )
  controller = await startController({
    config: controllerConfigSchema.parse({
      data: join(directory.path, 'controller'),
      http: { port: 0 },
      grpc: { port: 0 },
      policyFile,
      intervals: { state: '1s', fast: '500ms', block: '500ms', guestMemory: '1s' },
    }),
    version: '0',
    log,
    now: () => Date.now() + aheadMs,
    webDir: undefined,
  })
  agent = await startAgent({
    config: agentConfigSchema.parse({
      data: join(directory.path, 'agent'),
      controllers: [
        {
          address: `127.0.0.1:${controller.grpcPort}`,
          joinTokenFile: join(directory.path, 'controller/controller/local-join-token'),
        },
      ],
      hypervisors: [{ kind: 'simulated', fleet: 'deploy/fleets/tiny.yaml' }],
      metrics: { port: 0 },
      allow: [{ verbs: [...askableVerbs], vms: ['*'] }],
      intervals: { state: '1s', fast: '500ms', block: '500ms', guestMemory: '1s' },
    }),
    version: '0',
    log,
    now: () => Date.now(),
    monotonicMs: () => performance.now(),
  })
  tokens.set('admin', (await readFile(join(directory.path, 'controller/controller/api-token'), 'utf8')).trim())
  for (const [name, role] of Object.entries({ ann: 'owner', kure: 'owner', bob: 'operator', vera: 'viewer' })) {
    await headroom('admin', ['user', 'add', name, '--role', role], `${password}\n`)
    await makeToken(name, [name, '--role', role, '--of-user'])
  }
  await vi.waitUntil(async () => /lab .*running/.test((await headroom('admin', ['vm', 'list'])).stdout), 30_000)
})
afterAll(async () => {
  await agent?.stop()
  await controller?.stop()
  await directory?.remove()
})

function headroom(who: string, words: readonly string[], input?: string): Promise<CliRun> {
  return runCliHere(words, { HEADROOM_URL: controller.url, HEADROOM_TOKEN: tokens.get(who) ?? who, TZ: 'UTC' }, input)
}

async function makeToken(key: string, words: readonly string[]): Promise<void> {
  const { code, stdout, stderr } = await headroom('admin', ['token', 'create', ...words])
  expect([code, stderr]).toEqual([0, ''])
  tokens.set(key, stdout.trim())
}

async function asked(who: string, words: readonly string[]): Promise<z.infer<typeof command>> {
  const { stdout, stderr } = await headroom(who, [...words, '--json'])
  expect(stderr).toBe('')
  return command.parse(JSON.parse(stdout))
}

function post(who: string, path: string, body: string): Promise<Response> {
  return fetch(`${controller.url}/api/v1/${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${tokens.get(who) ?? who}`, 'content-type': 'application/json' },
    body,
  })
}

/** Commands that the agent has begun, by its own audit log. */
async function begun(): Promise<string[]> {
  const auditDirectory = join(directory.path, 'agent/audit')
  const files = (await readdir(auditDirectory)).filter((name) => name.endsWith('.jsonl'))
  const texts = await Promise.all(files.map((name) => readFile(join(auditDirectory, name), 'utf8')))
  const entries = texts.flatMap((text) => text.split('\n').filter((line) => line !== ''))
  return entries
    .map((line) => entryFrom(JSON.parse(line))?.what ?? {})
    .filter(({ event }) => event === 'begin')
    .map(({ verb, vm, actor }) => `${String(actor)}: ${String(verb)} ${String(vm)}`)
}

/** The newest entry of the controller's audit log. */
async function lastAudited(): Promise<z.infer<typeof auditEntries>['entries'][number]['what'] | undefined> {
  const { stdout } = await headroom('admin', ['audit', 'list', '--limit', '1', '--json'])
  return auditEntries.parse(JSON.parse(stdout)).entries[0]?.what
}

describe('a user who wants more than that one may', () => {
  it.each(verbNames.filter((verb) => verbOf(verb).role === 'owner' && Object.keys(verbOf(verb).args).length === 0))(
    'does not %s a VM of another, nor one that is nobody’s',
    async (verb) => {
      for (const vm of ['www', 'mail']) {
        const words = ['vm', verb, vm, ...(verbOf(verb).risk === 'safe' ? [] : ['--yes'])]
        const { state, verdicts } = await asked('ann', words)
        expect([state, verdicts.find(({ check }) => check === 'owner')?.ok]).toEqual(['refused', false])
        expect((await headroom('ann', words)).code).toBe(4)
        expect(await lastAudited()).toMatchObject({ event: 'asked', state: 'refused', verb, vm, actor: 'ann' })
        const dry = await asked('ann', ['vm', verb, vm, '--dry-run'])
        expect(dry.verdicts).toContainEqual({
          check: 'owner',
          ok: false,
          says: vm === 'www' ? 'www is of kure, not of ann' : 'nobody says whose VM mail is',
        })
      }
      expect(await begun()).toEqual([])
    },
  )

  it('does nothing as an owner that needs an operator, on her own VM', async () => {
    const { state, reason } = await asked('ann', ['vm', 'suspend', 'lab', '--yes'])
    expect([state, reason]).toEqual(['refused', 'suspend needs the role operator, and ann is owner'])
    expect(await begun()).toEqual([])
  })

  it.each([
    ...askableVerbs
      .filter((verb) => Object.keys(verbOf(verb).args).length === 0)
      .map((verb) => `vm ${verb} lab${verbOf(verb).risk === 'safe' ? '' : ' --yes'}`),
    'vm start lab --dry-run',
    'command cancel 1',
    'command approve 1',
    'user list',
    'user role vera admin',
    'user remove bob',
    'token create mine --role admin',
    'token list',
    'agent revoke two',
    'agent join-token',
    'ca rotate',
    'audit list',
    'alert silence --check no-room --reason x',
    'store backup x.db',
  ])('does nothing as a viewer: %s', async (text) => {
    const { code, stderr } = await headroom('vera', text.split(' '))
    expect([code, stderr]).toEqual([4, expect.stringMatching(/refuses this: .*vera is viewer/)])
    expect(await lastAudited()).toMatchObject({
      event: 'request-refused',
      actor: 'vera',
      reason: expect.stringMatching(/^forbidden: /),
    })
    expect(await begun()).toEqual([])
  })

  it('does nothing with a token beyond its bounds', async () => {
    await makeToken('bound', ['bound', '--role', 'operator', '--vm', 'l*', '--verb', 'resume', 'suspend'])
    const other = await asked('bound', ['vm', 'suspend', 'www', '--yes'])
    expect(other).toMatchObject({ state: 'refused', reason: 'the token is not good for a VM of this name' })
    const verb = await asked('bound', ['vm', 'shutdown', 'lab', '--yes'])
    expect(verb).toMatchObject({ state: 'refused', reason: 'the token is not good for shutdown' })
    expect(await headroom('bound', ['command', 'approve', '1'])).toMatchObject({ code: 4 })
    expect(await begun()).toEqual([])
  })

  it('does not end what another has asked for', async () => {
    await makeToken('late', ['late', '--role', 'operator'])
    const { number } = await asked('kure', ['vm', 'destroy', 'www', '--yes'])
    expect(await headroom('ann', ['command', 'cancel', String(number)])).toMatchObject({ code: 4 })
    expect((await asked('kure', ['command', 'cancel', String(number)])).state).toBe('cancelled')
    expect(await begun()).toEqual([])
  })
})

describe('what is no token any more', () => {
  it('opens nothing: revoked, of a user who was removed, wrong', async () => {
    await makeToken('gone', ['gone', '--role', 'admin'])
    const { stdout } = await headroom('admin', ['token', 'list', '--json'])
    const list = z.object({ tokens: z.array(z.object({ id: z.string(), name: z.string() })) }).parse(JSON.parse(stdout))
    const id = list.tokens.find(({ name }) => name === 'gone')?.id ?? ''
    await headroom('admin', ['token', 'revoke', id])
    await headroom('admin', ['user', 'add', 'tom', '--role', 'operator', '--password-file', '-'], password)
    await makeToken('tom', ['tom', '--role', 'operator', '--of-user'])
    await headroom('admin', ['user', 'remove', 'tom'])
    for (const who of ['gone', 'tom', 'wrong', '../../etc/passwd', "' OR 1=1 --"]) {
      const answer = await post(who, 'commands', JSON.stringify({ verb: 'suspend', vm: 'lab' }))
      expect([who, answer.status]).toEqual([who, 401])
      expect(await lastAudited()).toMatchObject({ event: 'request-refused', route: '/api/v1/commands' })
    }
    expect(await begun()).toEqual([])
  })

  it('is a login link that was used', async () => {
    const body = new URL(await controller.loginLink()).search.slice(1)
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const logIn = (): Promise<Response> =>
      fetch(`${controller.url}/login`, { method: 'POST', headers, body, redirect: 'manual' })
    expect((await logIn()).status).toBe(303)
    expect(await lastAudited()).toMatchObject({ event: 'login', actor: 'local-admin', by: 'key' })
    const again = await logIn()
    expect([again.status, again.headers.get('set-cookie')]).toEqual([401, null])
    expect(await lastAudited()).toMatchObject({ event: 'login-refused', by: 'key' })
  })
})

const injections = ['; reboot', '$(reboot)', '`reboot`', 'lab\nreboot', '../lab', 'lab\u0000', '__proto__', '*']

describe('words that mean more elsewhere', () => {
  it.each(injections)('%j is no VM, no verb and no argument', async (text) => {
    const tries: readonly (readonly [object, number])[] = [
      [{ verb: 'start', vm: text }, 404],
      [{ verb: text, vm: 'lab' }, 200],
      [{ verb: 'autostart', vm: 'lab', args: { enabled: text } }, 200],
      // The parser itself takes no object with that key.
      [{ verb: 'start', vm: 'lab', args: { [text]: text } }, text === '__proto__' ? 400 : 200],
      [{ verb: 'start', vm: 'lab', [text]: text }, 400],
    ]
    for (const [body, status] of tries) {
      const answer = await post('bob', 'commands', JSON.stringify(body))
      expect([body, answer.status]).toEqual([body, status])
      const made = z.looseObject({ state: z.string().optional() }).parse(await answer.json())
      expect(made.state).toBe(status === 200 ? 'refused' : undefined)
      expect(await lastAudited()).toMatchObject({ actor: 'bob' })
    }
    const { code } = await headroom('bob', ['vm', 'suspend', text, '--yes'])
    expect(code).toBe(1)
    expect(await begun()).toEqual([])
  })

  it('a megabyte is refused, wherever it stands', async () => {
    const long = 'x'.repeat(2 ** 20)
    for (const body of [
      { verb: long, vm: 'lab' },
      { verb: 'start', vm: long },
      { verb: 'autostart', vm: 'lab', args: { enabled: long } },
    ]) {
      expect((await post('bob', 'commands', JSON.stringify(body))).status).toBe(413)
      expect(await lastAudited()).toMatchObject({
        event: 'request-refused',
        actor: 'bob',
        reason: expect.stringMatching(/^body-too-large/),
      })
    }
    // Within the bounds of a body, beyond those of a name.
    const answer = await post('bob', 'commands', JSON.stringify({ verb: 'start', vm: 'x'.repeat(60_000) }))
    expect(answer.status).toBe(400)
    expect(await begun()).toEqual([])
  })
})

describe('a second person', () => {
  it('is another one, who may; then it is done, once', async () => {
    const { number, state } = await asked('ann', ['vm', 'destroy', 'lab', '--yes'])
    expect(state).toBe('pending-approval')
    const id = String(number)
    for (const who of ['ann', 'kure', 'vera', 'bound'])
      expect([who, (await headroom(who, ['command', 'approve', id])).code]).toEqual([who, 4])
    const own = await asked('bob', ['vm', 'destroy', 'www', '--yes'])
    expect(await headroom('bob', ['command', 'approve', String(own.number)])).toMatchObject({
      code: 4,
      stderr: expect.stringMatching(/bob asked for it: another person has to approve it/),
    })
    expect(await begun()).toEqual([])
    expect((await headroom('bob', ['command', 'approve', id])).code).toBe(0)
    await vi.waitFor(async () => expect((await asked('bob', ['command', 'show', id])).state).toBe('succeeded'), 10_000)
    expect(await begun()).toEqual(['ann: destroy lab'])
    expect(await headroom('bob', ['command', 'approve', id])).toMatchObject({ code: 1 })
    const rejected = await asked('admin', ['command', 'reject', String(own.number), '--reason', 'not today'])
    expect(rejected).toMatchObject({ state: 'refused', reason: 'local-admin rejected it: not today' })
    expect(await headroom('admin', ['command', 'approve', String(own.number)])).toMatchObject({ code: 1 })
    expect(await begun()).toEqual(['ann: destroy lab'])
  })

  it('comes too late for one whose asker is no user any more', async () => {
    const { number } = await asked('kure', ['vm', 'destroy', 'www', '--yes'])
    await headroom('admin', ['user', 'remove', 'kure'])
    expect(await headroom('bob', ['command', 'approve', String(number)])).toMatchObject({ code: 1 })
    expect(await asked('bob', ['command', 'show', String(number)])).toMatchObject({
      state: 'cancelled',
      reason: 'the user kure was removed',
    })
    expect(await begun()).toEqual(['ann: destroy lab'])
  })
})

describe('the end', () => {
  it('of an agent that is revoked: it gets no session and no command', async () => {
    const identity = await loadIdentity(join(directory.path, 'agent'))
    const { stdout } = await headroom('admin', ['agent', 'list', '--json'])
    const { agents } = z.object({ agents: z.array(z.object({ id: z.string() })) }).parse(JSON.parse(stdout))
    expect(await headroom('admin', ['agent', 'revoke', agents[0]?.id ?? ''])).toMatchObject({ code: 0 })
    expect(await lastAudited()).toMatchObject({ event: 'agent-revoked', actor: 'local-admin' })
    const session = openRawSession(`127.0.0.1:${controller.grpcPort}`, identity)
    session.hello({})
    expect((await session.ended).details).toMatch(/revoked/)
    const answer = await post('bob', 'commands', JSON.stringify({ verb: 'suspend', vm: 'www' }))
    // Its VMs are out with it.
    expect(answer.status).toBe(404)
    expect(await begun()).toEqual(['ann: destroy lab'])
  })

  it('of a token’s time', async () => {
    aheadMs = 31 * 86_400_000
    for (const who of ['ann', 'bob', 'late', 'bound'])
      expect((await post(who, 'commands', JSON.stringify({ verb: 'suspend', vm: 'www' }))).status).toBe(401)
  })

  it('no secret was written down', async () => {
    const secrets = [password, ...tokens.values()]
    const texts = [
      JSON.stringify(lines),
      (await headroom('admin', ['audit', 'list', '--limit', '1000', '--json'])).stdout,
    ]
    for (const file of await readdir(join(directory.path, 'controller/controller')))
      if (file.startsWith('state.db'))
        texts.push((await readFile(join(directory.path, 'controller/controller', file))).toString('latin1'))
    expect(texts.length).toBeGreaterThan(2)
    for (const text of texts) for (const secret of secrets) expect(text.includes(secret)).toBe(false)
    const check = z.object({ wrong: z.string().optional(), entries: z.number() })
    const verified = check.parse(JSON.parse((await headroom('admin', ['audit', 'verify', '--json'])).stdout))
    expect(verified.wrong).toBeUndefined()
  })
})
