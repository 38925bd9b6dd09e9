import { finding, vmSubject, type Finding, type Severity } from '../../model/finding.js'
import type { MissingVm } from '../../model/recent-changes.js'
import type { Policy } from '../../model/policy.js'
import type { Snapshot } from '../../model/snapshot.js'
import type { Circumstances } from '../../model/circumstances.js'
import { hostPartners } from './named-hosts.js'

/**
 * VMs that were there and that no host tells of any more, while the host that told of them last is up. What somebody shut down, destroyed, saved or
 * undefined is not lost, whenever the event that says so comes; while the last host is not up nobody can say.
 */
export function vmLost(snapshot: Snapshot, { thresholds }: Policy, { changes }: Circumstances): Finding[] {
  const found: Finding[] = []
  let isAllUp: boolean | undefined
  for (const gone of changes?.missing.values() ?? []) {
    const said = whatIsSaid(gone)
    const host = snapshot.hosts.get(gone.hostId)
    if (said === undefined || host === undefined || snapshot.at - gone.sinceMs > thresholds['vm-lost'].for) continue
    // Where it went to may be a host that is not heard of.
    if (gone.end === 'moved') isAllUp ??= [...snapshot.hosts.values()].every(({ status }) => status === 'up')
    const isJudged = gone.end === 'moved' ? isAllUp === true : host.status === 'up'
    found.push(
      finding({
        check: 'vm-lost',
        severity: said.severity,
        subject: vmSubject(gone),
        strength: isJudged && !snapshot.vms.has(gone.uuid) ? 'raise' : 'keep',
        message: said.message,
        evidence: [{ entityKind: 'vm', entityId: gone.uuid, field: 'running', value: undefined, limit: undefined }],
        related: hostPartners(snapshot, [host.id]),
      }),
    )
  }
  return found
}

function whatIsSaid({
  end,
  ran,
  hostName,
}: MissingVm): { readonly severity: Severity; readonly message: string } | undefined {
  switch (end) {
    case 'removed':
    case 'ended':
      return undefined
    case 'moved':
      return { severity: 'info', message: `it was moved away from ${hostName}, and no host of the fleet tells of it` }
    case 'crashed':
      return { severity: 'critical', message: `it crashed on ${hostName}, and is not there any more` }
    case 'stopped':
      return {
        severity: 'warning',
        message: `it stopped on ${hostName}, nothing says why, and it is not there any more`,
      }
    case 'nothing':
      return {
        severity: ran ? 'critical' : 'warning',
        message: `it ${ran ? 'ran' : 'was'} on ${hostName}, which does not tell of it any more; nothing says why`,
      }
  }
}
