import { mkdirSync, writeFileSync } from 'node:fs'

import { afterEach, expect, test } from 'vitest'

import { buildTree, type Tree } from '../../test/fixtures/proc/build-tree.js'
import { createTextReader } from './text-reader.js'

let tree: Tree | undefined
afterEach(() => tree?.remove())

test('files longer than the buffer, then a short one', () => {
  tree = buildTree('proc/short = ok')
  const long = 'ä0123456789'.repeat(30_000)
  writeFileSync(`${tree.procRoot}/long`, long)
  const reader = createTextReader()
  expect(reader.read(`${tree.procRoot}/long`)).toBe(long)
  expect(reader.read(`${tree.procRoot}/short`)).toBe('ok\n')
})

test('a file without end is refused', () => {
  expect(() => createTextReader().read('/dev/zero')).toThrow('/dev/zero: longer than')
})

test('absent is undefined, anything else an error', () => {
  tree = buildTree('')
  mkdirSync(`${tree.procRoot}/directory`)
  const reader = createTextReader()
  expect(reader.readIfThere(`${tree.procRoot}/nothing`)).toBeUndefined()
  expect(() => reader.readIfThere(`${tree?.procRoot}/directory`)).toThrow('EISDIR')
  expect(() => reader.read(`${tree?.procRoot}/nothing`)).toThrow('ENOENT')
})
