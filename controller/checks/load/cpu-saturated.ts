import { hostSubject, type Finding } from '../../model/finding.js'
import type { Policy } from '../../model/policy.js'
import { valueOf, type Host } from '../../model/snapshot.js'
import { inPercent } from '../in-words.js'
import { findingBecause, reasonIf, type Reason } from '../reasons.js'
import { strengthAbove } from '../strength.js'

/** Hosts whose CPUs are all in use, or for which tasks wait most of the time (the kernel's pressure stall information). */
export function cpuSaturated(host: Host, { thresholds }: Policy): Finding[] {
  const limits = thresholds['cpu-saturated']
  const reason = (field: string, value: number, limit: number, text: () => string): readonly Reason[] =>
    reasonIf(strengthAbove(value, limit, limit * limits.clearBelow), () => ({
      severity: 'warning',
      text: text(),
      evidence: { entityKind: 'host', entityId: host.id, field, value, limit },
    }))
  const threads = threadsOf(host)
  const used = valueOf(host.metrics['cpuUsedCores'])
  const waiting = valueOf(host.metrics['psiCpuSomeFraction'])
  return findingBecause({ check: 'cpu-saturated', subject: hostSubject(host) }, [
    ...(used === undefined || threads === undefined
      ? []
      : reason(
          'cpuUsedCores',
          used,
          limits.used * threads,
          () => `${inPercent(used / threads)} of its ${threads} CPUs are in use`,
        )),
    ...(waiting === undefined
      ? []
      : reason(
          'psiCpuSomeFraction',
          waiting,
          limits.waiting,
          () => `tasks wait for a CPU ${inPercent(waiting)} of the time`,
        )),
  ])
}

/** What CPU time is counted in; undefined where nobody says how many there are. */
export function threadsOf({ cpuThreads, cpuCores }: Pick<Host, 'cpuThreads' | 'cpuCores'>): number | undefined {
  const threads = cpuThreads ?? cpuCores
  return threads === 0 ? undefined : threads
}
