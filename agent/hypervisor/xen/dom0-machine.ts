import type { Machine } from '../../schedule/host-loop.js'
import type { Capability, HostFacts, HostRaw } from '../hypervisor.js'

/** What /proc of dom0 says of dom0 alone, and of the machine would be wrong. */
const dom0Only = [
  'cpuUsedSeconds',
  'cpuUserSeconds',
  'cpuSystemSeconds',
  'cpuIdleSeconds',
  'cpuIowaitSeconds',
  'cpuStealSeconds',
  'cpuGuestSeconds',
  'cpuThreads',
  'memoryBytes',
  'memoryAvailableBytes',
  'memoryFreeBytes',
] as const satisfies readonly (keyof HostRaw)[]

/** Names of capabilities that only the Xen driver can speak for. */
const ofDriver: ReadonlySet<string> = new Set(['host-cpu', 'host-memory'])

/**
 * The machine beneath Xen as dom0 sees it: its disks, networks, file systems and load are the machine's; its CPUs and its
 * memory are a share of the machine's, of which the driver knows the whole.
 */
export function dom0Machine(dom0: Machine): Machine {
  return {
    ...dom0,
    async sample(signal) {
      const { host, collectors } = await dom0.sample(signal)
      return { host: withoutShare(host), collectors }
    },
    async complete(known) {
      const { cpuCores, cpuThreads, cpuMhz } = known
      const own: HostFacts = await dom0.complete(known)
      return {
        ...own,
        memoryBytes: known.memoryBytes,
        ...(cpuCores === undefined ? {} : { cpuCores }),
        ...(cpuThreads === undefined ? {} : { cpuThreads }),
        ...(cpuMhz === undefined ? {} : { cpuMhz }),
      }
    },
    async capabilities() {
      const own = await dom0.capabilities()
      return own.filter(({ name }) => !ofDriver.has(name)).map(ofDom0)
    },
  }
}

function withoutShare(host: HostRaw): HostRaw {
  const left: { -readonly [Key in keyof HostRaw]: HostRaw[Key] } = { ...host }
  for (const name of dom0Only) delete left[name]
  return left
}

function ofDom0(capability: Capability): Capability {
  if (capability.name !== 'host-psi' || capability.support === 'no') return capability
  return { ...capability, support: 'degraded', reason: "pressure in dom0's own kernel; the VMs' kernels are not seen" }
}
