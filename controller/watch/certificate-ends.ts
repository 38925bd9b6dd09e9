import type { AgentRow } from '../ingest/agent-registry.js'
import type { CertificateAuthority } from '../ingest/ca.js'
import type { IngestServer } from '../ingest/grpc-server.js'
import type { CertificateEnd } from '../model/circumstances.js'

/** When certificates end: those with which agents came last, and the controller's own. */
export function certificateEnds(
  agents: readonly Pick<AgentRow, 'id' | 'name' | 'certificate'>[],
  { notAfterMs }: Pick<CertificateAuthority, 'notAfterMs'>,
  { certificateEndsAtMs }: Pick<IngestServer, 'certificateEndsAtMs'>,
  renewExpiredWithinMs: number,
): CertificateEnd[] {
  const own = (of: 'controller' | 'authority', endsAtMs: number): CertificateEnd => {
    return { of, id: '', name: '', endsAtMs, renewableUntilMs: endsAtMs }
  }
  return [
    own('authority', notAfterMs),
    own('controller', certificateEndsAtMs),
    ...agents.flatMap(({ id, name, certificate }): CertificateEnd[] => {
      if (certificate === undefined) return []
      const endsAtMs = certificate.notAfter
      return [{ of: 'agent', id, name, endsAtMs, renewableUntilMs: endsAtMs + renewExpiredWithinMs }]
    }),
  ]
}
