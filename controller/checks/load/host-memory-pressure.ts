import { formatMemory, formatRate } from '../../../common/units.js'
import { hostSubject, type Finding } from '../../model/finding.js'
import type { Policy } from '../../model/policy.js'
import { valueOf, type Host } from '../../model/snapshot.js'
import { inPercent } from '../in-words.js'
import { findingBecause, reasonIf, type Reason } from '../reasons.js'
import { strengthAbove, strengthBelow } from '../strength.js'

type Limits = Policy['thresholds']['host-memory-pressure']

/**
 * Hosts that are short of memory: tasks wait for it (the kernel's pressure stall information), what was swapped out is needed again, or little
 * is available. Under Xen these are dom0's own figures.
 */
export function hostMemoryPressure(host: Host, { thresholds }: Policy): Finding[] {
  const limits = thresholds['host-memory-pressure']
  return findingBecause({ check: 'host-memory-pressure', subject: hostSubject(host) }, [
    ...waiting(host, limits),
    ...swappingIn(host, limits),
    ...littleLeft(host, limits),
  ])
}

function waiting({ id, metrics }: Host, { waiting: limit, critical, clearBelow }: Limits): readonly Reason[] {
  const some = valueOf(metrics['psiMemorySomeFraction'])
  if (some === undefined) return []
  const full = valueOf(metrics['psiMemoryFullFraction'])
  const isCritical = full !== undefined && full >= critical
  return reasonIf(strengthAbove(some, limit, limit * clearBelow), () => ({
    severity: isCritical ? 'critical' : 'warning',
    text: `tasks wait for memory ${inPercent(some)} of the time${isCritical ? `, all of them ${inPercent(full)}` : ''}`,
    evidence: { entityKind: 'host', entityId: id, field: 'psiMemorySomeFraction', value: some, limit },
  }))
}

/** Being swapped out costs little; being needed again does. */
function swappingIn({ id, metrics }: Host, { swapIn: limit, clearBelow }: Limits): readonly Reason[] {
  const value = valueOf(metrics['swapInBytesPerSecond'])
  if (value === undefined) return []
  return reasonIf(strengthAbove(value, limit, limit * clearBelow), () => ({
    severity: 'warning',
    text: `${formatRate(value)} are swapped in`,
    evidence: { entityKind: 'host', entityId: id, field: 'swapInBytesPerSecond', value, limit },
  }))
}

function littleLeft({ id, metrics }: Host, { available: share, clearBelow }: Limits): readonly Reason[] {
  const value = valueOf(metrics['memoryAvailableBytes'])
  const all = valueOf(metrics['memoryBytes'])
  if (value === undefined || all === undefined || all <= 0) return []
  const limit = share * all
  return reasonIf(strengthBelow(value, limit, limit / clearBelow), () => ({
    severity: 'warning',
    text: `${formatMemory(value)} of ${formatMemory(all)} are available (${inPercent(value / all)})`,
    evidence: { entityKind: 'host', entityId: id, field: 'memoryAvailableBytes', value, limit },
  }))
}
