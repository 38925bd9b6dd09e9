import { randomUUID } from 'node:crypto'
import { access, readFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'

import { makeDirectoryDurably, writeDurably } from '../common/durable-file.js'
import type { Log } from '../common/log.js'
import type { AgentConfig } from './config.js'
import type { Errands } from './errands.js'
import type { MachineFacts } from './host/machine-facts.js'
import { createMachine } from './host/machine.js'
import type { Capability, HostFacts, Hypervisor } from './hypervisor/hypervisor.js'
import { openLibvirt, type LibvirtOptions } from './hypervisor/libvirt/driver.js'
import type { XenOptions } from './hypervisor/xen/driver.js'
import type { Machine } from './schedule/host-loop.js'
import { readArrayCounters } from './storage/array-counters.js'
import { createArrayResolver } from './storage/array-resolver.js'

/** A hypervisor and, where its driver does not know the machine beneath, the machine. */
export interface Source {
  readonly hypervisor: Hypervisor
  readonly machine: Machine | undefined
}

type HypervisorConfig = AgentConfig['hypervisors'][number]

/**
 * Opens one entry of the configuration; a fleet file opens as many hosts as it has.
 * @throws HypervisorUnavailable, HypervisorDenied, ConfigError
 */
export async function openSources(
  entry: HypervisorConfig,
  config: AgentConfig,
  { errands, log, now }: { readonly errands: Errands; readonly log: Log; readonly now: () => number },
): Promise<readonly Source[]> {
  if (entry.kind === 'simulated') {
    // Loaded only here: a real hypervisor's agent has no use for it.
    const { loadFleet } = await import('./hypervisor/simulated/fleet-file.js')
    const { openSimulatedFleet } = await import('./hypervisor/simulated/simulated-fleet.js')
    const hypervisors = openSimulatedFleet({
      spec: loadFleet(entry.fleet),
      seed: entry.seed,
      speed: entry.speed,
      now,
      log,
      statePath: join(config.data, 'simulated-fleet.json'),
    })
    return hypervisors.map((hypervisor) => ({ hypervisor, machine: undefined }))
  }
  if (entry.kind === 'esxi') return openEsxiSources(entry, { dataDir: config.data, log, now })
  const { proc: procRoot, sys: sysRoot, dev: devRoot, root: rootFs } = config.paths
  const known = await rememberedHostId(config.data)
  const options = {
    ...(known === undefined ? {} : { hostId: known }),
    procRoot,
    sysRoot,
    hostName: config.name ?? hostname(),
    createResolver: (hostId: string) => createArrayResolver({ procRoot, sysRoot, devRoot, rootFs, hostId, log }),
    log,
    now,
  }
  const source = await openMachine(entry, options, linuxMachine(config, errands, log))
  if (known === undefined) await rememberHostId(config.data, source.hypervisor.identity.hostId)
  return [source]
}

type MachineConfig = Extract<HypervisorConfig, { kind: 'libvirt' | 'xen-tools' }>

/** A hypervisor of the machine that this program runs on. */
async function openMachine(
  entry: MachineConfig,
  options: Omit<LibvirtOptions, 'socket' | 'uri'>,
  machine: Machine,
): Promise<Source> {
  if (entry.kind === 'libvirt' && entry.uri === 'qemu:///system') {
    return { hypervisor: await openLibvirt({ ...options, ...libvirtOf(entry) }), machine }
  }
  // Loaded only here, as the simulated fleet is.
  const { openXen } = await import('./hypervisor/xen/driver.js')
  const { dom0Machine } = await import('./hypervisor/xen/dom0-machine.js')
  const management: XenOptions['management'] =
    entry.kind === 'libvirt' ? { kind: 'libvirt', ...libvirtOf(entry) } : await toolsOf(entry)
  const hypervisor = await openXen({ ...options, management, newHostId: () => randomUUID() })
  return { hypervisor, machine: dom0Machine(machine) }
}

function libvirtOf({
  socket,
  uri,
}: Extract<HypervisorConfig, { kind: 'libvirt' }>): Pick<LibvirtOptions, 'socket' | 'uri'> {
  return { uri, ...(socket === undefined ? {} : { socket }) }
}

async function toolsOf({
  program,
}: Extract<HypervisorConfig, { kind: 'xen-tools' }>): Promise<XenOptions['management']> {
  const { LocalToolOutput } = await import('./hypervisor/xen/local-tool-output.js')
  return { kind: 'tools', output: new LocalToolOutput(program === undefined ? {} : { programs: [program] }) }
}

/** An ESXi host, or all hosts of a vCenter. Loaded only here, as the simulated fleet is. */
async function openEsxiSources(
  { url: address, user, passwordFile, thumbprint, caFile }: Extract<HypervisorConfig, { kind: 'esxi' }>,
  shared: { readonly dataDir: string; readonly log: Log; readonly now: () => number },
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

const hostIdFile = 'host-id'

/**
 * The host's id is libvirt's UUID of the first time, kept: on machines whose firmware has none, libvirt makes up another
 * one at each of its starts.
 */
async function rememberedHostId(dataDir: string): Promise<string | undefined> {
  try {
    const text = (await readFile(join(dataDir, hostIdFile), 'utf8')).trim()
    return text === '' ? undefined : text
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

async function rememberHostId(dataDir: string, hostId: string): Promise<void> {
  makeDirectoryDurably(dataDir)
  await writeDurably(join(dataDir, hostIdFile), `${hostId}\n`)
}

function linuxMachine(config: AgentConfig, errands: Errands, log: Log): Machine {
  const { proc: procRoot, sys: sysRoot, root: rootFs } = config.paths
  const machine = createMachine({ procRoot, sysRoot, rootFs, log })
  let facts: Promise<Partial<MachineFacts>> | undefined
  return {
    async sample(signal) {
      const { host, runs } = await machine.sample(signal)
      return { host, collectors: runs }
    },
    async complete(known: HostFacts) {
      // Once: it forks processes.
      facts ??= errands.machineFacts({ procRoot, sysRoot }).catch((error: unknown) => {
        log.warn({ err: error }, 'the machine inventory is missing')
        return {}
      })
      const { hostname: _hostname, bootId: _bootId, memoryBytes: _memory, ...own } = await facts
      // libvirt guesses the CPU's name; how much memory there is for VMs it knows best.
      return { ...known, ...own }
    },
    async capabilities() {
      const psi = await access(join(procRoot, 'pressure')).then(
        (): Capability => ({ name: 'host-psi', support: 'yes' }),
        (): Capability => ({ name: 'host-psi', support: 'no', reason: 'this kernel does not account for pressure' }),
      )
      return [
        { name: 'host-cpu', support: 'yes' },
        { name: 'host-memory', support: 'yes' },
        psi,
        { name: 'array-counters', support: 'degraded', reason: 'of arrays that are block devices of this machine' },
      ]
    },
    arrays: (arrays) => readArrayCounters(arrays, procRoot),
  }
}
