import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, expect, it } from 'vitest'

import { createLog } from '../../../common/log.js'
import type { Machine } from '../../schedule/host-loop.js'
import { calibratedMachine } from './calibrated-machine.js'
import { keepCalibration, readCalibrations } from './kept-calibrations.js'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'headroom-calibrations-'))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const one = { atMs: 1e12, capacityBytes: 2e8, capacitySpread: 0.1, drainBytesPerSecond: 8e6, drainSpread: 0.05 }

it('what was kept is read, the newest of each array, until it is taken back', async () => {
  expect(await readCalibrations(directory)).toEqual(new Map())
  await keepCalibration(directory, 'iscsi:a', one)
  await keepCalibration(directory, 'iscsi:b', one)
  await keepCalibration(directory, 'iscsi:a', { ...one, capacityBytes: 3e8 })
  expect((await readCalibrations(directory)).get('iscsi:a')?.capacityBytes).toBe(3e8)
  await keepCalibration(directory, 'iscsi:b', undefined)
  expect([...(await readCalibrations(directory)).keys()]).toEqual(['iscsi:a'])
})

it.each<[string, unknown, RegExp]>([
  ['another version', { version: 2 }, /version 1/],
  ['a figure that is none', { version: 1, arrays: { a: { ...one, drainSpread: 'x' } } }, /a: drainSpread: .* got "x"/],
  [
    'nothing in it',
    { version: 1, arrays: { a: { ...one, capacityBytes: 0 } } },
    /capacityBytes: expected a number above 0/,
  ],
])('a file with %s is refused, and says why', async (_what, content, message) => {
  writeFileSync(join(directory, 'calibrations.json'), JSON.stringify(content))
  await expect(readCalibrations(directory)).rejects.toThrow(message)
})

it('a machine tells them with its arrays, and goes on without them where they cannot be read', async () => {
  const plain: Machine = {
    sample: async () => ({ host: {}, collectors: [] }),
    complete: async (facts) => facts,
    capabilities: async () => [],
    arrays: async () => [],
    ownArrays: async () => [{ key: 'iscsi:b', name: 'b', kind: 'iscsi' }],
  }
  const machine = calibratedMachine(plain, () => readCalibrations(directory), createLog('test', 'silent'))
  await keepCalibration(directory, 'iscsi:a', one)
  expect(await machine.ownArrays?.()).toEqual([
    { key: 'iscsi:b', name: 'b', kind: 'iscsi' },
    { key: 'iscsi:a', name: 'iscsi:a', kind: 'iscsi', calibration: one },
  ])
  writeFileSync(join(directory, 'calibrations.json'), '{')
  expect(await machine.ownArrays?.()).toHaveLength(1)
})
