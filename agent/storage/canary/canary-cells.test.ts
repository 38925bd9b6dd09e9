import { expect, it } from 'vitest'

import { CanaryCells } from './canary-cells.js'

it('two ends of one memory: a write is asked for, ends or fails, and is over', () => {
  const memory = CanaryCells.memory()
  const [asking, writing] = [new CanaryCells(memory), new CanaryCells(memory)]
  asking.ask()
  expect(asking.result()).toBeUndefined()
  expect(writing.waitForWork()).toBe(true)
  writing.finish(0.25)
  expect(asking.result()).toEqual({ seconds: 0.25 })
  asking.ask()
  expect(asking.result()).toBeUndefined()
  writing.fail('EIO: é'.repeat(200))
  expect(asking.result()).toMatchObject({ problem: expect.stringMatching(/^EIO: éEIO/) })
  asking.end()
  expect(writing.waitForWork()).toBe(false)
})
