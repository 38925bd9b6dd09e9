import { capabilityNames } from '../../../common/capabilities.js'
import { readBootId, readKernelRelease } from '../../host/kernel.js'
import type { TextReader } from '../../host/text-reader.js'
import { parseMeminfo } from '../../host/meminfo.js'
import {
  HypervisorUnavailable,
  type Capability,
  type HostIdentity,
  type Hypervisor,
  type Sample,
} from '../hypervisor.js'
import { EventQueue } from '../libvirt/event-queue.js'

export interface StorageServerOptions {
  readonly files: TextReader
  readonly procRoot: string
  readonly hostName: string
  /** The id that the machine had before; a new one if absent. */
  readonly hostId?: string
  readonly newHostId: () => string
}

/**
 * A machine without a hypervisor, which serves storage to those that have one. All that there is to know of it the machine beneath
 * tells: its load, its exports, its disks. @throws HypervisorUnavailable if its kernel does not say when it booted
 */
export function openStorageServer({ files, procRoot, hostName, hostId, newHostId }: StorageServerOptions): Hypervisor {
  const bootId = readBootId(procRoot, files)
  if (bootId === undefined) throw new HypervisorUnavailable(`${procRoot}/sys/kernel/random/boot_id: expected a UUID`)
  const identity: HostIdentity = {
    hostId: hostId ?? newHostId(),
    name: hostName,
    kind: 'storage',
    bootId,
    simulated: false,
  }
  const noEvents = new EventQueue()
  return {
    identity,
    probe: async () => withoutVms,
    async inventory() {
      const memoryBytes = parseMeminfo(files.readIfThere(`${procRoot}/meminfo`) ?? '').memoryBytes
      const kernel = readKernelRelease(procRoot, files)
      const host = { name: hostName, hypervisorVersion: '', memoryBytes: memoryBytes ?? 0 }
      return { host: { ...host, ...(kernel === undefined ? {} : { kernel }) }, vms: [], arrays: [] }
    },
    sample: async (): Promise<Sample> => ({ vms: [], gaps: [] }),
    events: (signal) => noEvents.read(signal),
    close: async () => noEvents.close(),
  }
}

/** What the machine beneath can measure wins over these. */
const withoutVms: readonly Capability[] = capabilityNames.map((name) => ({
  name,
  support: 'no',
  reason: 'a storage server has no VMs',
}))
