import { status, type Metadata } from '@grpc/grpc-js'

import type { RefusalReason } from '../../common/refusal-reasons.js'
import type { AgentRegistry, AgentRow } from './agent-registry.js'
import type { CallRefused } from './grpc-refusal.js'
import { validityOf, type Peer } from './peer-certificate.js'

/** Makes a refusal, counts it and logs it with the peer. */
export type Refuse = (reason: RefusalReason, code: status, details: string, peer: string) => CallRefused

interface Call {
  readonly metadata: Metadata
  getPeer(): string
}

/** The agent that makes a call, and the certificate that says so. */
export interface KnownCaller {
  readonly agent: AgentRow
  readonly certificate: Extract<Peer, { status: 'agent' }>
}

/**
 * Who makes a call: an agent of ours, not revoked, with a certificate that is valid now. Only a renewal is let through with an
 * expired one: the machine may have been off for months, and its key is still its own.
 * @throws CallRefused
 */
export async function authenticate(
  call: Call,
  purpose: 'session' | 'renewal',
  options: {
    readonly peerOf: (call: Call) => Peer
    readonly registry: Pick<AgentRegistry, 'lookUp'>
    readonly now: () => number
    /** How long after its end a certificate may still renew. */
    readonly renewExpiredWithinMs: number
    readonly refuse: Refuse
  },
): Promise<KnownCaller> {
  const { registry, now, renewExpiredWithinMs } = options
  const refuse = (reason: RefusalReason, code: status, details: string): CallRefused =>
    options.refuse(reason, code, details, call.getPeer())
  const certificate = options.peerOf(call)
  if (certificate.status === 'none') {
    throw refuse('no-certificate', status.UNAUTHENTICATED, 'a certificate of this controller is needed: join it first')
  }
  if (certificate.status === 'foreign') {
    const details = `the certificate is none of this controller (${certificate.details}): join it first`
    throw refuse('other-authority', status.UNAUTHENTICATED, details)
  }
  const agent = await registry.lookUp(certificate.agentId)
  if (agent === undefined) {
    throw refuse('agent-unknown', status.UNAUTHENTICATED, 'this controller knows no such agent: join it anew')
  }
  if (agent.revoked) throw refuse('agent-revoked', status.PERMISSION_DENIED, 'this agent was revoked')
  const at = now()
  switch (validityOf(certificate, at)) {
    case 'current':
      return { agent, certificate }
    case 'not-yet-valid': {
      const details = `the certificate is valid from ${iso(certificate.notBefore)}, the controller's clock says ${iso(at)}`
      throw refuse('certificate-not-yet-valid', status.UNAUTHENTICATED, details)
    }
    case 'expired': {
      const ended = `the certificate ended on ${iso(certificate.notAfter)}`
      if (purpose === 'session') throw refuse('certificate-expired', status.UNAUTHENTICATED, `${ended}: renew it`)
      if (at - certificate.notAfter <= renewExpiredWithinMs) return { agent, certificate }
      const details = `${ended}, too long ago to renew it: join the controller anew`
      throw refuse('certificate-expired-long-ago', status.PERMISSION_DENIED, details)
    }
  }
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}
