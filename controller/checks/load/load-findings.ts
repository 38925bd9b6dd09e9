import type { Finding } from '../../model/finding.js'
import type { Policy } from '../../model/policy.js'
import type { Host } from '../../model/snapshot.js'
import type { PlacedFleet, PlacedVm } from '../policy/placed-fleet.js'
import { arrayLatency } from './array-latency.js'
import { boxLoads, isSeen, type BoxLoad } from './box-load.js'
import { cpuSaturated } from './cpu-saturated.js'
import { cpuSteal } from './cpu-steal.js'
import { hostMemoryPressure } from './host-memory-pressure.js'
import { vcpuWait } from './vcpu-wait.js'
import { vmDiskLatency } from './vm-disk-latency.js'
import { vmHammersArray } from './vm-hammers-array.js'
import { vmMemoryPressure } from './vm-memory-pressure.js'

type StorageCheck = (fleet: PlacedFleet, loads: ReadonlyMap<string, BoxLoad>) => Finding[]

const storageChecks = [vmHammersArray, arrayLatency, vmDiskLatency] as const satisfies readonly StorageCheck[]

/** Of hosts that are up. */
const hostChecks = [hostMemoryPressure, cpuSaturated, cpuSteal] as const satisfies readonly ((
  host: Host,
  policy: Policy,
) => Finding[])[]

/** Of running VMs that can be read. */
const vmChecks = [vmMemoryPressure, vcpuWait] as const satisfies readonly ((
  vm: PlacedVm,
  policy: Policy,
) => Finding[])[]

/** What is said of load and of what waits for it, exceptions not yet taken out. */
export function loadFindings(fleet: PlacedFleet): Finding[] {
  const { policy, snapshot, vms } = fleet
  const loads = boxLoads(fleet)
  const hosts = [...snapshot.hosts.values()].filter(({ status }) => status === 'up')
  const found = [
    ...storageChecks.flatMap((check) => check(fleet, loads)),
    ...hostChecks.flatMap((check) => hosts.flatMap((host) => check(host, policy))),
  ]
  for (const vm of vms) {
    if (!isSeen(vm)) continue
    for (const check of vmChecks) found.push(...check(vm, policy))
  }
  return found
}
