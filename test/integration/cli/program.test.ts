import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'

import {
  capabilityView,
  capacityView,
  hostView,
  policyVersionView,
  policyView,
  topView,
  vmView,
  whyView,
} from '../../../controller/api/views.js'
import { runCliHere, runCliProcess } from '../../support/cli/run-cli.js'
import { sampleVm } from '../../support/cli/sample-views.js'
import { type StandIn, standInToken, startStandIn } from '../../support/cli/stand-in-controller.js'

/** The whole program against a stand-in of the controller: mostly in this process, its exit codes in processes of their own. */

let standIn: StandIn
let env: Record<string, string>

beforeAll(async () => {
  standIn = await startStandIn()
  env = { HEADROOM_URL: standIn.url, HEADROOM_TOKEN: standInToken }
})

afterAll(() => standIn.close())

const capabilitiesDocument = z.strictObject({
  ...hostView.pick({ id: true, name: true, kind: true, simulated: true, agentId: true }).shape,
  capabilities: z.array(capabilityView).min(1),
})

const wordsOf = (line: string) => (line === '' ? [] : line.split(' '))
const run = (line: string, more: Record<string, string> = {}) => runCliHere(wordsOf(line), { ...env, ...more })

async function closedPort(): Promise<string> {
  const { url, close } = await startStandIn()
  await close()
  return url
}

test.each([
  ['status', {}, 0],
  ['vm show nobody', {}, 1],
  ['frobnicate', {}, 2],
  ['status --check', {}, 3],
  ['status', { HEADROOM_TOKEN: 'wrong' }, 4],
] as const)('a process of %s with %o exits with %d', async (line, more, code) => {
  const got = await runCliProcess(wordsOf(line), { ...env, ...more })
  expect(got.code).toBe(code)
  expect(got.stdout === '').toBe(code === 1 || code === 2 || code === 4)
  expect(got.stderr === '').toBe(code === 0 || code === 3)
})

test('a process exits with 5 where nobody answers, with 6 where the answer to a change is lost', async () => {
  const nobody = await runCliProcess(['status'], { ...env, HEADROOM_URL: await closedPort() })
  expect([nobody.code, nobody.stdout]).toEqual([5, ''])
  expect(nobody.stderr).toContain('is it running? (systemctl status headroom-controller, or npm start)')
  const other = await startStandIn((method) => (method === 'POST' ? 'break-off' : undefined))
  const lost = await runCliProcess(['login'], { ...env, HEADROOM_URL: other.url })
  await other.close()
  expect([lost.code, lost.stdout]).toEqual([6, ''])
  expect(lost.stderr).toContain('the change may have happened or not')
})

