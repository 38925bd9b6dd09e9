import { describe, expect, it } from 'vitest'

import { HandControl } from '../../../test/support/hand-control.js'
import { VerbBench } from '../../../test/support/verb-bench.js'
import type { VerbName } from '../../../common/verbs.js'
import type { VmNow } from '../../hypervisor/hypervisor.js'

/** States in which a real guest cannot be held for a test: what is refused then, beside test/integration/commands/verb-states.test.ts. */

const uuid = 'a'
const power: readonly VerbName[] = ['start', 'shutdown', 'reboot', 'reset', 'destroy', 'suspend', 'resume']
const saving = { state: 'paused', stateReason: 'save', runId: '1' } as const
const moving = { state: 'paused', stateReason: 'migration', runId: '1' } as const
const kept = { state: 'crashed', stateReason: 'panicked', runId: '1' } as const

function bench(is: Partial<VmNow>): VerbBench {
  const control = new HandControl()
  control.add(uuid, 'alpha')
  control.set(uuid, is)
  return new VerbBench(control, uuid)
}

describe('a verb for a VM that', () => {
  it.each<readonly [string, Partial<VmNow>, readonly VerbName[]]>([
    ['is being saved', saving, ['start', 'shutdown', 'reboot', 'suspend', 'resume']],
    ['is being moved', moving, ['start', 'shutdown', 'reboot', 'suspend', 'resume']],
    ['crashed and is kept', kept, ['start', 'shutdown', 'reboot', 'suspend', 'resume']],
    ['crashed and is gone', { ...kept, runId: '' }, ['shutdown', 'reboot', 'suspend', 'resume']],
  ])('%s is refused but for what ends it, or begins it anew', async (_what, is, refused) => {
    const now = await bench(is).refusedNow()
    expect(power.filter((verb) => now.includes(verb))).toEqual(refused)
  })

  it.each<readonly [VerbName, Partial<VmNow>, RegExp]>([
    ['resume', saving, /halted for its state being saved/],
    ['resume', moving, /halted for a migration/],
    ['shutdown', saving, /^the VM is paused; shutdown needs/],
    ['suspend', kept, /^the VM is crashed; suspend needs/],
    ['start', kept, /crashed and is kept as it was then, with its process: destroy it first/],
    ['undefine', kept, /crashed and is kept as it was then, with its process: destroy it first/],
  ])('%s of one that is %o says why not', async (verb, is, reason) => {
    expect(await bench(is).attempt(verb)).toEqual({ state: 'refused', reason: expect.stringMatching(reason) })
  })
})
