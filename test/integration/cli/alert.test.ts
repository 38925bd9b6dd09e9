import { afterAll, beforeAll, expect, test } from 'vitest'

import { finding } from '../../../controller/model/finding.js'
import { plainSettings } from '../../support/alerts/timeline.js'
import { startApiFixture, type ApiFixture } from '../../support/api-fixture.js'
import { runCliHere, type CliRun } from '../../support/cli/run-cli.js'
import { uuidOf } from '../../support/snapshot-builder.js'

let fixture: ApiFixture

beforeAll(async () => {
  fixture = await startApiFixture()
  // The command counts ages by its own clock.
  fixture.clock.now = Date.now()
  const [all] = plainSettings.routes
  fixture.checks.settings = {
    ...plainSettings,
    defaultHold: { raiseAfterMs: 0, clearAfterMs: 0 },
    routes: all === undefined ? [] : [{ ...all, name: 'admins', to: [{ kind: 'email', to: ['{owner}@example.org'] }] }],
  }
  const panda = { kind: 'vm', id: uuidOf('panda'), name: 'panda' } as const
  fixture.checks.findings = [
    finding({ check: 'vm-disk-latency', severity: 'warning', subject: panda, message: 'waits 30 ms' }),
  ]
  await fixture.desk.step()
})
afterAll(() => fixture.stop())

function run(...words: readonly string[]): Promise<CliRun> {
  return runCliHere(words, { HEADROOM_URL: fixture.api.url, HEADROOM_TOKEN: fixture.token })
}

test('an alert is listed, shown, acknowledged, silenced, and ends', async () => {
  const listed = await run('alert', 'list', '--check')
  expect(listed.stdout).toMatch(/1 +warning +firing .*vm:panda +vm-disk-latency +waits 30 ms/)
  expect(listed.code).toBe(3)
  const silenced = await run('alert', 'silence', '1', '--for', '2h', '--reason', 'moving it')
  expect([silenced.code, silenced.stdout]).toEqual([0, expect.stringMatching(/^silenced until .*: (\w+)\n$/)])
  await fixture.desk.step()
  expect((await run('alert', 'list')).stdout).toMatch(/1 +warning +silenced/)
  expect((await run('alert', 'silence', 'list')).stdout).toMatch(
    /(2h|1h 59m) +vm-disk-latency +vm:panda +local-admin +moving it/,
  )
  const id = /: (\w+)\n$/.exec(silenced.stdout)?.[1] ?? ''
  expect((await run('alert', 'silence', 'end', id)).code).toBe(0)
  expect((await run('alert', 'silence', 'list')).stdout).toBe('nothing is silenced\n')
  await fixture.desk.step()
  expect((await run('alert', 'ack', '1', '--note', 'on it')).stdout).toBe('alert 1 is acknowledged until it is over\n')
  expect((await run('alert', 'list', '--check')).code).toBe(0)
  expect((await run('alert', 'show', '1')).stdout).toMatch(/Acknowledged +by local-admin, .* ago: on it/)
  fixture.checks.findings = []
  await fixture.desk.step()
  expect((await run('alert', 'list')).stdout).toBe('no alert fires\n')
  expect((await run('alert', 'show', '1')).stdout).toContain('alert 1 is over')
  const history = await run('alert', 'history', '--subject', 'vm:p*', '--json')
  expect(JSON.parse(history.stdout)).toMatchObject({
    history: ['resolved', 'acknowledged', 'heard', 'silenced', 'fired'].map((what) => ({ what })),
  })
  expect((await run('alert', 'history', '--check', 'other')).stdout).toBe('nothing happened to alerts\n')
})

test('a route is tested, and the exit code says whether that went well', async () => {
  expect((await run('alert', 'route')).stdout).toMatch(/admins +email +\{owner\}@example\.org +0/)
  const nobody = await run('alert', 'test', 'admins')
  expect([nobody.code, nobody.stdout]).toEqual([1, expect.stringContaining('no recipient')])
  const ann = await run('alert', 'test', 'admins', '--owner', 'ann')
  expect([ann.code, ann.stdout]).toEqual([0, expect.stringMatching(/email +\{owner\}@example\.org +sent/)])
})

test.each([
  [['alert', 'show', '7'], 1, 'no alert has the number 7'],
  [['alert', 'show', 'x'], 2, 'whole number'],
  [['alert', 'silence', '--for', '1h', '--reason', 'x'], 2, 'what is to be silenced'],
  [['alert', 'silence', '--check', 'a'], 2, 'needs a reason'],
  [['alert', 'silence', '1', '--check', 'a', '--reason', 'x'], 2, 'leave --check and --subject out'],
  [['alert', 'silence', '--check', 'a', '--for', '1x', '--reason', 'x'], 2, 'duration'],
  [['alert', 'silence', 'end', 'none'], 1, 'no silence that was made here has the id'],
  [['alert', 'test', 'nowhere'], 1, 'one of admins'],
])('%j ends with %d', async (words, code, text) => {
  const { code: ended, stderr } = await run(...words)
  expect([ended, stderr]).toEqual([code, expect.stringContaining(text)])
})