test.each([
  ['status', 0, 'Hosts           4 of 5 up'],
  ['status --check', 3, 'Findings        1 critical'],
  ['capacity --check', 3, '3; 2 MiB short of 4'],
  ['capacity --reserve 1GiB --vm-memory 2GiB', 0, 'Fleet: room for 4 new VMs of 1 GiB'],
  ['host list', 0, 'esxhv01  silent'],
  ['host show xenhv01', 0, 'HP ProLiant DL120 G6'],
  ['vm list', 0, '5a1e0000-0000-4000-8000-000000000001'],
  ['vm show bell', 0, 'running (booted)'],
  ['why bell', 0, 'bell on xenhv01: running; 2 things need somebody'],
  ['array list', 0, 'iscsi:iqn.2011-03.lab.elab:iscsi1'],
  ['agent list', 0, 'no /proc/pressure'],
  ['agent list', 0, 'xenhv09'],
  ['agent capabilities', 0, 'xenhv01 (xen, simulated)'],
  ['agent capabilities far', 0, 'disk-latency  degraded  means of 20 s'],
  ['agent capabilities xenhv02', 0, 'memory-guest  no'],
  ['agent grant elab xenhv09', 0, 'elab may speak for xenhv09 now'],
  ['agent revoke elab', 0, 'elab (agent-1) is revoked'],
  ['agent forget elab', 0, 'elab (agent-1) is forgotten'],
  ['agent join-token list', 0, 'the two new ones in rack 3'],
  ['agent join-token revoke aB3dE6gH', 0, 'the join token aB3dE6gH is void'],
  ['agent join-token --json', 0, '"token": "aB3dE6gH.secret.hash"'],
  ['ca show', 0, 'Agents that have not renewed'],
  ['ca rotate', 0, 'Former trusted'],
  ['ca rotate --finish', 0, 'trusted no more'],
  ['policy show', 0, '# NOT in force is the file as it is'],
  ['policy show --vms', 0, 'core (groups.0)'],
  ['policy history', 0, 'while it ran'],
  ['policy history 3', 0, '-limits: { hostReserve: 2GiB }\n+limits: { hostReserve: 3GiB }\n'],
  ['policy history 3 --against 1', 0, '-limits: { hostReserve: 1GiB }\n+limits: { hostReserve: 3GiB }\n'],
  ['policy history 1', 0, '+limits: { hostReserve: 1GiB }'],
  ['policy history 2 --text', 0, 'limits: { hostReserve: 2GiB }\n'],
  ['policy check deploy/policy/elab.yaml --offline', 0, 'the file is a policy'],
  ['policy check deploy/policy/elab.yaml', 3, 'no VM is called "bel"'],
  ['policy init -', 0, 'hosts:\n  - { match: xenhv01 }   # xen, 9 VMs'],
  ['top --by write -n 3', 0, '▾ WRITE'],
  ['events', 0, 'crashed (panicked)  kure       xenhv04'],
  ['login', 0, 'http://127.0.0.1:8420/login?key=once\n'],
  ['--version', 0, 'headroom 0.'],
  ['--help', 0, 'Exit codes:\n  0  done'],
  ['help vm', 0, 'show <name>'],
])('%s ends with %d', async (line, code, text) => {
  const { code: got, stdout, stderr } = await run(line)
  expect([got, stderr]).toEqual([code, ''])
  expect(stdout).toContain(text)
  expect(stdout).not.toContain('\u001b')
})

test.each([
  ['', {}, 2, 'Usage: headroom'],
  ['vm', {}, 2, 'Usage: headroom vm'],
  ['frobnicate', {}, 2, "unknown command 'frobnicate'"],
  ['vm list --frobnicate', {}, 2, "unknown option '--frobnicate'"],
  ['vm show', {}, 2, "missing required argument 'name'"],
  ['top --by colour', {}, 2, 'Allowed choices are cpu, memory'],
  ['top -n 0', {}, 2, 'a whole number from 1 to 100'],
  ['capacity --reserve 5', {}, 2, 'such as 512MiB'],
  ['agent join-token --valid 5', {}, 2, 'such as 30m or 1h'],
  ['agent capabilities xenhv1', {}, 1, 'no agent and no host is named xenhv1\n  similar: xenhv01'],
  ['agent capabilities former', {}, 1, 'the agent former has told of no host yet'],
  ['agent revoke', {}, 2, "missing required argument 'agent'"],
  ['agent revoke nobody', {}, 1, 'no agent of that name'],
  ['ca rotate --force', {}, 2, '--force goes with --finish'],
  ['policy history 0', {}, 2, 'the number of a version'],
  ['policy history --text', {}, 2, 'go with the number of a version'],
  ['policy history 9', {}, 1, 'no such version'],
  ['policy check /nowhere.yaml', {}, 1, 'there is no file /nowhere.yaml\n  headroom policy init drafts one'],
  ['policy check /dev/null --offline', {}, 1, '/dev/null: the file: expected a policy, got an empty file'],
  [
    'policy check package.json --offline',
    {},
    1,
    'package.json:2: name: expected a known key (13 names), got unknown key "name"',
  ],
  ['policy init package.json', {}, 1, 'package.json exists\n  give another name, or --force'],
  ['policy init /nowhere/policy.yaml', {}, 1, '/nowhere/policy.yaml cannot be written: ENOENT'],
  ['status --json --watch', {}, 2, 'cannot be used with'],
  ['status --url nonsense', {}, 2, 'no address of a controller'],
  ['vm show bel', {}, 1, 'headroom: no VM is named bel\n  similar: bell\n'],
  ['why bel', {}, 1, 'headroom: no VM is named bel\n  similar: bell\n'],
  ['host show xenhv1', {}, 1, 'similar: xenhv01'],
  ['events --vm bel', {}, 1, 'no VM is named bel\n  similar: bell'],
  ['status', { HEADROOM_TOKEN: 'wrong' }, 4, 'the token was refused by the controller at'],
  ['status --data /nowhere', { HEADROOM_TOKEN: '' }, 4, '/nowhere/controller/api-token does not exist'],
  ['top --json --watch=1 --once', {}, 2, 'cannot be used with'],
] as const)('%s with %o ends with %d', async (line, more, code, text) => {
  const { code: got, stdout, stderr } = await run(line, more)
  expect(got).toBe(code)
  expect(stderr).toContain(text)
  expect(stdout).toBe('')
})

