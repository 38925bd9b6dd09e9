import type { CapabilityName } from '../../../common/capabilities.js'
import type { Capability } from '../hypervisor.js'
import { hasProcess, listedDomain } from './domain-state.js'
import { withMonitor } from './monitor-access.js'
import { getDomainStats, statsGroup, type DomainRef } from './procedures.js'
import { readResidentBytes } from './qemu-process.js'
import type { ReaderMemory } from './reader-memory.js'
import type { FollowedSession } from './session-keeper.js'
import type { Session } from './session.js'
import { vcpuWaitSeconds } from './to-raw.js'

const listDeadlineMs = 5000
const vmDeadlineMs = 2000

/**
 * What can be measured through this connection. What only a running VM shows is taken as working while none runs. Figures of
 * the machine itself are not libvirt's business, and not listed.
 * @throws HypervisorUnavailable, LibvirtError, CallAbandoned
 */
export async function probeLibvirt(
  session: FollowedSession,
  memory: ReaderMemory,
  signal: AbortSignal,
): Promise<readonly Capability[]> {
  const list = await getDomainStats(session.control, [], statsGroup.state, { deadlineMs: listDeadlineMs, signal })
  const running = list
    .map(listedDomain)
    .filter(({ state }) => hasProcess(state))
    .map(({ domain }) => domain)
  await memory.processes.update(running, memory.now())
  const yes = (name: CapabilityName): Capability => ({ name, support: 'yes' })
  return [
    session.hasEvents
      ? yes('events')
      : { name: 'events', support: 'no' satisfies Capability['support'], reason: 'libvirt refused to send events' },
    yes('cpu'),
    await probeVcpuWait(session, memory, running, signal),
    yes('memory-size'),
    {
      name: 'memory-guest',
      support: 'degraded',
      reason: 'only of guests whose balloon driver reports, with a statistics period set in their definition',
    },
    await probeResident(memory, running),
    { name: 'memory-active', support: 'no', reason: 'an estimate that only ESXi makes' },
    yes('disk-bytes'),
    yes('disk-requests'),
    yes('disk-latency'),
    yes('disk-flush'),
    { name: 'nic', support: 'degraded', reason: 'only of NICs that have a device on the host' },
  ]
}

async function probeVcpuWait(
  session: Session,
  memory: ReaderMemory,
  running: readonly DomainRef[],
  signal: AbortSignal,
): Promise<Capability> {
  const name: CapabilityName = 'vcpu-wait'
  const [domain] = running
  if (domain === undefined) return { name, support: 'yes' }
  let seconds: number | undefined
  const request = { session, domain, deadlineMs: vmDeadlineMs, skipIfBusy: false, signal }
  const outcome = await withMonitor(memory, request, async (caller) => {
    const [stats] = await getDomainStats(caller, [domain], statsGroup.vcpu)
    seconds = stats === undefined ? undefined : vcpuWaitSeconds(stats.parameters)
  })
  // A VM that does not answer says nothing about the others.
  if (outcome.status !== 'done' || seconds !== undefined) return { name, support: 'yes' }
  return { name, support: 'no', reason: 'neither libvirt nor the kernel counts it' }
}

async function probeResident(memory: ReaderMemory, running: readonly DomainRef[]): Promise<Capability> {
  const name: CapabilityName = 'memory-rss'
  if (running.length === 0) return { name, support: 'yes' }
  for (const { uuid } of running) {
    const process = memory.processes.run(uuid)?.process
    if (process === undefined) continue
    const bytes = readResidentBytes(memory.files, memory.procRoot, process.pid, memory.pageBytes)
    if (bytes !== undefined) return { name, support: 'yes' }
  }
  return { name, support: 'no', reason: `no QEMU process can be seen in ${memory.procRoot}` }
}
