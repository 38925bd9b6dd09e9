import { formatMemory, formatRate } from '../../../common/units.js'
import { hostSubject, type Finding } from '../../model/finding.js'
import type { Policy } from '../../model/policy.js'
import { valueOf, type Host } from '../../model/snapshot.js'
import { inPercent } from '../in-words.js'
import { findingBecause, noReasons, type Reason } from '../reasons.js'
import { strengthAbove, strengthBelow } from '../strength.js'

type Limits = Policy['thresholds']['host-memory-pressure']

/**
 * Hosts that are short of memory: tasks wait for it (the kernel's pressure stall information), what was swapped out is needed again, or little
 * is available. Under Xen these are dom0's own figures.
 */
export function hostMemoryPressure(host: Host, { thresholds }: Policy): Finding | undefined {
  const limits = thresholds['host-memory-pressure']
  const waits = waiting(host, limits)
  const swaps = swappingIn(host, limits)
  const little = littleLeft(host, limits)
  if (waits.length + swaps.length + little.length === 0) return undefined
  return findingBecause({ check: 'host-memory-pressure', subject: hostSubject(host) }, [...waits, ...swaps, ...little])
}

function waiting({ id, metrics }: Host, { waiting: limit, critical, clearBelow }: Limits): readonly Reason[] {
  const some = valueOf(metrics['psiMemorySomeFraction'])
  const strength = some === undefined ? undefined : strengthAbove(some, limit, limit * clearBelow)
  if (some === undefined || strength === undefined) return noReasons
  const full = valueOf(metrics['psiMemoryFullFraction'])
  const isCritical = full !== undefined && full >= critical
  return [
    {
      strength,
      severity: isCritical ? 'critical' : 'warning',
      text: `tasks wait for memory ${inPercent(some)} of the time${isCritical ? `, all of them ${inPercent(full)}` : ''}`,
      evidence: { entityKind: 'host', entityId: id, field: 'psiMemorySomeFraction', value: some, limit },
    },
  ]
}

/** Being swapped out costs little; being needed again does. */
function swappingIn({ id, metrics }: Host, { swapIn: limit, clearBelow }: Limits): readonly Reason[] {
  const value = valueOf(metrics['swapInBytesPerSecond'])
  const strength = value === undefined ? undefined : strengthAbove(value, limit, limit * clearBelow)
  if (value === undefined || strength === undefined) return noReasons
  const evidence = { entityKind: 'host', entityId: id, field: 'swapInBytesPerSecond', value, limit }
  return [{ strength, severity: 'warning', text: `${formatRate(value)} are swapped in`, evidence }]
}

function littleLeft({ id, metrics }: Host, { available: share, clearBelow }: Limits): readonly Reason[] {
  const value = valueOf(metrics['memoryAvailableBytes'])
  const all = valueOf(metrics['memoryBytes'])
  if (value === undefined || all === undefined || all <= 0) return noReasons
  const limit = share * all
  const strength = strengthBelow(value, limit, limit / clearBelow)
  if (strength === undefined) return noReasons
  return [
    {
      strength,
      severity: 'warning',
      text: `${formatMemory(value)} of ${formatMemory(all)} are available (${inPercent(value / all)})`,
      evidence: { entityKind: 'host', entityId: id, field: 'memoryAvailableBytes', value, limit },
    },
  ]
}
