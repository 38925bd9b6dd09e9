import { Metadata, status } from '@grpc/grpc-js'
import { expect, it } from 'vitest'

import { reasonTrailer } from '../../common/refusal-reasons.js'
import type { AgentRow } from './agent-registry.js'
import { authenticate } from './grpc-authenticate.js'
import { CallRefused, refusal } from './grpc-refusal.js'
import type { Peer } from './peer-certificate.js'

const now = Date.UTC(2026, 2, 1)
const day = 86_400_000
const withinMs = 30 * day

const rows: readonly AgentRow[] = [
  { id: 'agent-1', name: 'one', enrolledAt: 0, hosts: [], revoked: false },
  { id: 'agent-2', name: 'two', enrolledAt: 0, hosts: [], revoked: true },
]

function peer(agentId: string, fromDays: number, toDays: number): Peer {
  return {
    status: 'agent',
    agentId,
    issuerKeyHash: 'key',
    notBefore: now + fromDays * day,
    notAfter: now + toDays * day,
  }
}

const current = peer('agent-1', -1, 89)
const expired = peer('agent-1', -100, -10)
const longExpired = peer('agent-1', -130, -31)

it.each<[what: string, peer: Peer, purpose: 'session' | 'renewal', reason: string, code?: status]>([
  ['a valid certificate', current, 'session', ''],
  ['a valid certificate', current, 'renewal', ''],
  ['an expired one', expired, 'session', 'certificate-expired', status.UNAUTHENTICATED],
  ['an expired one', expired, 'renewal', ''],
  ['one just within the time for renewal', peer('agent-1', -120, -30), 'renewal', ''],
  ['one past it', longExpired, 'renewal', 'certificate-expired-long-ago', status.PERMISSION_DENIED],
  ['one past it', longExpired, 'session', 'certificate-expired', status.UNAUTHENTICATED],
  ['one of tomorrow', peer('agent-1', 1, 90), 'session', 'certificate-not-yet-valid', status.UNAUTHENTICATED],
  ['one of tomorrow', peer('agent-1', 1, 90), 'renewal', 'certificate-not-yet-valid', status.UNAUTHENTICATED],
  ['none', { status: 'none' }, 'session', 'no-certificate', status.UNAUTHENTICATED],
  ['none', { status: 'none' }, 'renewal', 'no-certificate', status.UNAUTHENTICATED],
  ['a foreign one', { status: 'foreign', details: '' }, 'renewal', 'other-authority', status.UNAUTHENTICATED],
  ['that of a revoked agent', peer('agent-2', -1, 89), 'session', 'agent-revoked', status.PERMISSION_DENIED],
  ['that of a revoked agent', peer('agent-2', -1, 89), 'renewal', 'agent-revoked', status.PERMISSION_DENIED],
  ['that of a revoked agent, expired', peer('agent-2', -9, -1), 'renewal', 'agent-revoked', status.PERMISSION_DENIED],
  ['that of an agent that nobody knows', peer('agent-3', -1, 89), 'session', 'agent-unknown', status.UNAUTHENTICATED],
])('%s: %j for a %s is answered %j', async (_what, shown, purpose, reason, code = status.OK) => {
  const refused: string[] = []
  const outcome = await authenticate({ metadata: new Metadata(), getPeer: () => '192.0.2.1:5' }, purpose, {
    peerOf: () => shown,
    registry: { lookUp: async (id) => rows.find((row) => row.id === id) },
    now: () => now,
    renewExpiredWithinMs: withinMs,
    refuse(why, refusedWith, details, peerName) {
      refused.push(`${why} ${peerName}`)
      return refusal(refusedWith, details, why)
    },
  }).catch((error: unknown) => error)
  const told =
    outcome instanceof CallRefused
      ? { code: outcome.code, reason: outcome.reason, trailer: outcome.metadata.get(reasonTrailer), refused }
      : { outcome, refused }
  expect(told).toEqual(
    reason === ''
      ? { outcome: { agent: rows[0], certificate: shown }, refused: [] }
      : { code, reason, trailer: [reason], refused: [`${reason} 192.0.2.1:5`] },
  )
})
