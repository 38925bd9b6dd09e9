import { hostSubject, type Finding } from '../../model/finding.js'
import type { Policy } from '../../model/policy.js'
import { valueOf, type Host } from '../../model/snapshot.js'
import { inPercent } from '../in-words.js'
import { findingBecause } from '../reasons.js'
import { strengthAbove } from '../strength.js'
import { threadsOf } from './cpu-saturated.js'

/** Hosts that wait for CPUs which a hypervisor under them gives to others. Under Xen that is dom0, beside its VMs. */
export function cpuSteal(host: Host, { thresholds }: Policy): Finding | undefined {
  const { above, clearBelow } = thresholds['cpu-steal']
  const threads = threadsOf(host)
  const value = valueOf(host.metrics['cpuStealCores'])
  if (threads === undefined || value === undefined) return undefined
  const strength = strengthAbove(value / threads, above, clearBelow)
  if (strength === undefined) return undefined
  const whose =
    host.kind === 'xen'
      ? 'dom0 waits for CPUs that its VMs use'
      : 'it runs under another hypervisor, which gives its CPUs to others'
  return findingBecause({ check: 'cpu-steal', subject: hostSubject(host) }, [
    {
      strength,
      severity: 'warning',
      text: `${whose}: ${inPercent(value / threads)} of the time of ${threads} CPUs`,
      evidence: { entityKind: 'host', entityId: host.id, field: 'cpuStealCores', value, limit: above * threads },
    },
  ])
}
