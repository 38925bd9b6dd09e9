import type { Log } from '../../common/log.js'
import type { Capability, HostFacts } from '../hypervisor/hypervisor.js'
import type { Machine } from '../schedule/host-loop.js'
import { healthCapability } from '../storage/health/health-capability.js'
import type { StorageHealthReader } from '../storage/health/storage-health.js'
import type { ExportReader } from '../storage/exports/export-source.js'
import { ArrayCounters } from '../storage/array-counters.js'
import { withStripeCaches } from '../storage/stripe-cache.js'
import { WriteCaches } from '../storage/write-cache.js'
import { processesCapability } from './busy-processes.js'
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
  readonly readsProcesses?: boolean
  /** Absent where programs cannot be run: of a machine that is read over ssh. */
  readonly exports?: Pick<ExportReader, 'read' | 'capability' | 'backed'>
}

/** A machine that runs Linux, as its /proc and /sys tell of it. */
export async function linuxMachine(options: LinuxMachineOptions): Promise<Machine> {
  const { files, procRoot, storageHealth } = options
  const machine = await createMachine(options)
  const counters = new ArrayCounters(procRoot, files)
  const caches = new WriteCaches(options.sysRoot, files)
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
        writebackCapability(files, procRoot),
        options.readsProcesses === true
          ? processesCapability(procRoot, files)
          : { name: 'host-processes', support: 'no', reason: 'processes are not read over ssh' },
        { name: 'canary', support: 'no', reason: 'no canary in agent.yaml' },
        { name: 'array-counters', support: 'degraded', reason: 'of arrays that are block devices of this machine' },
        options.exports === undefined
          ? { name: 'storage-exports', support: 'no', reason: 'not read over ssh' }
          : await options.exports.capability(),
        healthCapability(storageHealth.names, await storageHealth.unavailable()),
      ]
    },
    async arrays(arrays) {
      const counted = withStripeCaches(await counters.read(arrays), arrays, options.sysRoot, files)
      return caches.added(counted, [...arrays, ...(options.exports?.backed ?? [])], storageHealth.latest)
    },
    exports: async () => options.exports?.read(),
    storageHealth,
  }
}

function writebackCapability(files: MachineFiles, procRoot: string): Capability {
  const name = 'host-writeback'
  // Over ssh the file may not have come yet.
  const isTold = /^nr_dirty_threshold /m.test(files.readIfThere(`${procRoot}/vmstat`) ?? '')
  return isTold ? { name, support: 'yes' } : { name, support: 'degraded', reason: 'this kernel tells no thresholds' }
}
