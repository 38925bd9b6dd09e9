import type { Log } from '../../common/log.js'
import type { HostRaw } from '../hypervisor/hypervisor.js'
import { busyProcessesCollector } from './busy-processes.js'
import { cpuCollector, userHz } from './cpu.js'
import { diskstatsCollector } from './diskstats.js'
import { fileSystemsCollector } from './file-systems.js'
import { loadavgCollector } from './loadavg.js'
import type { MachineFiles } from './machine-files.js'
import { meminfoCollector } from './meminfo.js'
import { netCollector, netDevPaths } from './net.js'
import { readPageBytes } from './page-size.js'
import { psiCollector } from './psi.js'
import type { HostRoots } from './roots.js'
import { CollectorRunner, type Collector, type CollectorRunResult } from './run-collectors.js'
import { uptimeCollector } from './uptime.js'
import { vmstatCollector } from './vmstat.js'

export interface MachineOptions extends HostRoots {
  readonly files: MachineFiles
  readonly clockTicksPerSecond?: number
  /** Whether each process is looked at: on this machine, not on one that is read over ssh. */
  readonly readsProcesses?: boolean
  readonly log: Log
  /** For each collector of a pass; 5 s if absent. */
  readonly deadlineMs?: number
}

/** A machine's own figures. */
export interface Machine {
  /** One pass of all collectors. Never rejects: what failed is absent from `host` and named in `runs`. */
  sample(signal: AbortSignal): Promise<{ host: HostRaw; runs: readonly CollectorRunResult[] }>
  /** Runs of single collectors left out because the one before still hung; a total. */
  skippedRuns(): number
}

export async function createMachine(options: MachineOptions): Promise<Machine> {
  const { files, procRoot, sysRoot, rootFs, log, clockTicksPerSecond = userHz, deadlineMs = 5000 } = options
  const collectors: readonly Collector[] = [
    cpuCollector(procRoot, files, clockTicksPerSecond),
    loadavgCollector(procRoot, files),
    meminfoCollector(procRoot, files),
    vmstatCollector(procRoot, files, await readPageBytes(procRoot, files)),
    psiCollector(procRoot, files),
    uptimeCollector(procRoot, files),
    diskstatsCollector(procRoot, sysRoot, files),
    netCollector(netDevPaths(procRoot, rootFs), files),
    // Two mounts may hang before it gives up on the rest.
    fileSystemsCollector({ procRoot, rootFs }, files, log, { deadlineMs: deadlineMs / 3 }),
    ...(options.readsProcesses === true ? [busyProcessesCollector(procRoot, files, () => performance.now())] : []),
  ]
  const runner = new CollectorRunner(collectors, { deadlineMs })
  return {
    sample: (signal) => runner.run(signal),
    skippedRuns: () => runner.skipped,
  }
}
