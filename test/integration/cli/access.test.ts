import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'

import { startApiFixture, type ApiFixture } from '../../support/api-fixture.js'
import { runCliHere, type CliRun } from '../../support/cli/run-cli.js'

/** `headroom user` and `token` against the real API. */

let fixture: ApiFixture
let directory: string
beforeAll(async () => {
  fixture = await startApiFixture()
  // The program's clock is the true one.
  fixture.clock.now = Date.now()
  directory = await mkdtemp(join(tmpdir(), 'headroom-access-'))
})
afterAll(async () => {
  await fixture.stop()
  await rm(directory, { recursive: true })
})

function run(line: string, input = '', env: Record<string, string> = {}): Promise<CliRun> {
  const all = { HEADROOM_URL: fixture.api.url, HEADROOM_TOKEN: fixture.token, TZ: 'UTC', ...env }
  return runCliHere(line.split(' '), all, input)
}

test('users come, change and go', async () => {
  expect(await run('user add ann --role owner', 'correct horse battery\n')).toEqual({
    code: 0,
    stdout: 'ann is a user now: owner\n',
    stderr: '',
  })
  expect((await run('user list')).stdout).toMatch(/NAME +ROLE +CHANGED\nann +owner +/)
  expect((await run('user role ann operator')).stdout).toBe('ann is operator now\n')
  expect((await run('user passwd ann', 'another horse battery')).stdout).toMatch(/another password/)
  expect(await run('user add ann --role viewer', 'correct horse battery')).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/the name "ann" is taken/),
  })
  expect((await run('user remove ann')).stdout).toBe('ann is removed\n')
  expect((await run('user list')).stdout).toBe('no users\n')
})

test('a user changes the own password, by the old one', async () => {
  await run('user add eve --role viewer', 'correct horse battery\n')
  const file = join(directory, 'eve-token')
  expect((await run(`token create eve --of-user --role viewer --file ${file}`)).code).toBe(0)
  const old = join(directory, 'old')
  await writeFile(old, 'correct horse battery\n')
  const asEve = `--token-file ${file} user password --old-password-file ${old}`
  const env = { HEADROOM_TOKEN: '' }
  expect(await run(asEve, 'another horse battery', env)).toMatchObject({
    code: 0,
    stdout: 'eve has another password\n',
  })
  expect(await run(asEve, 'a third horse battery', env)).toMatchObject({
    code: 4,
    stderr: expect.stringMatching(/the old password is wrong/),
  })
  expect(await run('user password', 'x', env)).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/nobody to ask/),
  })
  await run('user remove eve')
})

test.each([
  ['user add bob --role viewer', '', 2, /standard input is no password/],
  ['user add bob --role viewer', 'short\n', 1, /at least 10 characters/],
  ['user add bob --role root', 'correct horse battery', 2, /Allowed choices are viewer, owner/],
  ['user add bob', 'correct horse battery', 2, /--role/],
  ['user passwd bob', 'correct horse battery', 1, /no user is named "bob"/],
  ['user add bob --role viewer --password secret-in-argv', '', 2, /unknown option '--password'/],
  ['token create x --role viewer --verb explode', '', 2, /Allowed choices are start/],
  ['token create x --role viewer --valid soon', '', 2, /Expected a duration/],
  ['token revoke nothing', '', 1, /no token has the id "nothing"/],
  ['status --token secret-in-argv', '', 2, /unknown option '--token'/],
])('%s is refused', async (line, input, code, says) => {
  const got = await run(line, input)
  expect([got.code, got.stdout]).toEqual([code, ''])
  expect(got.stderr).toMatch(says)
})

test('a token is printed alone, once, or written to a file that only its owner may read', async () => {
  const printed = await run('token create ci --role viewer --valid 1h --note builds')
  expect([printed.code, printed.stderr]).toEqual([0, ''])
  expect(printed.stdout).toMatch(/^[\w-]{43}\n$/)
  expect((await run('status', '', { HEADROOM_TOKEN: printed.stdout.trim() })).code).toBe(0)
  const file = join(directory, 'token')
  const written = await run(`token create bot --role operator --vm lab* www --verb start resume --file ${file}`)
  expect(written.stdout).toMatch(/^the token [0-9a-f]{12} of bot is in /)
  expect((await stat(file)).mode & 0o777).toBe(0o600)
  const secret = (await readFile(file, 'utf8')).trim()
  expect(secret).toMatch(/^[\w-]{43}$/)
  expect((await run('status', '', { HEADROOM_TOKEN: '', HEADROOM_TOKEN_FILE: file })).code).toBe(0)
  expect((await run(`status --token-file ${file}`, '', { HEADROOM_TOKEN: 'wrong' })).code).toBe(0)
  const { stdout } = await run('token list')
  expect(stdout).toMatch(/bot +operator +VMs lab\*, www; start, resume +(30d|29d 23h) +local-admin/)
  expect(stdout).toMatch(/ci +viewer +(1h|59m \d+s) +local-admin +builds/)
  expect(stdout).not.toContain(secret)
  // What is there is not written over, and nothing is made then.
  expect(await run(`token create other --role viewer --file ${file}`)).toMatchObject({ code: 2 })
  const { tokens } = z
    .object({ tokens: z.array(z.object({ id: z.string(), name: z.string() })) })
    .parse(JSON.parse((await run('token list --json')).stdout))
  expect(tokens.map(({ name }) => name)).toEqual(['local-admin', 'ci', 'bot'])
  const id = tokens.find(({ name }) => name === 'ci')?.id ?? ''
  expect((await run(`token revoke ${id}`)).stdout).toBe(`the token ${id} of ci is void\n`)
  expect((await run('status', '', { HEADROOM_TOKEN: printed.stdout.trim() })).code).toBe(4)
})
