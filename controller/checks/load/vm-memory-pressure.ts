import { formatMemory, formatRate } from '../../../common/units.js'
import { vmSubject, type Finding, type Severity } from '../../model/finding.js'
import type { Policy } from '../../model/policy.js'
import { valueOf, type Vm } from '../../model/snapshot.js'
import { inPercent } from '../in-words.js'
import type { Place } from '../policy/place.js'
import { findingBecause, type Reason } from '../reasons.js'
import { strengthAbove, strengthBelow, type Strength } from '../strength.js'

/** VMs that are short of memory: by what the guest says, or because the hypervisor takes it from them. */
export function vmMemoryPressure(vm: Vm, place: Place, { thresholds }: Policy): Finding | undefined {
  const limits = thresholds['vm-memory-pressure']
  const { metrics } = vm
  const known = valueOf(metrics['memoryBytes']) ?? 0
  const memory = known > 0 ? known : undefined
  let reasons: Reason[] | undefined
  for (const { field, limitOf, judged, text } of signs) {
    const value = valueOf(metrics[field])
    const limit = limitOf(limits, memory)
    if (value === undefined || limit === undefined) continue
    const strength = judged(value, limit, limits.clearBelow)
    // Texts cost, and nearly all VMs are well.
    if (strength === undefined) continue
    // Its owner chose how much it has.
    const severity: Severity = place.class === 'personal' ? 'info' : 'warning'
    const evidence = { entityKind: 'vm', entityId: vm.uuid, field, value, limit }
    reasons ??= []
    reasons.push({ strength, severity, text: text(value, memory ?? 0), evidence })
  }
  return reasons === undefined
    ? undefined
    : findingBecause({ check: 'vm-memory-pressure', subject: vmSubject(vm) }, reasons)
}

type Limits = Policy['thresholds']['vm-memory-pressure']

interface Sign {
  readonly field: string
  /** Undefined where it would be a share of what is not known. */
  readonly limitOf: (limits: Limits, memory: number | undefined) => number | undefined
  readonly judged: (value: number, limit: number, clearBelow: number) => Strength
  readonly text: (value: number, memory: number) => string
}

const high: Sign['judged'] = (value, limit, clearBelow) => strengthAbove(value, limit, limit * clearBelow)
const low: Sign['judged'] = (value, limit, clearBelow) => strengthBelow(value, limit, limit / clearBelow)

/** Made once: this runs for every VM each second. */
const signs: readonly Sign[] = [
  {
    field: 'memorySwapInBytesPerSecond',
    limitOf: ({ swapIn }) => swapIn,
    judged: high,
    text: (value) => `its guest swaps in ${formatRate(value)}`,
  },
  {
    field: 'memorySwappedBytes',
    limitOf: ({ swapped }) => swapped,
    judged: high,
    text: (value) => `its host has swapped out ${formatMemory(value)} of it`,
  },
  {
    field: 'memoryBalloonedBytes',
    limitOf: ({ ballooned }, memory) => (memory === undefined ? undefined : memory * ballooned),
    judged: high,
    text: (value, memory) => `its host has taken back ${formatMemory(value)} of its ${formatMemory(memory)}`,
  },
  {
    field: 'memoryGuestAvailableBytes',
    limitOf: ({ available }, memory) => (memory === undefined ? undefined : memory * available),
    judged: low,
    text: (value, memory) =>
      `its guest has ${formatMemory(value)} of ${formatMemory(memory)} available (${inPercent(value / memory)})`,
  },
]
