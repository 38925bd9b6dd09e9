import { formatMemory, formatRate } from '../../../common/units.js'
import { vmSubject, type Finding, type Severity } from '../../model/finding.js'
import type { Policy } from '../../model/policy.js'
import { valueOf, type Vm } from '../../model/snapshot.js'
import { inPercent } from '../in-words.js'
import type { PlacedVm } from '../policy/placed-fleet.js'
import { findingBecause, type Reason } from '../reasons.js'
import { strengthAbove, strengthBelow, type Strength } from '../strength.js'

/** VMs that are short of memory: by what the guest says, or because the hypervisor takes it from them. */
export function vmMemoryPressure({ vm, class: vmClass }: PlacedVm, { thresholds }: Policy): Finding[] {
  const { swapIn, available, ballooned, swapped, clearBelow } = thresholds['vm-memory-pressure']
  const memory = valueOf(vm.metrics['memoryBytes'])
  // Its owner chose how much it has.
  const severity: Severity = vmClass === 'personal' ? 'info' : 'warning'
  const high = (field: string, limit: number, text: (value: number) => string): Reason[] =>
    reason(vm, field, severity, limit, (value) => strengthAbove(value, limit, limit * clearBelow), text)
  const ofMemory = (share: number): number => (memory ?? 0) * share
  return findingBecause({ check: 'vm-memory-pressure', subject: vmSubject(vm) }, [
    ...high('memorySwapInBytesPerSecond', swapIn, (value) => `its guest swaps in ${formatRate(value)}`),
    ...high('memorySwappedBytes', swapped, (value) => `its host has swapped out ${formatMemory(value)} of it`),
    ...(memory === undefined || memory <= 0
      ? []
      : [
          ...high(
            'memoryBalloonedBytes',
            ofMemory(ballooned),
            (value) => `its host has taken back ${formatMemory(value)} of its ${formatMemory(memory)}`,
          ),
          ...reason(
            vm,
            'memoryGuestAvailableBytes',
            severity,
            ofMemory(available),
            (value) => strengthBelow(value, ofMemory(available), ofMemory(available) / clearBelow),
            (value) =>
              `its guest has ${formatMemory(value)} of ${formatMemory(memory)} available (${inPercent(value / memory)})`,
          ),
        ]),
  ])
}

/** None where the figure is not known, or is good: nearly all are, and texts cost. */
function reason(
  vm: Vm,
  field: string,
  severity: Severity,
  limit: number,
  strengthOf: (value: number) => Strength,
  text: (value: number) => string,
): Reason[] {
  const value = valueOf(vm.metrics[field])
  const strength = value === undefined ? undefined : strengthOf(value)
  if (value === undefined || strength === undefined) return []
  return [
    {
      strength,
      severity,
      text: text(value),
      evidence: { entityKind: 'vm', entityId: vm.uuid, field, value, limit },
    },
  ]
}
