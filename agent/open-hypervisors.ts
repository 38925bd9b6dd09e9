import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { join } from 'node:path'

import type { Log } from '../common/log.js'
import { limitsStand } from './commands/limit-keeper.js'
import { movesStand } from './commands/move-marks.js'
import type { AgentConfig } from './config.js'
import type { Errands } from './errands.js'
import { hostEntryName, isOfThisMachine } from './host-entry.js'
import { HostIds, underOwnId } from './host-ids.js'
import { linuxMachine } from './host/linux-machine.js'
import { createLocalFiles } from './host/local-files.js'
import { Turns } from './host/turns.js'
import type { MachineFacts } from './host/machine-facts.js'
import type { MachineFiles } from './host/machine-files.js'
import type { EsxiOptions } from './hypervisor/esxi/driver.js'
import type { RefusedLogin } from './hypervisor/esxi/refused-login.js'
import type { Hypervisor } from './hypervisor/hypervisor.js'
import { openLibvirt } from './hypervisor/libvirt/driver.js'
import type { XenOptions } from './hypervisor/xen/driver.js'
import { calibratedMachine } from './storage/calibrate/calibrated-machine.js'
import { readCalibrations } from './storage/calibrate/kept-calibrations.js'
import type { Machine } from './schedule/host-loop.js'
import { createArrayResolver, type ArrayResolver } from './storage/array-resolver.js'
import { ExportReader } from './storage/exports/export-source.js'
import { lioSource } from './storage/exports/lio.js'
import { tgtSource } from './storage/exports/tgt.js'
import { openStorageHealth, type StorageHealthSettings } from './storage/health/open-storage-health.js'

/** A hypervisor and, where its driver does not know the machine beneath, the machine. */
export interface Source {
  readonly hypervisor: Hypervisor
  readonly machine: Machine | undefined
}

export interface Opening {
  readonly errands: Errands
  readonly hostIds: HostIds
  /** Of this entry, however often it is opened. */
  readonly refusedLogin: RefusedLogin
  readonly log: Log
  readonly now: () => number
  /** Gives up what waits for another machine. */
  readonly signal: AbortSignal
}

/** What reads it wakes controllers and takes locks. */
const shortestHealthMs = 10_000

type HypervisorConfig = AgentConfig['hypervisors'][number]
/** One machine: this one, or one over ssh. */
type MachineConfig = Extract<HypervisorConfig, { kind: 'libvirt' | 'xen-tools' }>
type LocalConfig = MachineConfig | Extract<HypervisorConfig, { kind: 'storage' }>

/**
 * Opens one entry of the configuration; a fleet file opens as many hosts as it has.
 * @throws HypervisorUnavailable, HypervisorDenied, ConfigError
 */
export async function openSources(
  entry: HypervisorConfig,
  config: AgentConfig,
  opening: Opening,
): Promise<readonly Source[]> {
  const { log, now } = opening
  switch (entry.kind) {
    case 'simulated': {
      // Loaded only here: a real hypervisor's agent has no use for it.
      const { loadFleet } = await import('../common/fleet-file/fleet-file.js')
      const { openSimulatedFleet } = await import('./hypervisor/simulated/simulated-fleet.js')
      const hypervisors = openSimulatedFleet({
        spec: loadFleet(entry.fleet),
        seed: entry.seed,
        speed: entry.speed,
        now,
        log,
        statePath: join(config.data, 'simulated-fleet.json'),
        control: mayAct(config, now),
      })
      return hypervisors.map((hypervisor) => ({ hypervisor, machine: undefined }))
    }
    case 'esxi':
      return openEsxiSources(entry, {
        dataDir: config.data,
        refused: opening.refusedLogin,
        control: mayAct(config, now),
        log,
        now,
      })
    case 'storage':
      return [await openLocal(entry, config, opening)]
    case 'libvirt':
    case 'xen-tools':
      return [
        entry.ssh === undefined ? await openLocal(entry, config, opening) : await openOverSsh(entry, config, opening),
      ]
  }
}

/** What a person knows the entry by. */
export function entryLabel(entry: HypervisorConfig): string {
  const name = hostEntryName(entry)
  if (name === undefined || name === '') return entry.kind
  return 'ssh' in entry && entry.ssh !== undefined ? `${name} over ssh` : name
}

