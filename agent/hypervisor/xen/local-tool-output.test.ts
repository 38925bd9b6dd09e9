import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { afterEach, describe, expect, test, vi } from 'vitest'

import { HypervisorDenied, HypervisorUnavailable } from '../hypervisor.js'
import { LocalToolOutput } from './local-tool-output.js'
import { mostToolBytes, XenToolError, type XenToolWord } from './xen-tools.js'

const until = (check: () => unknown): Promise<unknown> => vi.waitFor(check, { timeout: 9000, interval: 5 })

const directories: string[] = []
afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true })
})

/** A program in place of xl. Hand-written. */
function script(text: string, mode = 0o755): { readonly program: string; readonly directory: string } {
  const directory = mkdtempSync(path.join(tmpdir(), 'headroom-xl-'))
  directories.push(directory)
  const program = path.join(directory, 'xl')
  writeFileSync(program, `#!/bin/sh\n${text}\n`)
  chmodSync(program, mode)
  return { program, directory }
}

const never = new AbortController().signal
const failureOf = (work: Promise<unknown>): Promise<unknown> => work.catch((error: unknown) => error)

test.each<[XenToolWord, string]>([
  ['list', 'list|C|/'],
  ['list-long', 'list -l|C|/'],
  ['info', 'info|C|/'],
])('%s: the words of the tool, in no language, nowhere', async (what, said) => {
  const { program } = script('echo "$*|$LC_ALL|$PWD"')
  expect(await new LocalToolOutput({ programs: [program] }).text(what, never)).toBe(`${said}\n`)
})

describe('what goes wrong', () => {
  test('none is there', async () => {
    const failure = await failureOf(
      new LocalToolOutput({ programs: ['/nowhere/xl', '/nowhere/xm'] }).text('list', never),
    )
    expect(failure).toBeInstanceOf(HypervisorUnavailable)
    expect(String(failure)).toMatch(/no tool of Xen is here: \/nowhere\/xl, \/nowhere\/xm$/)
  })

  test('the first is not there: the second', async () => {
    const { program } = script('echo second')
    expect(await new LocalToolOutput({ programs: ['/nowhere/xl', program] }).text('list', never)).toBe('second\n')
  })

  test('it must not be run', async () => {
    const { program } = script('echo', 0o644)
    expect(await failureOf(new LocalToolOutput({ programs: [program] }).text('list', never))).toBeInstanceOf(
      HypervisorDenied,
    )
  })

  test('it fails: the last line that it said, and its status', async () => {
    const { program } = script('echo some; echo libxl: first >&2; echo Permission denied >&2; exit 3')
    const failure = await failureOf(new LocalToolOutput({ programs: [program] }).text('list', never))
    expect(failure).toBeInstanceOf(XenToolError)
    expect(String(failure)).toContain(`${program} list: exit status 3: Permission denied`)
  })

  test('it is killed', async () => {
    const { program } = script('kill -9 $$')
    expect(await failureOf(new LocalToolOutput({ programs: [program] }).text('list', never))).toBeInstanceOf(
      XenToolError,
    )
  })

  test.each([
    [mostToolBytes, 'all of it'],
    [mostToolBytes + 1, 'nothing'],
  ])('%i bytes: %s', async (bytes, expected) => {
    const { program } = script(`head -c ${bytes} /dev/zero`)
    const text = await new LocalToolOutput({ programs: [program] }).text('list', never).catch(() => undefined)
    expect(text?.length).toBe(expected === 'nothing' ? undefined : bytes)
  })

  test('it prints without an end', async () => {
    const { program } = script('exec yes 0123456789')
    const failure = await failureOf(new LocalToolOutput({ programs: [program] }).text('list-long', never))
    expect(failure).toBeInstanceOf(XenToolError)
    expect(String(failure)).toMatch(/printed more than 4194304 bytes/)
  })
})

/** It leaves a mark that it runs, and does not end by itself. */
const endless = ': > "$(dirname "$0")/$$.pid"; exec sleep 600'
const marks = (directory: string): number => readdirSync(directory).filter((name) => name.endsWith('.pid')).length

describe('it does not end', () => {
  test('who asks gives up, and the tool is ended', async () => {
    const { program, directory } = script(endless)
    const asking = new AbortController()
    const answer = failureOf(new LocalToolOutput({ programs: [program] }).text('list', asking.signal))
    await until(() => expect(marks(directory)).toBe(1))
    asking.abort(new Error('enough'))
    expect(String(await answer)).toBe('Error: enough')
  })

  test('nobody gives up: it is ended after a while', async () => {
    const { program } = script(endless)
    await expect(new LocalToolOutput({ programs: [program], deadlineMs: 50 }).text('list', never)).rejects.toThrow(
      /not done within 50 ms/,
    )
  })

  test('no more than four at once', async () => {
    const { program, directory } = script(endless)
    const output = new LocalToolOutput({ programs: [program] })
    const asking = new AbortController()
    const answers = Array.from({ length: 4 }, () => failureOf(output.text('list', asking.signal)))
    await until(() => expect(marks(directory)).toBe(4))
    await expect(output.text('list', never)).rejects.toThrow(/4 calls of it have not ended yet/)
    asking.abort()
    await Promise.all(answers)
    // Once they have ended, there is room again.
    const again = async (): Promise<unknown> => failureOf(output.text('list', AbortSignal.timeout(20)))
    await until(async () => expect(String(await again())).toMatch(/TimeoutError/))
  })
})
