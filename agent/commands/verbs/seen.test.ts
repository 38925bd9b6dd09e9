import { expect, it } from 'vitest'

import { HandControl } from '../../../test/support/hand-control.js'
import { VerbBench } from '../../../test/support/verb-bench.js'
import type { VerbName } from '../../../common/verbs.js'
import type { VmNow } from '../../hypervisor/hypervisor.js'
import { allVerbs } from './all-verbs.js'

const uuid = 'a'

it.each<readonly [VerbName, Partial<VmNow>, Partial<VmNow>, string]>([
  ['start', { state: 'shutoff', runId: '' }, { state: 'running', runId: '1' }, 'succeeded'],
  ['start', { state: 'shutoff', runId: '' }, { state: 'paused', stateReason: 'starting-up', runId: '1' }, 'unknown'],
  ['start', { state: 'shutoff', runId: '' }, { state: 'paused', stateReason: 'io-error', runId: '1' }, 'unknown'],
  ['start', { state: 'crashed', runId: '' }, { state: 'crashed', runId: '1' }, 'unknown'],
  ['destroy', { state: 'crashed', runId: '1' }, { state: 'crashed', runId: '1' }, 'unknown'],
  ['destroy', { state: 'crashed', runId: '1' }, { state: 'shutoff', runId: '' }, 'succeeded'],
  ['destroy', { state: 'running', runId: '1' }, { state: 'crashed', runId: '' }, 'succeeded'],
  ['shutdown', { state: 'running', runId: '1' }, { state: 'crashed', runId: '1' }, 'unknown'],
])('of %s with a VM that was %o and is %o: %s', async (verb, was, is, state) => {
  const control = new HandControl()
  control.add(uuid, 'alpha')
  const before = { ...(await control.look(uuid)), ...was }
  control.set(uuid, is)
  const outcome = await allVerbs[verb].seen({
    ...(await new VerbBench(control, uuid).contextOf({})),
    before: { uuid, name: 'alpha', stateReason: 'unknown', autostart: false, state: 'unknown', runId: '', ...before },
    pause: () => Promise.resolve(),
  })
  expect(outcome.state).toBe(state)
})
