import { expect, test } from 'vitest'

import { policyOf } from '../../test/support/policy-with.js'
import { buildSnapshot, hostIdOf } from '../../test/support/snapshot-builder.js'
import { finding, type Finding } from '../model/finding.js'
import { settle } from './settle.js'

const snapshot = buildSnapshot({ hosts: ['a', 'b'].map((name) => ({ name, memoryMiB: 1024 })), vms: [] })

const about = (name: string, strength: Finding['strength']): Finding =>
  finding({
    check: 'no-room',
    severity: 'info',
    subject: { kind: 'host', id: hostIdOf(name), name },
    message: '',
    strength,
  })

test('what only keeps alerts from ending stands nowhere, is graded as the rest, and can be excepted', () => {
  const policy = policyOf(`
thresholds: { no-room: { severity: warning } }
exceptions: [{ host: b, rule: no-room, reason: on purpose }]
`)
  const { stands, kept, excepted } = settle(
    [about('a', 'raise'), about('a', 'keep'), about('b', 'raise'), about('b', 'keep')],
    snapshot,
    policy,
  )
  const said = (findings: readonly Finding[]): string[] =>
    findings.map(({ severity, strength, subject }) => `${severity} ${strength} ${subject.name}`)
  expect(said(stands)).toEqual(['warning raise a'])
  expect(said(kept)).toEqual(['warning keep a'])
  expect(excepted.map(({ finding }) => finding.strength)).toEqual(['raise'])
})
