import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, expect, it } from 'vitest'

import type { ExecArgument, ExecEntry } from '../../../agent/commands/exec-entry.js'
import { HandControl } from '../../support/hand-control.js'
import { VerbBench } from '../../support/verb-bench.js'
import { waitFor } from '../../support/wait-for.js'

/** Real programs, on a VM in memory. */

const uuid = '00000000-0000-4000-8000-00000000000a'
let directory: string
let bench: VerbBench

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'headroom-exec-'))
  const control = new HandControl()
  control.add(uuid, 'alpha')
  bench = new VerbBench(control, uuid)
})
afterEach(() => rm(directory, { recursive: true, force: true }))

async function entryOf(script: string, args: readonly ExecArgument[] = [], timeoutMs = 20_000): Promise<ExecEntry> {
  const program = join(directory, 'program')
  await writeFile(program, `#!/bin/sh\n${script}\n`)
  await chmod(program, 0o700)
  const entry = { name: 'job', program, arguments: args, timeoutMs, isBulk: false }
  bench.programs = [entry]
  return entry
}

const fileOf = (name: string): string => join(directory, name)

/** The process that the program has started, and named in a file. Whoever inherits it may take a moment to bury it. */
async function isGone(): Promise<void> {
  const pid = Number(await readFile(fileOf('pid'), 'utf8'))
  await waitFor(5000, 'it to be gone', () => Promise.resolve(!isAlive(pid)))
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

it('runs a listed program with arguments that no shell sees, in a clean environment', async () => {
  process.env['HEADROOM_SECRET'] = 'not for it'
  await entryOf('printf "%s|" "$@"; pwd; env', ['-v', { matches: /^[^]*$/u }, { vm: 'uuid' }])
  const evil = '; touch /tmp/x $(id) `id` > y'
  expect(await bench.run('exec', { entry: 'job', arg1: evil })).toEqual({ state: 'succeeded' })
  delete process.env['HEADROOM_SECRET']
  const said = bench.said.join('\n')
  expect(said).toContain(`-v|${evil}|${uuid}|/\n`)
  expect(said).not.toContain('HEADROOM_SECRET')
})

it('refuses what is not listed and what does not match, before anything runs', async () => {
  await entryOf(`touch ${fileOf('ran')}`, [{ matches: /^[0-9]$/u }])
  for (const args of [{ entry: 'other' }, { entry: 'job' }, { entry: 'job', arg1: '../x' }]) {
    expect(await bench.checks('exec', args)).toMatchObject([{ check: 'entry', ok: false }])
    await expect(bench.run('exec', args)).rejects.toThrow(/no program other|takes 1 arguments|does not match/)
  }
  await expect(readFile(fileOf('ran'))).rejects.toThrow('ENOENT')
  bench.programs = [{ name: 'job', program: '/nonexistent', arguments: [], timeoutMs: 1000, isBulk: false }]
  await expect(bench.run('exec', { entry: 'job' })).rejects.toThrow(/ENOENT/)
})

it('tells how it ended, and bounds what it says', async () => {
  await entryOf('echo to out; echo to err >&2; exit 3')
  expect(await bench.run('exec', { entry: 'job' })).toEqual({ state: 'failed', reason: 'it ended with code 3' })
  expect(bench.said.join('\n').split('\n').toSorted()).toEqual(['to err', 'to out'])
  bench.said.length = 0
  await entryOf('head -c 3000000 /dev/zero | tr "\\0" "x"; echo; echo last')
  expect(await bench.run('exec', { entry: 'job' })).toEqual({ state: 'succeeded' })
  const said = bench.said.join('\n')
  expect(said.length).toBeLessThan(50_000)
  expect(said).toMatch(/\[… 29508\d\d bytes more\]$/)
})

it('ends it with all that it has started when its time is over, and when it is cancelled', async () => {
  // Both ignore the friendly signal.
  const script = `trap "" TERM; sleep 600 & echo $! > ${fileOf('pid')}; sleep 600`
  await entryOf(script, [], 500)
  expect(await bench.run('exec', { entry: 'job' })).toMatchObject({
    state: 'failed',
    reason: 'it was ended: it may take 500ms',
  })
  await isGone()
  await rm(fileOf('pid'))
  await entryOf(script)
  const abort = new AbortController()
  const running = bench.run('exec', { entry: 'job' }, abort.signal)
  await waitFor(10_000, 'it to run', async () => (await readFile(fileOf('pid'), 'utf8').catch(() => '')).endsWith('\n'))
  abort.abort('cancelled')
  expect(await running).toMatchObject({ state: 'failed', reason: 'it was ended before it was done' })
  await isGone()
})

it('leaves nothing running that it started and did not wait for', async () => {
  await entryOf(`sleep 600 & echo $! > ${fileOf('pid')}`)
  expect(await bench.run('exec', { entry: 'job' })).toEqual({ state: 'succeeded' })
  await isGone()
})
