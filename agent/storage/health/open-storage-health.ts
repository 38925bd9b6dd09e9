import type { MachineFiles } from '../../host/machine-files.js'
import type { HostRoots } from '../../host/roots.js'
import { HealthTool } from './health-tool.js'
import { lvmCollector } from './lvm.js'
import { mdCollector } from './md.js'
import { smartCollector } from './smart.js'
import { storcliCollector } from './storcli.js'
import { StorageHealthReader, type HealthCollector } from './storage-health.js'

/** How the configuration has it. */
export interface StorageHealthSettings {
  readonly intervalMs: number
  /** Of md and of RAID controllers, which say whether an array writes through or is rebuilt. */
  readonly raidIntervalMs: number
  readonly md: boolean
  /** `auto`: where it usually is, if it is there; or its path; or `off`. */
  readonly smartctl: string
  readonly storcli: string
  readonly lvm: string
}

export interface StorageHealthMachine extends HostRoots {
  readonly files: MachineFiles
  readonly now: () => number
  /** Whether programs can be run on it: on this machine, not on one that is read over ssh. */
  readonly runsPrograms: boolean
  /** As this process is, if absent. */
  readonly isRoot?: boolean
}

/** As the configuration is by itself. */
export const healthByDefault: StorageHealthSettings = {
  intervalMs: 300_000,
  raidIntervalMs: 60_000,
  md: true,
  smartctl: 'auto',
  storcli: 'auto',
  lvm: 'auto',
}

/** For all calls of a source: a disk that does not answer holds up its controller's tool for long. */
const deadlineMs = 180_000
const usual = {
  smartctl: { usual: ['/usr/sbin/smartctl', '/usr/local/sbin/smartctl'], deadlineMs: 30_000 },
  storcli: {
    usual: [
      '/opt/MegaRAID/storcli/storcli64',
      '/opt/MegaRAID/perccli/perccli64',
      '/usr/sbin/storcli64',
      '/usr/sbin/perccli64',
      '/usr/local/sbin/storcli64',
    ],
    deadlineMs: 60_000,
  },
  lvm: { usual: ['/usr/sbin/lvm', '/sbin/lvm'], deadlineMs: 60_000 },
} as const

/** What reads the health of a machine's storage. */
export function openStorageHealth(settings: StorageHealthSettings, machine: StorageHealthMachine): StorageHealthReader {
  const { files, sysRoot, now, isRoot = process.geteuid?.() === 0 } = machine
  const tool = (name: keyof typeof usual): HealthTool =>
    new HealthTool({ setting: settings[name], isRoot, ...usual[name] })
  const collectors = [
    ...(settings.md ? [mdCollector(machine, files)] : []),
    ...(settings.storcli === 'off' ? [] : [storcliCollector(tool('storcli'))]),
    ...(settings.smartctl === 'off' ? [] : [smartCollector(tool('smartctl'), files, sysRoot)]),
    ...(settings.lvm === 'off' ? [] : [lvmCollector(tool('lvm'))]),
  ]
  return new StorageHealthReader({
    collectors: machine.runsPrograms
      ? collectors
      : collectors.map((one) => (one.name === 'md' ? one : notFromAfar(one))),
    intervalMs: settings.intervalMs,
    intervalsMs: { md: settings.raidIntervalMs, 'raid-controller': settings.raidIntervalMs },
    deadlineMs,
    now,
  })
}

function notFromAfar(collector: HealthCollector): HealthCollector {
  return { ...collector, unavailable: async () => 'not read over ssh' }
}
