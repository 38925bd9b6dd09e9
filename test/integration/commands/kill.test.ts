import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { z } from 'zod'

import { verifyAuditLog } from '../../../agent/commands/audit-log.js'

const child = fileURLToPath(new URL('../../support/command-child.ts', import.meta.url))
const told = z.object({ state: z.string(), reason: z.string() })

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'headroom-command-'))
})
afterEach(() => rm(directory, { recursive: true, force: true }))

function run(point: string): Promise<{ readonly signal: string | undefined; readonly said: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, ['--import', 'tsx', child, directory, point], { timeout: 50_000 }, (error, stdout) => {
      resolve({ signal: error?.signal ?? undefined, said: stdout })
    })
  })
}

async function acts(): Promise<number> {
  const text = await readFile(join(directory, 'acts'), 'utf8').catch(() => '')
  return text.split('\n').filter((line) => line !== '').length
}

describe('a command whose agent is killed', () => {
  it.each([
    ['before the beginning is written', 1, 'succeeded', /^$/],
    ['after the beginning is written', 0, 'unknown', /^the agent ended while it ran; it is running: it was not halted/],
    ['before the act', 0, 'unknown', /^the agent ended while it ran; it is running/],
    ['after the act', 1, 'succeeded', /^the agent ended while it ran; it is paused$/],
    ['before the end is written', 1, 'succeeded', /^the agent ended while it ran; it is paused$/],
    ['after the end is written', 1, 'succeeded', /^$/],
    ['told', 1, 'succeeded', /^$/],
  ])('%s is done at most once, and its end is true', async (point, done, state, reason) => {
    expect(await run(point)).toEqual({ signal: 'SIGKILL', said: '' })
    const { said } = await run('')
    expect(told.parse(JSON.parse(said))).toEqual({ state, reason: expect.stringMatching(reason) })
    expect(await acts()).toBe(done)
    expect(await verifyAuditLog(join(directory, 'audit'))).toBeUndefined()
    // A third life does nothing either.
    expect(told.parse(JSON.parse((await run('')).said)).state).toBe(state)
    expect(await acts()).toBe(done)
  })
})
