import { describe, expect, it } from 'vitest'
import { configuredMemory, holdsMemory, isRunning, lookOf, sumKnown } from './vm-state.js'

describe('a state', () => {
  it.each([
    ['running', 'running', true, true],
    ['blocked', 'running', true, true],
    ['shutting-down', 'shutting down', true, true],
    ['paused', 'paused', true, false],
    ['shutoff', 'off', false, false],
    ['crashed', 'crashed', false, false],
    ['newer-than-this-page', 'newer-than-this-page', true, false],
  ])('%s', (state, word, holds, runs) => {
    expect(lookOf(state).word).toBe(word)
    expect(holdsMemory({ state })).toBe(holds)
    expect(isRunning({ state })).toBe(runs)
  })
})

it('counts what a VM may grow to before what it has', () => {
  expect(configuredMemory({ memoryBytes: 1, memoryMaxBytes: 2 })).toBe(2)
  expect(configuredMemory({ memoryBytes: 1 })).toBe(1)
  expect(configuredMemory({})).toBeUndefined()
})

it.each([
  [[1, undefined, 2], 3],
  [[0], 0],
  [[undefined], undefined],
  [[], undefined],
])('adds what is known of %j', (values, sum) => {
  expect(sumKnown(values)).toBe(sum)
})
