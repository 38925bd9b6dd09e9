import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, expect, test } from 'vitest'

import { readSecret } from './secret-file.js'

const directory = mkdtempSync(join(tmpdir(), 'headroom-secret-'))
afterAll(() => rmSync(directory, { recursive: true }))

const inTime = (): AbortSignal => AbortSignal.timeout(5000)
let files = 0

function fileWith(text: string): string {
  const path = join(directory, `secret${(files += 1)}`)
  writeFileSync(path, text)
  return path
}

test.each([
  ['open sesame\nnot this\n', 'open sesame'],
  ['open sesame\r\nnot this', 'open sesame'],
  ['open sesame', 'open sesame'],
  [`${'x'.repeat(16_384)}\n`, 'x'.repeat(16_384)],
  [`öffne dich\n${'ü'.repeat(1_000_000)}`, 'öffne dich'],
])('the first line is the secret', async (text, secret) => {
  expect(await readSecret(fileWith(text), inTime())).toBe(secret)
})

test('a new secret needs no restart', async () => {
  const path = fileWith('old\n')
  expect(await readSecret(path, inTime())).toBe('old')
  writeFileSync(path, 'new\n')
  expect(await readSecret(path, inTime())).toBe('new')
})

test('what holds no secret is named, and a pipe keeps nobody waiting', async () => {
  const empty = fileWith('\nsecond\n')
  await expect(readSecret(empty, inTime())).rejects.toThrow(`${empty}: the first line is empty, a secret was expected`)
  const long = fileWith('x'.repeat(16_385))
  await expect(readSecret(long, inTime())).rejects.toThrow(`${long}: the first line is longer than 16384 bytes`)
  const pipe = join(directory, 'pipe')
  execFileSync('mkfifo', [pipe])
  await expect(readSecret(pipe, inTime())).rejects.toThrow(`${pipe}: not a file`)
  await expect(readSecret(directory, inTime())).rejects.toThrow(`${directory}: not a file`)
  await expect(readSecret('/dev/zero', inTime())).rejects.toThrow('/dev/zero: not a file')
  await expect(readSecret(join(directory, 'nowhere'), inTime())).rejects.toThrow('nowhere')
})

test('a file system that hangs keeps nobody past the deadline, and is asked once however often it is tried', async () => {
  // Hand-written: a hung file system cannot be had here.
  let asked = 0
  let answer: (text: string) => void = () => undefined
  const hung = (): Promise<string> => {
    asked += 1
    return new Promise((resolve) => (answer = resolve))
  }
  for (let tries = 0; tries < 5; tries += 1) {
    await expect(readSecret('/hung/secret', AbortSignal.timeout(20), hung)).rejects.toThrow(
      '/hung/secret: could not be read in time',
    )
  }
  expect(asked).toBe(1)
  const late = readSecret('/hung/secret', inTime(), hung)
  answer('open sesame\n')
  expect(await late).toBe('open sesame')
  expect(await readSecret('/hung/secret', inTime(), () => Promise.resolve('new\n'))).toBe('new')
})