test.each([
  ['vm list --json', z.strictObject({ vms: z.array(vmView) })],
  ['--json vm list', z.strictObject({ vms: z.array(vmView) })],
  ['vm --json list', z.strictObject({ vms: z.array(vmView) })],
  ['agent capabilities --json', z.strictObject({ hosts: z.array(capabilitiesDocument).length(3) })],
  ['agent capabilities --json elab', z.strictObject({ hosts: z.array(capabilitiesDocument).length(2) })],
  ['capacity --json', capacityView],
  ['why bell --json', whyView],
  ['policy show --json', policyView],
  ['policy history --json', z.strictObject({ versions: z.array(policyVersionView).length(3) })],
  ['top --json --by write', topView],
] as const)('%s prints one document', async (line, schema) => {
  const { code, stdout } = await run(line)
  expect(code).toBe(0)
  schema.parse(JSON.parse(stdout))
  expect(stdout.split('\n').length).toBeGreaterThan(5)
  expect(stdout.endsWith('}\n')).toBe(true)
})

test('a join token is one command line alone on stdout, with notes beside it', async () => {
  const { code, stdout, stderr } = await run('agent join-token --host xenhv07 xenhv08 --valid 2h --note two')
  const address = `${new URL(standIn.url).hostname}:8421`
  expect([code, stdout]).toEqual([0, `headroom-agent join --controller ${address} --token aB3dE6gH.secret.hash\n`])
  expect(stderr).toContain('listens for agents of its own machine only')
  expect(stderr).toContain('grpc.advertise in the configuration names another address')
})

test('JSON leaves out what is absent', async () => {
  const vms = z.object({ vms: z.array(vmView) }).parse(JSON.parse((await run('vm list --json')).stdout)).vms
  const cc = vms.find(({ name }) => name === 'cc')
  expect(cc).toMatchObject({ name: 'cc', host: 'esxhv01', state: 'shutoff' })
  expect(Object.keys(cc ?? {})).not.toContain('writeLatencyMs')
})

test('a name that attacks the terminal is shown, not obeyed', async () => {
  const name = 'a\u001b[2J\u009b31m\u202e'
  const body = sampleVm({ name, title: '\u001b]0;x\u0007' })
  const other = await startStandIn((_method, { pathname }) =>
    pathname.startsWith('/api/v1/vms/') ? { status: 200, body } : undefined,
  )
  const more = { HEADROOM_URL: other.url }
  const [table, json] = await Promise.all([run('vm show a', more), run('vm show a --json', more)])
  await other.close()
  expect(table.stdout).toContain('a\\x1b[2J\\x9b31m\\u202e')
  for (const { stdout } of [table, json]) expect(stdout.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u)
  expect(vmView.parse(JSON.parse(json.stdout)).name).toBe(name)
})

test('an error of the controller cannot attack it either', async () => {
  const other = await startStandIn(() => ({ status: 500, body: { code: 'internal', message: 'a\u001b[2J\nb' } }))
  const { code, stderr } = await run('status', { HEADROOM_URL: other.url })
  await other.close()
  expect(code).toBe(1)
  expect(stderr).toBe(`headroom: the controller at ${other.url} says: a\\x1b[2J\\x0ab\n`)
})
