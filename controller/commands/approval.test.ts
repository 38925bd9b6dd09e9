import { describe, expect, it } from 'vitest'

import type { Role, VerbName } from '../../common/verbs.js'
import { policyOf } from '../../test/support/policy-with.js'
import { notSecond, ruleFor } from './approval.js'

const { approvals } = policyOf(`
approvals:
  - { vms: ["core-*", dns], role: admin }
  - { verbs: [suspend], vms: [lab] }
  - { risk: [destructive], within: 10m }
`)

describe('which commands need a second person', () => {
  it.each<readonly [VerbName, string, string | undefined]>([
    ['start', 'core-1', 'approvals.0'],
    ['destroy', 'dns', 'approvals.0'],
    ['suspend', 'lab', 'approvals.1'],
    ['suspend', 'lab2', undefined],
    ['reset', 'lab', 'approvals.2'],
    ['destroy', 'www', 'approvals.2'],
    ['shutdown', 'www', undefined],
  ])('%s %s: %s', (verb, vm, key) => {
    expect(ruleFor(approvals, verb, vm)?.key).toBe(key)
  })

  it('says who and for how long', () => {
    expect(ruleFor(approvals, 'start', 'dns')?.rule).toMatchObject({ role: 'admin', withinMs: 3_600_000 })
    expect(ruleFor(approvals, 'reset', 'www')?.rule).toMatchObject({ role: 'operator', withinMs: 600_000 })
  })
})

describe('the second person', () => {
  it.each<readonly [string, Role, Role, RegExp]>([
    ['bob', 'operator', 'operator', /^nothing$/],
    ['bob', 'admin', 'operator', /^nothing$/],
    ['bob', 'operator', 'admin', /somebody who is admin; bob is operator/],
    ['bob', 'owner', 'operator', /bob is owner/],
    ['ann', 'admin', 'operator', /ann asked for it/],
    ['Ann', 'admin', 'operator', /ann asked for it/],
  ])('%s, who is %s, where %s is needed', (name, role, needed, why) => {
    const approval = { role: needed }
    expect(notSecond({ name, role, scope: undefined }, { actor: 'ann', approval }) ?? 'nothing').toMatch(why)
    expect(notSecond({ name, role, scope: { vms: ['*'] } }, { actor: 'ann', approval })).toBeDefined()
  })
})
