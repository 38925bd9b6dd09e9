import { access, mkdir, readFile, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'

import type { Log } from '../common/log.js'
import type { AgentConfig } from './config.js'
import { createMachine } from './host/machine.js'
import type { Capability, HostFacts, Hypervisor } from './hypervisor/hypervisor.js'
import { openLibvirt } from './hypervisor/libvirt/driver.js'
import { loadFleet } from './hypervisor/simulated/fleet-file.js'
import { openSimulatedFleet } from './hypervisor/simulated/simulated-fleet.js'
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
  { log, now }: { readonly log: Log; readonly now: () => number },
): Promise<readonly Source[]> {
  if (entry.kind === 'simulated') {
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
  const { proc: procRoot, sys: sysRoot, dev: devRoot, root: rootFs } = config.paths
  const known = await rememberedHostId(config.data)
  const hypervisor = await openLibvirt({
    ...(entry.socket === undefined ? {} : { socket: entry.socket }),
    ...(known === undefined ? {} : { hostId: known }),
    uri: entry.uri,
    procRoot,
    sysRoot,
    hostName: config.name ?? hostname(),
    createResolver: (hostId) => createArrayResolver({ procRoot, sysRoot, devRoot, rootFs, hostId, log }),
    log,
    now,
  })
  if (known === undefined) await rememberHostId(config.data, hypervisor.identity.hostId)
  return [{ hypervisor, machine: linuxMachine(config, log) }]
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
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  await writeFile(join(dataDir, hostIdFile), `${hostId}\n`, { mode: 0o600, flush: true })
}

function linuxMachine(config: AgentConfig, log: Log): Machine {
  const { proc: procRoot, sys: sysRoot, root: rootFs } = config.paths
  const machine = createMachine({ procRoot, sysRoot, rootFs, log })
  let facts: ReturnType<typeof machine.facts> | undefined
  return {
    async sample(signal) {
      const { host, runs } = await machine.sample(signal)
      return { host, collectors: runs }
    },
    async complete(known: HostFacts) {
      // Once: it forks processes. It has deadlines of its own and never rejects.
      facts ??= machine.facts(new AbortController().signal)
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
