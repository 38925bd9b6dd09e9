import { expect, it } from 'vitest'

import { buildSnapshot, builtAt, hostIdOf } from '../../test/support/snapshot-builder.js'
import { policyOf } from '../../test/support/policy-with.js'
import type { Calibration, Snapshot } from '../model/snapshot.js'
import { ArrayModels } from './array-models.js'

const key = 'iscsi:box'
const policy = policyOf('arrays: [{ match: ["iscsi:box"], name: box, cache: 1GB, drain: 50MB/s }]')
const calibration: Calibration = {
  at: builtAt,
  capacityBytes: 200e6,
  capacitySpread: 0.1,
  drainBytesPerSecond: 8e6,
  drainSpread: 0.05,
}

function seen(calibrated: Calibration | undefined, second: number): Snapshot {
  const snapshot = buildSnapshot({
    hosts: [{ name: 'a', memoryMiB: 1024 }],
    vms: [{ name: 'v', host: 'a', memoryMiB: 96, array: key }],
    arrays: [{ key, name: 'box', kind: 'iscsi' }],
  })
  const at = builtAt + second * 1000
  const exchanged = { writeBytes: second * 1e6, writeRequests: second * 4 }
  const exchanges = [{ hostId: hostIdOf('a'), at, exchanged }]
  const arrays = Array.from(
    snapshot.arrays,
    ([id, array]) => [id, { ...array, exchanges, calibration: calibrated }] as const,
  )
  return { ...snapshot, at, arrays: new Map(arrays) }
}

it('what a ramp found out is where a model begins, as surely as it was found out, whatever the policy says', () => {
  const models = new ArrayModels()
  const told = (calibrated: Calibration | undefined, second: number) => {
    models.look(seen(calibrated, second), policy, builtAt + second * 1000)
    return models.watched.get(key)?.condition
  }
  told(undefined, 1)
  expect(told(undefined, 4)?.capacity.basis).toBe('policy')
  told(calibration, 7)
  const condition = told(calibration, 10)
  expect(condition?.capacity.basis).toBe('calibrated')
  expect(condition?.drain.basis).toBe('calibrated')
  // 1.28 deviations to either side.
  expect((condition?.capacity.likely ?? 0) / 200e6).toBeCloseTo(1, 1)
  const { low = 0, high = 0 } = condition?.capacity ?? {}
  expect(Math.log(high / low)).toBeGreaterThan(0.17)
  expect(Math.log(high / low)).toBeLessThan(0.36)
  const drain = condition?.drains.sequential
  expect(Math.log((drain?.high ?? 0) / (drain?.low ?? 1))).toBeLessThan(0.2)
  // Another one begins anew.
  told({ ...calibration, capacityBytes: 400e6 }, 13)
  expect((told({ ...calibration, capacityBytes: 400e6 }, 16)?.capacity.likely ?? 0) / 400e6).toBeCloseTo(1, 1)
})
