import type { EnrolledAgent } from '../../ingest/enrolment.js'
import type { AgentEnrolmentView, AgentView } from '../views.js'
import { given } from './metrics-view.js'

/** An agent as the fleet shows it, with its enrolment; one that has not come since the controller started is away. */
export function enrolledAgentView(
  { row, refusedHosts }: EnrolledAgent,
  live: AgentView | undefined,
  hostName: (hostId: string) => string,
): AgentView {
  const enrolment: AgentEnrolmentView = given({
    enrolledAt: row.enrolledAt,
    anyHost: row.hosts === 'any',
    grantedHosts: row.hosts === 'any' ? [] : row.hosts.map((id) => ({ id, name: hostName(id) })),
    refusedHosts: refusedHosts.map(({ hostId, name }) => ({ id: hostId, name })),
    certificateEndsAt: row.certificate?.notAfter,
    revokedAt: row.revoked ? (row.revokedAt ?? row.enrolledAt) : undefined,
  })
  const away: AgentView = {
    id: row.id,
    name: row.name,
    version: '',
    connected: false,
    since: row.revokedAt ?? row.enrolledAt,
    hosts: [],
    spoolReports: 0,
    droppedReports: 0,
    skippedTicks: 0,
    collectors: [],
  }
  return { ...(live ?? away), enrolment }
}
