import { formatMemory, formatRate } from '../../../common/units.js'
import { vmSubject, type Finding, type Severity } from '../../model/finding.js'
import type { Policy } from '../../model/policy.js'
import { valueOf } from '../../model/snapshot.js'
import { inPercent } from '../in-words.js'
import type { PlacedVm } from '../policy/placed-fleet.js'
import { findingBecause, type Reason } from '../reasons.js'
import { strengthAbove, strengthBelow, type Strength } from '../strength.js'

/** VMs that are short of memory: by what the guest says, or because the hypervisor takes it from them. */
export function vmMemoryPressure({ vm, place }: PlacedVm, { thresholds }: Policy): Finding[] {
  const { swapIn, available, ballooned, swapped, clearBelow } = thresholds['vm-memory-pressure']
  const { metrics } = vm
  const memory = valueOf(metrics['memoryBytes'])
  // Its owner chose how much it has.
  const severity: Severity = place.class === 'personal' ? 'info' : 'warning'
  const reasons: Reason[] = []
  const judge = (field: string, limit: number, judged: Judged, text: (value: number) => string): void => {
    const value = valueOf(metrics[field])
    const strength = value === undefined ? undefined : judged(value, limit, clearBelow)
    // Texts cost, and nearly all VMs are well.
    if (value === undefined || strength === undefined) return
    const evidence = { entityKind: 'vm', entityId: vm.uuid, field, value, limit }
    reasons.push({ strength, severity, text: text(value), evidence })
  }
  judge('memorySwapInBytesPerSecond', swapIn, high, (value) => `its guest swaps in ${formatRate(value)}`)
  judge('memorySwappedBytes', swapped, high, (value) => `its host has swapped out ${formatMemory(value)} of it`)
  if (memory !== undefined && memory > 0) {
    judge(
      'memoryBalloonedBytes',
      memory * ballooned,
      high,
      (value) => `its host has taken back ${formatMemory(value)} of its ${formatMemory(memory)}`,
    )
    judge(
      'memoryGuestAvailableBytes',
      memory * available,
      low,
      (value) =>
        `its guest has ${formatMemory(value)} of ${formatMemory(memory)} available (${inPercent(value / memory)})`,
    )
  }
  return reasons.length === 0 ? [] : findingBecause({ check: 'vm-memory-pressure', subject: vmSubject(vm) }, reasons)
}

type Judged = (value: number, limit: number, clearBelow: number) => Strength

const high: Judged = (value, limit, clearBelow) => strengthAbove(value, limit, limit * clearBelow)
const low: Judged = (value, limit, clearBelow) => strengthBelow(value, limit, limit / clearBelow)
