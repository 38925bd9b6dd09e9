import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, expect, test } from 'vitest'

import { SpareNumber } from './spare-number.js'

let directory: string
let path: string

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'headroom-number-'))
  path = join(directory, 'alert-number')
})

afterEach(() => rmSync(directory, { recursive: true }))

test('gives back what was kept last, over a start', () => {
  expect(new SpareNumber(path).read()).toBeUndefined()
  for (const next of [7, 123_456, 8]) {
    new SpareNumber(path).keep(next)
    expect(new SpareNumber(path).read()).toBe(next)
  }
  expect(readFileSync(path)).toHaveLength(16)
})

test.each(['', '12', 'no number at all', ' 00000000000012'])('knows nothing of a file with %j', (text) => {
  writeFileSync(path, text)
  expect(new SpareNumber(path).read()).toBeUndefined()
})

test('says so where it cannot be kept', () => {
  rmSync(directory, { recursive: true })
  expect(() => new SpareNumber(path).keep(1)).toThrow('ENOENT')
  writeFileSync(directory, '')
  expect(() => new SpareNumber(path).read()).toThrow('ENOTDIR')
})
