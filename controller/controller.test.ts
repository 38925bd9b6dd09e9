import { expect, it } from 'vitest'

import { controllerConfigSchema } from './config.js'
import { intervalsFor } from './controller.js'

const { intervals } = controllerConfigSchema.parse({})

it.each([
  [5, 10_000, 1000],
  [1000, 10_000, 1000],
  [3000, 30_000, 3000],
  [100_000, 300_000, 10_000],
])('%d hosts measure state every %d ms and disks that move every %d ms', (hosts, stateMs, fastMs) => {
  expect(intervalsFor(intervals, hosts)).toMatchObject({ stateMs, fastMs, inventoryMs: 60_000 })
})
