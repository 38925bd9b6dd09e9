import type { CapabilityName } from '../../../common/capabilities.js'
import type { Capability, DiskRaw } from '../hypervisor.js'
import type { BackendDevices, DomainBackends } from './backend-devices.js'
import type { Toolstack } from './toolstack.js'

const mostNamed = 3

/** What is known of a host when it is asked what can be measured on it. */
export interface XenFindings {
  readonly toolstack: Pick<Toolstack, 'name' | 'capabilities'>
  readonly seesDom0: boolean
  readonly tellsFreeMemory: boolean
  /** Undefined: dom0 shows no back ends at all. */
  readonly served: readonly ServedVm[] | undefined
}

/** A running VM's disks as defined, and what dom0 counts for those it serves. */
export interface ServedVm {
  readonly name: string
  readonly defined: readonly string[]
  readonly counted: readonly DiskRaw[]
}

/**
 * What can be measured here. Some of it only running VMs show.
 * @throws HypervisorUnavailable, CallAbandoned, or what the toolstack says
 */
export async function probeXen(
  toolstack: Toolstack,
  backends: BackendDevices,
  signal: AbortSignal,
): Promise<readonly Capability[]> {
  const [{ dom0 }, defined, free] = await Promise.all([
    toolstack.list(signal),
    toolstack.definitions(signal),
    toolstack.freeBytes(signal),
  ])
  let domains: ReadonlyMap<number, DomainBackends> | undefined
  try {
    domains = backends.list()
  } catch {
    // Each pass says so as a gap.
    domains = new Map()
  }
  const served = defined.flatMap(({ domain, definition }): ServedVm[] => {
    if (domain.id < 0) return []
    const disks = domains?.get(domain.id)?.disks ?? []
    return [
      {
        name: domain.name,
        defined: definition.disks.flatMap(({ target, source }) => (source === undefined ? [] : target)),
        counted: disks.flatMap((disk) => backends.figures(disk) ?? []),
      },
    ]
  })
  return xenCapabilities({
    toolstack,
    seesDom0: dom0 !== undefined,
    // One that does not answer in time may do so the next time.
    tellsFreeMemory: typeof free === 'number' || free.reason !== 'failed',
    served: domains === undefined ? undefined : served,
  })
}

/** Xen's capabilities, the host's own included: dom0's kernel sees only its share of the machine. */
export function xenCapabilities(findings: XenFindings): readonly Capability[] {
  const { toolstack, seesDom0, tellsFreeMemory, served } = findings
  const yes = (name: CapabilityName): Capability => ({ name, support: 'yes' })
  const no = (name: CapabilityName, reason: string): Capability => ({ name, support: 'no', reason })
  const degraded = (name: CapabilityName, reason: string): Capability => ({ name, support: 'degraded', reason })
  const noBackends = 'the kernel here serves no Xen disks: this is not dom0, or its disk back end is not loaded'
  const noFreeMemory = `${toolstack.name} does not tell how much memory the hypervisor has left`
  const uncounted = served === undefined ? undefined : uncountedDisks(served)
  const ofDisks = (name: CapabilityName): Capability => {
    if (served === undefined) return no(name, noBackends)
    return uncounted === undefined ? yes(name) : degraded(name, uncounted)
  }
  return [
    ...toolstack
      .capabilities()
      .map((one) => (one.name === 'host-memory' && !tellsFreeMemory ? no(one.name, noFreeMemory) : one)),
    no('vcpu-wait', `${toolstack.name} has no waiting time for Xen`),
    no('memory-guest', 'a Xen guest does not tell what it uses'),
    no('memory-rss', 'a Xen guest holds all of its memory; it is no process of the host'),
    no('memory-active', 'an estimate that only ESXi makes'),
    ofDisks('disk-bytes'),
    ofDisks('disk-requests'),
    served === undefined
      ? no('disk-latency', noBackends)
      : degraded('disk-latency', "of dom0's device beneath the disk; Xen does not time a VM's own requests"),
    flushCapability(served, noBackends),
    served === undefined ? no('nic', noBackends) : degraded('nic', 'only of interfaces that have a vif device in dom0'),
    seesDom0
      ? degraded('host-cpu', "all domains' CPU time added up, dom0 included; load averages are dom0's own")
      : no('host-cpu', `${toolstack.name} does not list dom0, whose CPU time belongs to the machine's`),
  ]
}

/** Disks of running VMs that no back end in dom0's kernel counts. */
function uncountedDisks(served: readonly ServedVm[]): string | undefined {
  const missing = served.flatMap(({ name, defined, counted }) =>
    defined.filter((target) => !counted.some((disk) => disk.target === target)).map((target) => `${name} ${target}`),
  )
  if (missing.length === 0) return undefined
  const named = missing.slice(0, mostNamed).join(', ')
  const more = missing.length > mostNamed ? ` and ${missing.length - mostNamed} more` : ''
  return `not of disks that QEMU (qdisk) or a driver domain serves: ${named}${more}`
}

function flushCapability(served: readonly ServedVm[] | undefined, noBackends: string): Capability {
  const name: CapabilityName = 'disk-flush'
  if (served === undefined) return { name, support: 'no', reason: noBackends }
  const counted = served.flatMap((vm) => vm.counted)
  return counted.length > 0 && counted.every(({ flushRequests }) => flushRequests === undefined)
    ? { name, support: 'no', reason: "dom0's kernel does not count flushes" }
    : { name, support: 'degraded', reason: 'flushes are counted, not timed' }
}
