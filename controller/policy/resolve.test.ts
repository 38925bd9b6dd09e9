import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

import { elabSnapshot } from '../../test/support/elab-fleet.js'
import { policyOf } from '../../test/support/policy-with.js'
import { uuidOf } from '../../test/support/snapshot-builder.js'
import { policyIndex, reserveBytesFor, arrayNameFor } from './policy-index.js'
import { labelsOf, type Said, type VmLabels } from './resolve.js'

const rules = `
groups:
  - { name: web, match: "web*", class: core, owner: "web team" }
  - { name: students, match: [kure, "s-*"], class: personal, owner: "{vm}@students" }
  - { name: lab, class: core }
  - { name: late, match: ["web1", "*-db"], owner: nobody }
services:
  - { name: shop, members: [web1, orders-db] }
  - { name: mail }
  - { name: other, members: ["web*"] }
`

const told = { name: '', group: '', owner: '', service: '' }

/** `value < origin` of each label. */
function inWords(labels: VmLabels): Record<string, string> {
  const said = Object.entries(labels).filter((one): one is [string, Said<string>] => one[1] !== undefined)
  return Object.fromEntries(
    said.map(([label, { value, origin }]) => [label, `${value} < ${origin === 'metadata' ? origin : origin.key}`]),
  )
}

describe('labels of a VM', () => {
  it.each<[string, Partial<typeof told>, Record<string, string>]>([
    [
      'a name that a rule matches',
      { name: 'web2' },
      {
        class: 'core < groups.0',
        group: 'web < groups.0',
        owner: 'web team < groups.0',
        service: 'other < services.2',
      },
    ],
    [
      'the first of two rules wins',
      { name: 'web1' },
      { class: 'core < groups.0', group: 'web < groups.0', owner: 'web team < groups.0', service: 'shop < services.0' },
    ],
    [
      'an owner made of the name',
      { name: 's-$&' },
      { class: 'personal < groups.1', group: 'students < groups.1', owner: 's-$&@students < groups.1' },
    ],
    [
      'the file wins over metadata',
      { name: 'kure', group: 'lab', owner: 'x', service: 'mail' },
      {
        class: 'personal < groups.1',
        group: 'students < groups.1',
        owner: 'kure@students < groups.1',
        service: 'mail < metadata',
      },
    ],
    [
      'metadata name a group of the file',
      { name: 'm', group: 'lab', owner: 'x' },
      { class: 'core < groups.2', group: 'lab < metadata', owner: 'x < metadata' },
    ],
    [
      'metadata name a group that has an owner',
      { name: 'm', group: 'late', owner: 'x' },
      { group: 'late < metadata', owner: 'nobody < groups.3' },
    ],
    ['metadata name a group that the file does not know', { name: 'm', group: 'else' }, { group: 'else < metadata' }],
    [
      'a rule without class and owner',
      { name: 'a-db', owner: 'x' },
      { group: 'late < groups.3', owner: 'nobody < groups.3' },
    ],
    ['nobody says anything', { name: 'm' }, {}],
  ])('%s', (_what, vm, expected) => {
    expect(inWords(labelsOf(policyIndex(policyOf(rules)), { ...told, ...vm }))).toEqual(expected)
  })

  it('of the elab fleet: every VM has a group and a class, every personal one its owner', () => {
    const policy = policyOf(readFileSync(new URL('../../deploy/policy/elab.yaml', import.meta.url), 'utf8'))
    const index = policyIndex(policy)
    const labels = new Map(Array.from(elabSnapshot().vms.values(), (vm) => [vm.uuid, labelsOf(index, vm)]))
    const classes = [...labels.values()].map((one) => one.class?.value)
    expect(classes.filter((one) => one === 'core')).toHaveLength(13)
    expect(classes.filter((one) => one === 'personal')).toHaveLength(18)
    expect(inWords(labels.get(uuidOf('kure')) ?? fail())).toEqual({
      class: 'personal < groups.2',
      group: 'personal < groups.2',
      owner: 'kure < groups.2',
    })
  })
})

describe('rules for hosts and arrays', () => {
  const policy = policyOf(`
limits: { hostReserve: 100B }
hosts:
  - { match: a1, role: reserve }
  - { match: [b2, "a*"], reserve: 7B }
  - { match: "*", reserve: 9B }
arrays:
  - { match: "iscsi:*", name: box }
  - { match: "*", name: rest }
`)

  it.each([
    ['a1', 100],
    ['a2', 7],
    ['b2', 7],
    ['b', 9],
  ])('reserve of %s is %i: the first match wins', (host, expected) => {
    expect(reserveBytesFor(policy, host)).toBe(expected)
  })

  it('names arrays', () => {
    expect(arrayNameFor(policy, 'iscsi:iqn.x')).toBe('box')
    expect(arrayNameFor(policy, 'rbd:1/pool')).toBe('rest')
    expect(arrayNameFor(policyOf(''), 'rbd:1/pool')).toBeUndefined()
  })
})

function fail(): never {
  throw new Error('no such VM')
}
