import { capabilityNames, type CapabilityName } from '../../../common/capabilities.js'
import { esxiCapabilitiesAtBest } from '../esxi/esxi-capabilities.js'
import type { Capability, HypervisorKind } from '../hypervisor.js'

const noStorage = {
  'host-writeback': { support: 'no', reason: 'a simulated machine writes nothing later' },
  'storage-exports': { support: 'no', reason: 'a simulated machine is no storage server' },
  'host-processes': { support: 'no', reason: 'a simulated machine has no processes of its own' },
  'storage-health': { support: 'no', reason: 'a simulated machine has no RAID and no disks of its own' },
} as const

/**
 * What the real driver of each kind can measure. The simulated hypervisor knows everything and shows no more than that.
 * A name that is not listed is fully supported.
 */

const limits: Readonly<Record<HypervisorKind, Partial<Record<CapabilityName, Omit<Capability, 'name'>>>>> = {
  kvm: {
    'memory-active': { support: 'no', reason: 'an estimate that only ESXi makes' },
    ...noStorage,
  },
  xen: {
    'vcpu-wait': { support: 'no', reason: 'libvirt has no waiting time for Xen' },
    'memory-guest': { support: 'no', reason: 'a Xen guest does not tell what it uses' },
    'memory-rss': { support: 'no', reason: 'a Xen guest holds all of its memory; it is no process of the host' },
    'memory-active': { support: 'no', reason: 'an estimate that only ESXi makes' },
    'disk-latency': { support: 'no', reason: "Xen does not time a VM's requests; see the latency of its array" },
    'disk-flush': { support: 'degraded', reason: 'flushes are counted, not timed' },
    'host-psi': { support: 'no', reason: 'the kernel has no pressure stall information' },
    ...noStorage,
  },
  esxi: Object.fromEntries(esxiCapabilitiesAtBest().map(({ name, ...limit }) => [name, limit])),
}

export function capabilitiesOf(kind: HypervisorKind): readonly Capability[] {
  return capabilityNames.map((name) => ({ name, support: 'yes', ...limits[kind][name] }))
}

/** Names of what is measured at all. */
export function measuredBy(kind: HypervisorKind): ReadonlySet<CapabilityName> {
  return measured[kind]
}

function namesOf(kind: HypervisorKind): ReadonlySet<CapabilityName> {
  return new Set(capabilityNames.filter((name) => limits[kind][name]?.support !== 'no'))
}

const measured = { kvm: namesOf('kvm'), xen: namesOf('xen'), esxi: namesOf('esxi') }
