import type { Log } from '../../common/log.js'
import type { Capability, HostFacts } from '../hypervisor/hypervisor.js'
import type { Machine } from '../schedule/host-loop.js'
import { healthCapability } from '../storage/health/health-capability.js'
import type { StorageHealthReader } from '../storage/health/storage-health.js'
import { ArrayCounters } from '../storage/array-counters.js'
import type { MachineFacts } from './machine-facts.js'
import type { MachineFiles } from './machine-files.js'
import { createMachine } from './machine.js'
import type { HostRoots } from './roots.js'

export interface LinuxMachineOptions extends HostRoots {
  readonly files: MachineFiles
  /** The static inventory; asked for with each inventory. */
  readonly facts: () => Promise<Partial<MachineFacts>>
  readonly log: Log
  readonly storageHealth: StorageHealthReader
}

/** A machine that runs Linux, as its /proc and /sys tell of it. */
export async function linuxMachine(options: LinuxMachineOptions): Promise<Machine> {
  const { files, procRoot, storageHealth } = options
  const machine = await createMachine(options)
  const counters = new ArrayCounters(procRoot, files)
  return {
    async sample(signal) {
      const { host, runs } = await machine.sample(signal)
      return { host, collectors: runs }
    },
    async complete(known: HostFacts) {
      const facts = await options.facts()
      const { hostname: _hostname, bootId: _bootId, memoryBytes: _memory, ...own } = facts
      // libvirt guesses the CPU's name; how much memory there is for VMs it knows best.
      return { ...known, ...own }
    },
    async capabilities() {
      const psi: Capability =
        files.readIfThere(`${procRoot}/pressure/cpu`) === undefined
          ? { name: 'host-psi', support: 'no', reason: 'this kernel does not account for pressure' }
          : { name: 'host-psi', support: 'yes' }
      return [
        { name: 'host-cpu', support: 'yes' },
        { name: 'host-memory', support: 'yes' },
        psi,
        { name: 'array-counters', support: 'degraded', reason: 'of arrays that are block devices of this machine' },
        healthCapability(storageHealth.names, await storageHealth.unavailable()),
      ]
    },
    arrays: (arrays) => counters.read(arrays),
    storageHealth,
  }
}
