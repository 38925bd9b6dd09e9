import { describe, expect, it } from 'vitest'

import { buildAgent } from '../../../test/support/agent-rows.js'
import { policyOf } from '../../../test/support/policy-with.js'
import { buildSnapshot, builtAt } from '../../../test/support/snapshot-builder.js'
import type { CertificateEnd } from '../../model/circumstances.js'
import { certificateEnding } from './certificate-ending.js'

const day = 86_400_000
const policy = policyOf('')
const fleet = buildSnapshot({
  hosts: [],
  vms: [],
  agents: [buildAgent({ id: 'here', name: 'here' }), buildAgent({ id: 'away', name: 'away', connected: false })],
})

function certificate(of: CertificateEnd['of'], days: number, id = ''): CertificateEnd {
  const endsAtMs = builtAt + days * day
  return { of, id, name: id, endsAtMs, renewableUntilMs: of === 'agent' ? endsAtMs + 180 * day : endsAtMs }
}

function said(...certificates: readonly CertificateEnd[]): string[] {
  return certificateEnding(fleet, policy, { certificates }).map(
    ({ severity, subject, part, message }) => `${severity} ${subject.kind}:${subject.name} ${part}: ${message}`,
  )
}

describe('the certificate of', () => {
  it.each<[string, CertificateEnd, string[]]>([
    ['an agent, renewed in time', certificate('agent', 44, 'here'), []],
    [
      'an agent, not renewed',
      certificate('agent', 14, 'here'),
      [
        'warning agent:here : its certificate ends at 2012-01-29T00:00:00Z; it should have been renewed by itself long before',
      ],
    ],
    [
      'an agent, with two days left',
      certificate('agent', 2, 'here'),
      [
        'critical agent:here : its certificate ends at 2012-01-17T00:00:00Z; it should have been renewed by itself long before',
      ],
    ],
    [
      'an agent, over',
      certificate('agent', -1, 'here'),
      [
        'critical agent:here : its certificate ended at 2012-01-14T00:00:00Z; it should have been renewed by itself long before',
      ],
    ],
    ['an agent that is away, over', certificate('agent', -1, 'away'), []],
    [
      'an agent that is away for half a year',
      certificate('agent', -170, 'away'),
      [
        'warning agent:away : it is away, and its certificate can be renewed until 2012-01-25T00:00:00Z; then it has to join anew',
      ],
    ],
    [
      'an agent that was away for too long',
      certificate('agent', -181, 'away'),
      [
        'warning agent:away : it is away, and its certificate could be renewed until 2012-01-14T00:00:00Z; it has to join anew',
      ],
    ],
    ['an agent that the fleet does not know', certificate('agent', 1, 'nobody'), []],
    [
      'the controller',
      certificate('controller', 13),
      [
        "warning fleet: controller: the controller's certificate ends at 2012-01-28T00:00:00Z; it should have been renewed by itself long before",
      ],
    ],
    [
      'the authority',
      certificate('authority', 1),
      [
        "critical fleet: authority: the certificate authority's certificate ends at 2012-01-16T00:00:00Z; rotate it: headroom ca rotate",
      ],
    ],
    ['the authority, in years', certificate('authority', 3000), []],
  ])('%s', (_, one, expected) => {
    expect(said(one)).toEqual(expected)
  })
})

it('nothing is said of certificates that are not known', () => {
  expect(certificateEnding(fleet, policy, {})).toEqual([])
})

it('the policy says how long before', () => {
  const late = policyOf('thresholds: { certificate-ending: { within: 1d } }')
  expect(certificateEnding(fleet, late, { certificates: [certificate('controller', 2)] })).toEqual([])
  expect(certificateEnding(fleet, late, { certificates: [certificate('controller', 1)] })).toHaveLength(1)
})
