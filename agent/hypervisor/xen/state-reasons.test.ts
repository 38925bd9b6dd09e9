import { expect, test } from 'vitest'

import type { EventKind, HypervisorEvent, VmState, VmStateReason } from '../hypervisor.js'
import { StateReasons } from './state-reasons.js'

const event = (kind: EventKind, reason: VmStateReason): HypervisorEvent => ({ atMs: 0, kind, reason, vmUuid: 'a' })

test.each<[string, HypervisorEvent | undefined, VmState, VmStateReason]>([
  ['what was asked', undefined, 'running', 'booted'],
  ['nothing of another state', undefined, 'paused', 'unknown'],
  ['a pause', event('suspended', 'user'), 'paused', 'user'],
  ['the old state after it', event('suspended', 'user'), 'running', 'unknown'],
  ['a resume', event('resumed', 'unpaused'), 'running', 'unpaused'],
  ['an end', event('stopped', 'destroyed'), 'shutoff', 'destroyed'],
  ['a crash', event('crashed', 'crashed'), 'shutoff', 'crashed'],
  ['an event that leads to no state', event('balloon-changed', 'unknown'), 'running', 'booted'],
])('%s', (_, happened, state, reason) => {
  const reasons = new StateReasons()
  reasons.learn({ domain: { name: 'a', uuid: 'a', id: 1 }, state: 'running', reason: 'booted' })
  if (happened !== undefined) reasons.happened(happened)
  expect(reasons.reason('a', state)).toBe(reason)
  reasons.keepOnly(new Set(['b']))
  expect(reasons.reason('a', state)).toBe('unknown')
})
