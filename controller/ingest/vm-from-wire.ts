import { VmState as WireVmState, type VmSample } from '../../proto/gen/headroom/v1/report.js'
import type { VmObservation } from '../model/observation.js'
import type { VmState } from '../model/snapshot.js'
import { known, word } from './enum-from-wire.js'
import type { FieldCheck } from './field-check.js'
import { wireLimits } from './from-wire.js'
import { ioTotals, networksFromWire } from './totals-from-wire.js'

const states: Readonly<Record<WireVmState, VmState | undefined>> = {
  [WireVmState.VM_STATE_UNSPECIFIED]: undefined,
  [WireVmState.VM_STATE_RUNNING]: 'running',
  [WireVmState.VM_STATE_BLOCKED]: 'blocked',
  [WireVmState.VM_STATE_PAUSED]: 'paused',
  [WireVmState.VM_STATE_SHUTTING_DOWN]: 'shutting-down',
  [WireVmState.VM_STATE_SHUTOFF]: 'shutoff',
  [WireVmState.VM_STATE_CRASHED]: 'crashed',
  [WireVmState.VM_STATE_SUSPENDED]: 'suspended',
  [WireVmState.UNRECOGNIZED]: 'unknown',
}

/** No pass takes longer. */
const longestOffsetMs = 600_000

/** One VM of a report. `latest` is the last moment that it can have been read. @returns nothing if it has no UUID */
export function vmFromWire(
  vm: VmSample,
  { reportAt, latest }: { readonly reportAt: number; readonly latest: number },
  check: FieldCheck,
): VmObservation[] {
  const uuid = check.uuid('vm.uuid', vm.uuid)
  if (uuid === undefined) return []
  const inPass = vm.offsetMs <= longestOffsetMs && reportAt + vm.offsetMs <= latest
  const at = inPass ? reportAt + vm.offsetMs : (check.refuse('vm.offset_ms') ?? reportAt)
  const guestAgeMs = check.count('vm.memory_guest_age_ms', vm.memoryGuestAgeMs) ?? 0
  const guestUsed = check.count('vm.memory_guest_used_bytes', vm.memoryGuestUsedBytes)
  const guestAvailable = check.count('vm.memory_guest_available_bytes', vm.memoryGuestAvailableBytes)
  return [
    {
      uuid,
      runId: check.text('vm.run_id', vm.runId, 128),
      at,
      state: states[known('vm.state', vm.state, check)],
      stateReason: word(known('vm.state_reason', vm.stateReason, check), 'VM_STATE_REASON_'),
      vcpus: check.count('vm.vcpus', vm.vcpus),
      totals: check.numbers({
        cpuSeconds: check.real('vm.cpu_seconds', vm.cpuSeconds),
        vcpuWaitSeconds: check.real('vm.vcpu_wait_seconds', vm.vcpuWaitSeconds),
        memorySwapInBytes: check.count('vm.memory_swap_in_bytes', vm.memorySwapInBytes),
        memorySwapOutBytes: check.count('vm.memory_swap_out_bytes', vm.memorySwapOutBytes),
      }),
      levels: check.numbers({
        memoryMaxBytes: check.count('vm.memory_max_bytes', vm.memoryMaxBytes),
        memoryBytes: check.count('vm.memory_bytes', vm.memoryBytes),
        memoryRssBytes: check.count('vm.memory_rss_bytes', vm.memoryRssBytes),
        memoryGuestUsedBytes: guestUsed,
        memoryGuestAvailableBytes: guestAvailable,
        memoryActiveBytes: check.count('vm.memory_active_bytes', vm.memoryActiveBytes),
        memoryBalloonedBytes: check.count('vm.memory_ballooned_bytes', vm.memoryBalloonedBytes),
        memorySwappedBytes: check.count('vm.memory_swapped_bytes', vm.memorySwappedBytes),
      }),
      guestMemoryAt: guestUsed === undefined && guestAvailable === undefined ? undefined : Math.max(0, at - guestAgeMs),
      disks: check.unique(
        'disk.target',
        check.list('vm.disks', vm.disks, wireLimits.maxDisksPerVm).flatMap((disk) => {
          const target = check.key('disk.target', disk.target, 64)
          return target === undefined ? [] : [{ target, totals: ioTotals(disk, check) }]
        }),
        (disk) => disk.target,
      ),
      nics: networksFromWire(check.list('vm.nics', vm.nics, wireLimits.maxNicsPerVm), check),
    },
  ]
}