/** The ids of hosts as they were kept. */
export function loadHostIds({ data, hypervisors }: AgentConfig, log: Log): Promise<HostIds> {
  return HostIds.load(
    data,
    hypervisors.flatMap((entry) => hostEntryName(entry) ?? []),
    log,
  )
}

/** An ESXi host, or all hosts of a vCenter. Loaded only here, as the simulated fleet is. */
async function openEsxiSources(
  { url: address, user, passwordFile, thumbprint, caFile }: Extract<HypervisorConfig, { kind: 'esxi' }>,
  shared: Pick<EsxiOptions, 'dataDir' | 'refused' | 'control' | 'log' | 'now'>,
): Promise<readonly Source[]> {
  const { openEsxi } = await import('./hypervisor/esxi/driver.js')
  const { trustOf } = await import('./hypervisor/esxi/trust.js')
  const url = new URL(address)
  if (url.pathname === '/') url.pathname = '/sdk'
  const hypervisors = await openEsxi({
    url,
    user,
    passwordFile,
    trust: await trustOf({ thumbprint, caFile }),
    ...shared,
  })
  return hypervisors.map((hypervisor) => ({ hypervisor, machine: undefined }))
}

/** A host that is read over ssh. Loaded only here, as the simulated fleet is. */
async function openOverSsh(entry: MachineConfig, config: AgentConfig, opening: Opening): Promise<Source> {
  const { hostIds, log, now, signal } = opening
  const { ssh, name } = entry
  if (ssh === undefined) throw new Error('no ssh')
  const { openRemote } = await import('./hypervisor/remote/open-remote.js')
  const own = join(config.data, 'ssh')
  const { act, ...way } = ssh
  const target = {
    ...way,
    identityFile: ssh.identityFile ?? join(own, 'key'),
    knownHostsFile: ssh.knownHostsFile ?? join(own, 'known_hosts'),
  }
  return openRemote({
    target,
    acting:
      act !== undefined && mayAct(config, now)
        ? { ...target, user: act.user, identityFile: act.identityFile ?? join(own, 'key-act') }
        : undefined,
    read: entry.kind === 'libvirt' ? entry.uri : 'xen-tools',
    name,
    hostIds,
    entry: hostEntryName(entry) ?? '',
    storageHealth: healthSettings(config),
    log,
    now,
    signal,
  })
}

async function openLocal(
  entry: LocalConfig,
  config: AgentConfig,
  { errands, hostIds, log, now }: Opening,
): Promise<Source> {
  const { proc: procRoot, sys: sysRoot, dev: devRoot, root: rootFs } = config.paths
  const files = createLocalFiles()
  const turns = new Turns(2)
  const options = {
    files,
    procRoot,
    sysRoot,
    hostName: entry.name ?? config.name ?? hostname(),
    createResolver: (hostId: string) =>
      createArrayResolver({ files, procRoot, sysRoot, devRoot, rootFs, hostId, turns, log, now }),
    log,
    now,
  }
  const storageHealth = openStorageHealth(healthSettings(config), {
    files,
    procRoot,
    sysRoot,
    rootFs,
    now,
    runsPrograms: true,
  })
  const withCanaries = async (plain: Machine, { identity }: Hypervisor): Promise<Machine> => {
    const isFirst = config.hypervisors.find(isOfThisMachine) === entry
    const machine = isFirst ? calibratedMachine(plain, () => readCalibrations(config.data), log) : plain
    if (config.canary.length === 0 || !isFirst) return machine
    // Loaded only here: few have one.
    const { canaryMachine } = await import('./storage/canary/canary-machine.js')
    const { startCanaryThread } = await import('./storage/canary/canary-thread.js')
    return canaryMachine(machine, {
      settings: config.canary,
      createResolver: () => options.createResolver(identity.hostId),
      files,
      procRoot,
      startThread: startCanaryThread,
      monotonicMs: () => performance.now(),
      log,
    })
  }
  let facts: Promise<Partial<MachineFacts>> | undefined
  const machine = await linuxMachine({
    files,
    procRoot,
    sysRoot,
    rootFs,
    log,
    storageHealth,
    readsProcesses: true,
    // Only which devices there are: no key of this host is told.
    exports: openExports(config, { files, sysRoot, resolve: options.createResolver('') }),
    // Once: it forks processes.
    facts: () =>
      (facts ??= errands.machineFacts({ procRoot, sysRoot }).catch((error: unknown) => {
        log.warn({ err: error }, 'the machine inventory is missing')
        return {}
      })),
  })
  const name = hostEntryName(entry) ?? ''
  if (entry.kind === 'storage') {
    // Loaded only here, as the simulated fleet is.
    const { openStorageServer } = await import('./hypervisor/storage/storage-server.js')
    const hypervisor = await underOwnId(hostIds, name, async (id) =>
      openStorageServer({ ...options, ...id, newHostId: () => randomUUID() }),
    )
    return { hypervisor, machine: await withCanaries(machine, hypervisor) }
  }
  if (entry.kind === 'libvirt' && entry.uri === 'qemu:///system') {
    const libvirt = libvirtOf(entry)
    const control = mayAct(config, now)
    const hypervisor = await underOwnId(hostIds, name, (id) =>
      openLibvirt({ ...options, ...libvirt, control, migration: config.migration, ...id }),
    )
    return { hypervisor, machine: await withCanaries(machine, hypervisor) }
  }
  // Loaded only here, as the simulated fleet is.
  const { openXen } = await import('./hypervisor/xen/driver.js')
  const { dom0Machine } = await import('./hypervisor/xen/dom0-machine.js')
  const management: XenOptions['management'] =
    entry.kind === 'libvirt' ? { kind: 'libvirt', ...libvirtOf(entry) } : await toolsOf(entry)
  const control = mayAct(config, now) ? await xenControlOf(entry) : undefined
  const hypervisor = await underOwnId(hostIds, name, (id) =>
    openXen({ ...options, management, control, ...id, newHostId: () => randomUUID() }),
  )
  return { hypervisor, machine: await withCanaries(dom0Machine(machine), hypervisor) }
}

