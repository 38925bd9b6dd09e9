import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, expect, test } from 'vitest'

import { CliError } from './cli-error.js'
import { readSecret } from './read-secret.js'
import type { Shell } from './shell.js'

let directory: string
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'headroom-secret-'))
  writeFileSync(join(directory, 'good'), ' correct horse \r\n')
  writeFileSync(join(directory, 'two-lines'), 'a\nb\n')
})
afterAll(() => rmSync(directory, { recursive: true }))

/** A shell whose keyboard, or pipe, gives these pieces, one each time somebody listens. */
function shellThat(
  isTTY: boolean,
  pieces: readonly (string | Buffer)[],
): { shell: Shell; said: () => string; raw: boolean[] } {
  let said = ''
  const raw: boolean[] = []
  const left = [...pieces]
  const nothing = (): undefined => undefined
  const stdin: Shell['stdin'] = {
    isTTY,
    setRawMode: (on) => raw.push(on),
    on: (event, listener) => {
      if (event === 'end') setImmediate(() => listener(Buffer.alloc(0)))
      else for (const piece of isTTY ? left.splice(0, 1) : left) listener(Buffer.from(piece))
    },
    off: nothing,
    resume: nothing,
    pause: nothing,
  }
  const write = (text: string | Uint8Array): boolean => (said += String(text)) !== ''
  const stdout = {
    isTTY,
    columns: 80,
    rows: 24,
    writableNeedDrain: false,
    on: nothing,
    off: nothing,
    once: nothing,
    write: () => true,
  }
  return { shell: { env: {}, stdin, stdout, stderr: { isTTY, write }, now: () => 0 }, said: () => said, raw }
}

test('is typed twice, and not seen', async () => {
  const { shell, said, raw } = shellThat(true, ['corect\b\b\brect h\u00f6rse\r', 'correct h\u00f6rse\n'])
  expect(await readSecret(shell, 'password of ann', undefined)).toBe('correct h\u00f6rse')
  expect(said()).toBe('new password of ann: \nagain: \n')
  expect(raw).toEqual([true, false, true, false])
})

test.each([
  ['differ', ['one secret\r', 'another\r'], 'not the same'],
  ['are given up', ['one\u0003'], 'given up'],
  ['are empty', ['\r', '\r'], 'expected one line'],
])('typed ones that %s are none', async (_what, pieces, message) => {
  const { shell, raw } = shellThat(true, pieces)
  await expect(readSecret(shell, 'password', undefined)).rejects.toThrow(message)
  expect(raw.at(-1)).toBe(false)
})

test('comes from a pipe as it is, but for its line end', async () => {
  const { shell, said } = shellThat(false, [' correct', ' horse \n'])
  expect(await readSecret(shell, 'password', undefined)).toBe(' correct horse ')
  expect(said()).toBe('')
  await expect(readSecret(shellThat(false, []).shell, 'password', '-')).rejects.toThrow(CliError)
  await expect(readSecret(shellThat(false, ['x'.repeat(5000)]).shell, 'password', '-')).rejects.toThrow(CliError)
})

test('comes from a file', async () => {
  const { shell } = shellThat(false, [])
  expect(await readSecret(shell, 'password', join(directory, 'good'))).toBe(' correct horse ')
  await expect(readSecret(shell, 'password', join(directory, 'two-lines'))).rejects.toThrow('expected one line')
  await expect(readSecret(shell, 'password', join(directory, 'none'))).rejects.toThrow('cannot be read (ENOENT)')
})
