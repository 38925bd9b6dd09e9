import { hostSubject, type Finding } from '../../model/finding.js'
import type { Policy } from '../../model/policy.js'
import { valueOf, type Host } from '../../model/snapshot.js'
import { inPercent } from '../in-words.js'
import { findingBecause, noReasons, type Reason } from '../reasons.js'
import { strengthAbove } from '../strength.js'

/** Hosts whose CPUs are all in use, or for which tasks wait most of the time (the kernel's pressure stall information). */
export function cpuSaturated(host: Host, { thresholds }: Policy): Finding | undefined {
  const limits = thresholds['cpu-saturated']
  const used = inUse(host, limits)
  const waiting = waited(host, limits)
  if (used.length + waiting.length === 0) return undefined
  return findingBecause({ check: 'cpu-saturated', subject: hostSubject(host) }, [...used, ...waiting])
}

type Limits = Policy['thresholds']['cpu-saturated']

function inUse(host: Host, { used: share, clearBelow }: Limits): readonly Reason[] {
  const threads = threadsOf(host)
  const value = valueOf(host.metrics['cpuUsedCores'])
  if (value === undefined || threads === undefined) return noReasons
  const limit = share * threads
  const strength = strengthAbove(value, limit, limit * clearBelow)
  if (strength === undefined) return noReasons
  const text = `${inPercent(value / threads)} of its ${threads} CPUs are in use`
  const evidence = { entityKind: 'host', entityId: host.id, field: 'cpuUsedCores', value, limit }
  return [{ strength, severity: 'warning', text, evidence }]
}

function waited({ id, metrics }: Host, { waiting: limit, clearBelow }: Limits): readonly Reason[] {
  const value = valueOf(metrics['psiCpuSomeFraction'])
  const strength = value === undefined ? undefined : strengthAbove(value, limit, limit * clearBelow)
  if (value === undefined || strength === undefined) return noReasons
  const text = `tasks wait for a CPU ${inPercent(value)} of the time`
  const evidence = { entityKind: 'host', entityId: id, field: 'psiCpuSomeFraction', value, limit }
  return [{ strength, severity: 'warning', text, evidence }]
}

/** What CPU time is counted in; undefined where nobody says how many there are. */
export function threadsOf({ cpuThreads, cpuCores }: Pick<Host, 'cpuThreads' | 'cpuCores'>): number | undefined {
  const threads = cpuThreads ?? cpuCores
  return threads === 0 ? undefined : threads
}
