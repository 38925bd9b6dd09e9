import { expect, test } from 'vitest'

import { FreeMemory } from './free-memory.js'
import type { ListedRow } from './tool-list.js'

const row = (id: number | undefined, memoryBytes: number): ListedRow => ({
  name: 'a',
  id,
  memoryBytes,
  vcpus: 1,
  state: 'running',
  cpuSeconds: 0,
})

test('asked while the memory of domains changes, once more after that, and else once a minute', () => {
  const free = new FreeMemory()
  const asked: number[] = []
  const pass = (atMs: number, rows: readonly ListedRow[]): void => {
    free.listed(rows)
    if (free.still(atMs) !== undefined) return
    asked.push(atMs)
    free.told(atMs, atMs)
  }
  const two = [row(1, 100), row(2, 100)]
  for (const atMs of [0, 10, 20, 30]) pass(atMs, two)
  expect(asked.splice(0)).toEqual([0, 10])
  expect(free.still(40)).toBe(10)
  // Destroyed: what it had is cleared before it is free.
  for (const atMs of [50, 60, 70]) pass(atMs, [row(1, 100)])
  expect(asked.splice(0)).toEqual([50, 60])
  // A balloon that grows for some passes.
  for (const atMs of [80, 90, 100, 110]) pass(atMs, [row(1, Math.min(100 + atMs, 190))])
  expect(asked.splice(0)).toEqual([80, 90, 100])
  // Another domain of the same size is another one.
  for (const atMs of [120, 130, 140]) pass(atMs, [row(3, 190)])
  expect(asked.splice(0)).toEqual([120, 130])
  for (const atMs of [60_129, 60_130, 60_131]) pass(atMs, [row(3, 190)])
  expect(asked.splice(0)).toEqual([60_130])
  // The clock was set back by a day.
  for (const atMs of [-86_400_000, -86_399_990]) pass(atMs, [row(3, 190)])
  expect(asked.splice(0)).toEqual([-86_400_000])
})
