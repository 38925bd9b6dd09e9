import { describe, expect, it } from 'vitest'

import { policyOf } from '../../../test/support/policy-with.js'
import { buildSnapshot, uuidOf } from '../../../test/support/snapshot-builder.js'
import type { Finding } from '../../model/finding.js'
import type { HostStatus, Snapshot, Vm } from '../../model/snapshot.js'
import { fleetFindings } from '../fleet-findings.js'
import { placed } from '../../../test/support/placed.js'

const policy = policyOf(`groups:
  - { name: core, class: core, match: ["c*"] }
  - { name: people, class: personal, match: ["p*"] }
exceptions: [{ vm: c9, rule: vm-crashed, reason: it is taken apart }]
`)

function fleet(name: string, more: Partial<Vm>, status: HostStatus = 'up') {
  return buildSnapshot({
    hosts: [{ name: 'a', memoryMiB: 8192, status }],
    vms: [{ name, host: 'a', memoryMiB: 512, more }],
  })
}

const crashedIn = (snapshot: Snapshot): readonly Finding[] => placed(snapshot, policy).ofVms

describe('a VM that crashed', () => {
  it.each<[string, string, Partial<Vm>, HostStatus, string[]]>([
    ['a core VM', 'c1', { state: 'crashed', stateReason: 'panicked' }, 'up', ['raise critical']],
    ['one of no class', 'x1', { state: 'crashed', stateReason: '' }, 'up', ['raise warning']],
    ['a personal one: told only', 'p1', { state: 'crashed', stateReason: 'panicked' }, 'up', ['raise info']],
    ['its process died', 'c1', { state: 'shutoff', stateReason: 'crashed' }, 'up', ['raise critical']],
    ['it could not be started', 'c1', { state: 'shutoff', stateReason: 'failed' }, 'up', ['raise critical']],
    ['shut down by somebody', 'c1', { state: 'shutoff', stateReason: 'shutdown' }, 'up', []],
    ['destroyed by somebody', 'c1', { state: 'shutoff', stateReason: 'destroyed' }, 'up', []],
    ['it runs again', 'c1', { state: 'running', stateReason: 'booted' }, 'up', []],
    ['its host is silent: nobody knows', 'c1', { state: 'crashed', stateReason: 'panicked' }, 'silent', []],
  ])('%s', (_what, name, more, status, expected) => {
    const found = crashedIn(fleet(name, more, status))
    expect(found.map(({ strength, severity }) => `${strength} ${severity}`)).toEqual(expected)
  })

  it('is said with where and why, and shown by its series', () => {
    const [one] = crashedIn(fleet('c1', { state: 'crashed', stateReason: 'panicked' }))
    expect(one).toMatchObject({
      check: 'vm-crashed',
      subject: { kind: 'vm', id: uuidOf('c1'), name: 'c1' },
      message: 'it crashed on a (panicked) and is down',
      evidence: [{ entityKind: 'vm', entityId: uuidOf('c1'), field: 'running', value: 0, limit: 1 }],
    })
  })

  it('may be excepted', () => {
    const { stands, excepted } = fleetFindings(fleet('c9', { state: 'crashed' }), policy)
    expect(stands.filter(({ check }) => check === 'vm-crashed')).toEqual([])
    expect(excepted).toMatchObject([{ finding: { check: 'vm-crashed' }, reason: 'it is taken apart' }])
  })
})
