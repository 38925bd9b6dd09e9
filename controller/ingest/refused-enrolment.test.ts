import { expect, it } from 'vitest'

import type { RefusedEnrolment } from './agent-registry.js'
import { refusedEnrolment } from './refused-enrolment.js'

const now = Date.parse('2026-03-02T00:00:00Z')
const claimed = [
  { hostId: 'id-7', name: 'hv07' },
  { hostId: 'id-8', name: 'hv08' },
]
const owner = {
  id: 'agent-1',
  name: 'old',
  enrolledAt: 0,
  hosts: ['id-8', 'id-9'],
  revoked: false,
}

const table: readonly [RefusedEnrolment, string][] = [
  [
    { status: 'refused', reason: 'unknown-token' },
    'the join token is not known, or was used before, made void or expired; make a new one: headroom agent join-token',
  ],
  [
    { status: 'refused', reason: 'expired-token', expiredAt: now - 3_600_000 },
    "the join token has expired: it was good until 2026-03-01T23:00:00.000Z, and it is 2026-03-02T00:00:00.000Z by the controller's clock; make a new one: headroom agent join-token",
  ],
  [
    { status: 'refused', reason: 'host-not-in-token', hosts: ['a', 'b', 'c', 'd', 'e', 'f', 'g'] },
    'the join token was made for other hosts: expected a, b, c, d, e and 2 more, got hv07, hv08; make one for this host: headroom agent join-token --host hv07',
  ],
  [
    { status: 'refused', reason: 'host-taken', owner },
    'another agent speaks for one of these hosts: old (agent-1) for hv08; if it is gone: headroom agent revoke agent-1',
  ],
]

it.each(table)('%j', (outcome, text) => {
  expect(refusedEnrolment(outcome, claimed, now)).toBe(text)
})

it('a machine that names no host', () => {
  const outcome = { status: 'refused', reason: 'host-not-in-token', hosts: ['a'] } as const
  expect(refusedEnrolment(outcome, [], now)).toContain(
    'expected a, got none; make one for this host: headroom agent join-token --host NAME',
  )
})