function openExports(
  { exports: { tgt, lio } }: AgentConfig,
  {
    files,
    sysRoot,
    resolve,
  }: { readonly files: MachineFiles; readonly sysRoot: string; readonly resolve: ArrayResolver },
): ExportReader {
  const sources = [
    ...(tgt === 'off' ? [] : [tgtSource(tgt, () => performance.now())]),
    ...(lio ? [lioSource(sysRoot, files)] : []),
  ]
  return new ExportReader(sources, resolve)
}

function healthSettings({ storageHealth: { interval, raidInterval, ...rest } }: AgentConfig): StorageHealthSettings {
  return {
    intervalMs: Math.max(shortestHealthMs, interval),
    raidIntervalMs: Math.max(shortestHealthMs, raidInterval),
    ...rest,
  }
}

/**
 * What allows nothing needs no connection that could do anything, but to end the limits that were set, and to bring the moves to their end that were
 * begun, while something was allowed.
 */
function mayAct({ allow, data }: AgentConfig, now: () => number): boolean {
  return allow.length > 0 || limitsStand(data) || movesStand(data, now())
}

function libvirtOf({ socket, uri }: Extract<MachineConfig, { kind: 'libvirt' }>): { uri: string; socket?: string } {
  return { uri, ...(socket === undefined ? {} : { socket }) }
}

/** Of this dom0. What xl and xm do takes root. */
async function xenControlOf(entry: MachineConfig): Promise<XenOptions['control']> {
  const { LocalToolOutput } = await import('./hypervisor/xen/local-tool-output.js')
  const { LocalXenActor } = await import('./hypervisor/xen/xen-acts.js')
  const { LibvirtControl } = await import('./hypervisor/libvirt/control.js')
  const programs = entry.kind === 'xen-tools' && entry.program !== undefined ? [entry.program] : undefined
  const output = new LocalToolOutput(programs === undefined ? {} : { programs })
  return {
    actor: new LocalXenActor(programs),
    info: (signal) => output.text('info', signal),
    libvirt:
      entry.kind === 'libvirt'
        ? new LibvirtControl({ socket: entry.socket, runRoot: '/run/libvirt', uri: entry.uri })
        : undefined,
  }
}

async function toolsOf({ program }: Extract<MachineConfig, { kind: 'xen-tools' }>): Promise<XenOptions['management']> {
  const { LocalToolOutput } = await import('./hypervisor/xen/local-tool-output.js')
  return { kind: 'tools', output: new LocalToolOutput(program === undefined ? {} : { programs: [program] }) }
}
