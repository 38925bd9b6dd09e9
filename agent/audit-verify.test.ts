import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, expect, test } from 'vitest'

import { createLog } from '../common/log.js'
import { verifyAudit } from './audit-verify.js'
import { AuditLog } from './commands/audit-log.js'

let data: string
beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), 'headroom-verify-'))
})
afterEach(() => rm(data, { recursive: true }))

async function filled(): Promise<string> {
  const audit = await AuditLog.open(join(data, 'audit'), { now: () => 1, log: createLog('test', 'silent') })
  for (const id of ['a', 'b', 'c']) await audit.append({ event: 'begin', id })
  return join(data, 'audit', '000000000001.jsonl')
}

test('says that a log is whole, by its configuration too, and changes nothing', async () => {
  await filled()
  const config = join(data, 'agent.yaml')
  await writeFile(config, `data: ${data}\n`)
  const before = await readdir(join(data, 'audit'))
  for (const words of [
    ['--data', data],
    ['--config', config],
  ]) {
    const { code, text } = await verifyAudit(['verify', ...words])
    expect([code, text]).toEqual([
      0,
      expect.stringMatching(/is whole: its last entry is number 3 \([0-9a-f]{16}…\)\n$/),
    ])
  }
  expect(await readdir(join(data, 'audit'))).toEqual(before)
})

test('says what is wrong', async () => {
  const file = await filled()
  const text = await readFile(file, 'utf8')
  await writeFile(file, text.replace('"id":"b"', '"id":"x"'))
  expect(await verifyAudit(['verify', '--data', data])).toEqual({
    code: 1,
    text: `the audit log in ${join(data, 'audit')} is not whole: entry 2 was altered\n`,
  })
})

test('does not take a line that is being written for a wrong one', async () => {
  const file = await filled()
  await writeFile(file, `${await readFile(file, 'utf8')}{"seq":4,"at`)
  expect((await verifyAudit(['verify', '--data', data])).code).toBe(0)
})

test.each([
  [['verify', '--data', '/nowhere'], 1, 'is not there'],
  [['verify', '--config', '/nowhere.yaml'], 1, '/nowhere.yaml'],
  [['verify', '--what'], 2, 'Usage: headroom-agent audit verify'],
  [['list'], 2, 'Usage'],
  [['--help'], 0, 'Usage'],
])('%j', async (words, code, says) => {
  expect(await verifyAudit(words)).toEqual({ code, text: expect.stringContaining(says) })
})
