import { formatMoment } from '../../../common/units.js'
import type { CertificateEnd, Circumstances } from '../../model/circumstances.js'
import { agentSubject, finding, fleetSubject, type Finding } from '../../model/finding.js'
import type { Policy } from '../../model/policy.js'
import type { Snapshot } from '../../model/snapshot.js'

/** With so little left nobody may be there to act. */
const dangerMs = 2 * 86_400_000

/**
 * Certificates that end soon, or have ended. They are renewed long before by themselves, so that something stands in the way. An agent that is away
 * may renew one that has ended, for a while: of such a one it is the end of that while which counts.
 */
export function certificateEnding(
  snapshot: Snapshot,
  { thresholds }: Policy,
  { certificates }: Circumstances,
): Finding[] {
  const { within } = thresholds['certificate-ending']
  const found: Finding[] = []
  for (const certificate of certificates ?? []) {
    const isAway = certificate.of === 'agent' && snapshot.agents.get(certificate.id)?.connected !== true
    const leftMs = (isAway ? certificate.renewableUntilMs : certificate.endsAtMs) - snapshot.at
    if (leftMs > within) continue
    found.push(
      finding({
        check: 'certificate-ending',
        severity: leftMs <= dangerMs && !isAway ? 'critical' : 'warning',
        subject: certificate.of === 'agent' ? agentSubject(certificate) : fleetSubject,
        part: certificate.of === 'agent' ? '' : certificate.of,
        message: isAway ? awayMessage(certificate, leftMs) : presentMessage(certificate, leftMs),
      }),
    )
  }
  return found
}

function presentMessage({ of, endsAtMs }: CertificateEnd, leftMs: number): string {
  const whose = { agent: 'its', controller: "the controller's", authority: "the certificate authority's" }[of]
  const advice =
    of === 'authority' ? 'rotate it: headroom ca rotate' : 'it should have been renewed by itself long before'
  return `${whose} certificate ${leftMs > 0 ? 'ends' : 'ended'} at ${formatMoment(endsAtMs)}; ${advice}`
}

function awayMessage({ renewableUntilMs }: CertificateEnd, leftMs: number): string {
  return leftMs > 0
    ? `it is away, and its certificate can be renewed until ${formatMoment(renewableUntilMs)}; then it has to join anew`
    : `it is away, and its certificate could be renewed until ${formatMoment(renewableUntilMs)}; it has to join anew`
}
