import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'

import { startApiFixture, type ApiFixture } from '../../support/api-fixture.js'
import { elabArrayKey } from '../../support/elab-fleet.js'
import { elabGoldenExceptions, elabGoldenFindings } from '../../support/elab-golden.js'
import { runCliHere } from '../../support/cli/run-cli.js'

/** The program against the real API over the elab fleet: what one asks, the other answers. */

let fixture: ApiFixture

beforeAll(async () => {
  fixture = await startApiFixture()
})

afterAll(() => fixture.stop())

const run = (line: string, token = fixture.token) =>
  runCliHere(line.split(' '), { HEADROOM_URL: fixture.api.url, HEADROOM_TOKEN: token })

test.each([
  ['status', 0, '31 of 31 running'],
  ['status --check', 3, 'xenhv01'],
  ['host list', 0, 'xenhv04'],
  ['host show xenhv01', 0, '-512 MiB'],
  ['vm list', 0, 'fiap-mgmt'],
  ['vm show bell', 0, 'running (booted)'],
  ['array list', 0, 'iscsi1'],
  ['agent list', 0, 'no agents are enrolled'],
  ['agent capabilities esxhv01', 0, 'esxhv01 (esxi)'],
  ['top --by cpu', 0, 'no VM has a figure for CPU yet'],
  ['top --by latency -n 100', 0, 'no VM has a figure for latency yet'],
  ['top --by memory -n 3', 0, 'panda'],
  ['capacity', 0, 'room for 8 new VMs of 1 GiB'],
  ['capacity --reserve 1GiB', 0, 'room for 12 new VMs of 1 GiB'],
  ['capacity --vm-memory 512MiB', 0, 'of 512 MiB'],
  ['policy show', 0, '# No policy file: these are the defaults'],
  ['policy show --vms', 0, 'fiap-mgmt'],
  ['policy history', 0, 'no versions'],
  ['policy init -', 0, `  - { name: iscsi1, match: ${JSON.stringify(elabArrayKey)} }   # 12 VMs`],
  ['policy check deploy/policy/elab.yaml', 0, 'reserve-host-empty      vm:panda'],
  [
    'policy check deploy/config/policy.yaml',
    0,
    'It would find 6 warnings, 6 for information\nAll of them are found now too',
  ],
  ['events --vm bell -n 500', 0, 'no events'],
  ['user list', 0, 'no users'],
  ['token list', 0, 'local-admin'],
] as const)('%s ends with %d', async (line, code, text) => {
  const { code: got, stdout, stderr } = await run(line)
  expect([got, stderr]).toEqual([code, ''])
  expect(stdout).toContain(text)
})

test.each([
  ['vm show bel', 'headroom: no VM is named bel\n  similar: bell\n'],
  ['vm show a/../b', 'headroom: no VM is named a/../b'],
  ['host show xenhv1', 'similar: xenhv01'],
  ['events --vm bel', 'similar: bell'],
  ['capacity --reserve 99999999999TiB', 'reserve'],
])('%s fails with a word', async (line, text) => {
  const { code, stdout, stderr } = await run(line)
  expect([code, stdout]).toEqual([1, ''])
  expect(stderr).toContain(text)
})

test('policy check finds of the elab what is known of it, and nothing else', async () => {
  const { code, stdout, stderr } = await run('policy check deploy/policy/elab.yaml --json')
  expect([code, stderr]).toEqual([0, ''])
  const said = z.object({ check: z.string(), subject: z.string(), severity: z.string() })
  const { problems, notes, findings, excepted } = z
    .object({
      problems: z.array(z.unknown()),
      notes: z.array(z.unknown()),
      findings: z.array(said),
      excepted: z.array(said),
    })
    .parse(JSON.parse(stdout))
  expect([problems, notes]).toEqual([[], []])
  expect(findings.map((one) => `${one.severity} ${one.check} ${one.subject}`).toSorted()).toEqual(elabGoldenFindings)
  expect(excepted.map((one) => `${one.check} ${one.subject}`)).toEqual(elabGoldenExceptions)
})

test('a wrong token is refused', async () => {
  expect((await run('status', 'wrong')).code).toBe(4)
})

test('a login link opens the page once', async () => {
  const { url } = z
    .object({ url: z.string(), expiresAt: z.number() })
    .parse(JSON.parse((await run('login --json')).stdout))
  const body = new URL(url).searchParams
  const login = () => fetch(new URL('/login', fixture.api.url), { method: 'POST', body, redirect: 'manual' })
  expect((await login()).status).toBe(303)
  expect((await login()).status).toBe(401)
})

test('the JSON of capacity and of the list of VMs has what programs rely on', async () => {
  const capacity = z
    .object({
      hosts: z.array(
        z.object({
          name: z.string(),
          room: z.number(),
          shortOfNextBytes: z.number(),
          memoryBytes: z.number(),
          configuredBytes: z.number(),
          reserveBytes: z.number(),
        }),
      ),
      fleet: z.object({ room: z.literal(8), survivesHostFailure: z.literal(false) }),
    })
    .parse(JSON.parse((await run('capacity --json')).stdout))
  const rooms = Object.fromEntries(capacity.hosts.map(({ name, room }) => [name, room]))
  expect(rooms).toMatchObject({ xenhv01: 0, xenhv02: 0, xenhv03: 4, xenhv04: 1 })
  const { vms } = z
    .object({
      vms: z.array(
        z.object({
          uuid: z.uuid(),
          name: z.string(),
          host: z.string(),
          state: z.string(),
          memoryBytes: z.number(),
          writeLatencyMs: z.never().optional(),
        }),
      ),
    })
    .parse(JSON.parse((await run('vm list --json')).stdout))
  expect(vms.length).toBe(31)
})
