import { describe, expect, it } from 'vitest'

import { domainState, hasProcess } from './domain-state.js'
import { lifecycleEvent } from './lifecycle-event.js'

describe('states', () => {
  it.each([
    [1, 1, 'running', 'booted', true],
    [1, 10, 'running', 'post-copy', true],
    [2, 0, 'blocked', 'unknown', true],
    [3, 1, 'paused', 'user', true],
    [3, 5, 'paused', 'io-error', true],
    [3, 11, 'paused', 'starting-up', true],
    [4, 1, 'shutting-down', 'user', true],
    [5, 1, 'shutoff', 'shutdown', false],
    [5, 2, 'shutoff', 'destroyed', false],
    [5, 3, 'shutoff', 'crashed', false],
    [5, 6, 'shutoff', 'failed', false],
    [6, 1, 'crashed', 'panicked', false],
    [7, 0, 'suspended', 'unknown', true],
    [0, 0, 'unknown', 'unknown', false],
    [1, 99, 'running', 'unknown', true],
    [99, 1, 'unknown', 'unknown', false],
    [-1, -1, 'unknown', 'unknown', false],
  ] as const)('%i with reason %i is %s, %s', (state, reason, name, reasonName, process) => {
    expect(domainState(state, reason)).toEqual({ state: name, reason: reasonName })
    expect(hasProcess(name)).toBe(process)
  })
})

describe('lifecycle events', () => {
  it.each([
    [0, 0, 'defined', 'unknown'],
    [1, 0, 'undefined', 'unknown'],
    [2, 0, 'started', 'booted'],
    [2, 1, 'started', 'migrated'],
    [3, 0, 'suspended', 'user'],
    [3, 2, 'suspended', 'io-error'],
    [4, 0, 'resumed', 'unpaused'],
    [5, 0, 'stopped', 'shutdown'],
    [5, 1, 'stopped', 'destroyed'],
    [5, 2, 'crashed', 'crashed'],
    [5, 3, 'stopped', 'migrated'],
    [5, 4, 'stopped', 'saved'],
    [5, 5, 'crashed', 'crashed'],
    [6, 0, 'shutdown', 'shutting-down'],
    [7, 0, 'suspended', 'unknown'],
    [8, 0, 'crashed', 'panicked'],
    [5, 77, 'stopped', 'unknown'],
  ] as const)('%i with detail %i is %s, %s', (event, detail, kind, reason) => {
    expect(lifecycleEvent(event, detail)).toEqual({ kind, reason })
  })

  it('does not make up what it does not know', () => {
    expect(lifecycleEvent(99, 0)).toBeUndefined()
  })
})
