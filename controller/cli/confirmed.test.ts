import { expect, test } from 'vitest'

import { CliError } from './cli-error.js'
import { confirmed } from './confirmed.js'
import type { Shell } from './shell.js'

function shellThat(answers: string | undefined): { shell: Shell; said: () => string; paused: () => boolean } {
  let said = ''
  let isPaused = false
  const nothing = (): undefined => undefined
  const output = {
    isTTY: true,
    columns: 80,
    rows: 24,
    writableNeedDrain: false,
    on: nothing,
    off: nothing,
    once: nothing,
  }
  const stdin = {
    isTTY: answers !== undefined,
    setRawMode: nothing,
    on: (_event: 'data' | 'end', listener: (data: Buffer) => void) => listener(Buffer.from(answers ?? '')),
    off: nothing,
    resume: nothing,
    pause: () => (isPaused = true),
  }
  const write = (text: string | Uint8Array): boolean => (said += String(text)) !== ''
  const shell = { env: {}, stdin, stdout: { ...output, write }, stderr: { isTTY: true, write }, now: () => 0 }
  return { shell, said: () => said, paused: () => isPaused }
}

test.each([
  ['yes\n', true],
  ['y\n', false],
  ['no\n', false],
  ['\n', false],
])('%j', async (answer, expected) => {
  const { shell, said, paused } = shellThat(answer)
  expect(await confirmed(shell, 'Go on')).toBe(expected)
  expect(said()).toBe('Go on? Type yes: ')
  expect(paused()).toBe(true)
})

test('where nobody can be asked it says so', async () => {
  await expect(confirmed(shellThat(undefined).shell, 'Go on')).rejects.toThrow(CliError)
})
