import { formatMemory } from '../../common/units.js'
import { finding, hostSubject, type Finding } from '../model/finding.js'
import type { Policy } from '../model/policy.js'
import { takesVms, valueOf, type Host } from '../model/snapshot.js'
import type { HostCapacity } from './capacity.js'
import type { HostFailure } from './host-failure.js'
import { named } from './in-words.js'
import type { MemoryLedger } from './memory-ledger.js'
import { victimsOf } from './policy/victims.js'

/** `3`, or `3; 2 MiB short of 4` where little is missing. */
export function roomText(
  { room, shortOfNextBytes }: { readonly room: number; readonly shortOfNextBytes: number },
  { limits, thresholds }: Policy,
): string {
  const near = room + 1
  return shortOfNextBytes <= limits.vmMemoryBytes * thresholds['near-miss'].within
    ? `${room}; ${formatMemory(shortOfNextBytes)} short of ${near}`
    : String(room)
}

/** What the capacity check says about each host, in their order. */
export function capacityFindings(hosts: readonly HostCapacity[], policy: Policy): Finding[] {
  return hosts.flatMap(({ host, ledger, failure }) => [
    ...roomFindings(host, ledger, policy),
    ...memoryFindings(host, policy),
    ...failureFindings(host, failure),
  ])
}

function roomFindings(
  host: Host,
  { balance, reserveBytes, memory, occupants }: MemoryLedger,
  policy: Policy,
): Finding[] {
  const { vmMemoryBytes } = policy.limits
  const subject = hostSubject(host)
  const findings: Finding[] = []
  const room = 'absent' in balance ? 'not known' : roomText(balance, policy)
  if (host.status !== 'up') {
    const { names, related } = victimsOf(occupants)
    const onIt = related.length === 0 ? '' : `; on it: ${names}`
    findings.push(
      finding({
        check: `host-${host.status}`,
        severity: 'critical',
        subject,
        message: `the host is ${host.status}${onIt}${takesVms(host) ? `; its last known room (${room}) does not count` : ''}`,
        related,
      }),
    )
  }
  if (!takesVms(host)) return findings
  if ('absent' in balance) {
    const message = `room is not known: ${balance.absent}`
    return [...findings, finding({ check: 'room-unknown', severity: 'warning', subject, message })]
  }
  const beyondBytes = -balance.spareBytes - reserveBytes
  if (beyondBytes > 0) {
    findings.push(
      finding({
        check: 'memory-overcommit',
        severity: 'warning',
        subject,
        message: `its VMs may grow to ${formatMemory(beyondBytes)} more than all its memory (${formatMemory(valueOf(memory) ?? 0)}); nothing is left for the hypervisor`,
      }),
    )
  } else if (balance.spareBytes < 0) {
    findings.push(
      finding({
        check: 'into-reserve',
        severity: 'warning',
        subject,
        message: `its VMs reach ${formatMemory(-balance.spareBytes)} into the ${formatMemory(reserveBytes)} kept for the hypervisor; no room`,
      }),
    )
  } else if (balance.room === 0) {
    findings.push(
      finding({
        check: 'no-room',
        severity: 'info',
        subject,
        message: `no room for a VM of ${formatMemory(vmMemoryBytes)}: ${formatMemory(balance.spareBytes)} spare, ${formatMemory(balance.shortOfNextBytes)} short`,
      }),
    )
  } else if (room !== String(balance.room)) {
    findings.push(finding({ check: 'near-miss', severity: 'info', subject, message: `room for ${room}` }))
  }
  return findings
}

/**
 * Under KVM the hypervisor manages what the kernel has, so libvirt and /proc/meminfo say the same; unless the agent reads the
 * /proc of a container or of another machine. Under Xen /proc is dom0's own, and says nothing of the machine.
 */
function memoryFindings(host: Host, { thresholds }: Policy): Finding[] {
  const managed = valueOf(host.memoryBytes)
  const seen = valueOf(host.metrics['memoryBytes'])
  if (host.kind !== 'kvm' || managed === undefined || seen === undefined) return []
  if (Math.abs(managed - seen) <= Math.max(managed, seen) * thresholds['memory-contradiction'].above) return []
  return [
    finding({
      check: 'memory-contradiction',
      severity: 'warning',
      subject: hostSubject(host),
      message: `the hypervisor manages ${formatMemory(managed)}, and the agent sees a machine of ${formatMemory(seen)}: its /proc may be a container's; room counts the former`,
    }),
  ]
}

function failureFindings(host: Host, failure: HostFailure): Finding[] {
  const subject = hostSubject(host)
  const { fits, lost } = failure
  return [
    ...(fits
      ? []
      : [finding({ check: 'host-failure', severity: 'warning', subject, message: failureMessage(failure) })]),
    ...(lost.names.length === 0
      ? []
      : [
          finding({
            check: 'lost-with-host',
            severity: 'info',
            subject,
            message: `if it fails, ${named(lost.names)} (${formatMemory(lost.bytes)}) cannot start elsewhere until its local disks are moved`,
          }),
        ]),
  ]
}

function failureMessage({ neededBytes, freeBytes, unplaced, restartable, lost }: HostFailure): string {
  const needed = formatMemory(neededBytes)
  const free = formatMemory(freeBytes)
  const all =
    neededBytes > freeBytes
      ? `its VMs need ${needed}, ${free} is free on equal hypervisors, ${formatMemory(neededBytes - freeBytes)} short`
      : `its VMs need ${needed} and ${free} is free on equal hypervisors, but in pieces too small or for a size not known: ${named(unplaced)}`
  const said = `if it fails, not all its VMs find a place: ${all}`
  if (lost.names.length === 0) return said
  if (restartable.neededBytes === 0) return `${said}; all of them are on its local disks`
  const those = `those on shared storage need ${formatMemory(restartable.neededBytes)}`
  if (restartable.fits) return `${said}; ${those} and fit`
  return restartable.neededBytes > freeBytes
    ? `${said}; ${those}, ${formatMemory(restartable.neededBytes - freeBytes)} short`
    : `${said}; ${those} and do not all fit either: ${named(restartable.unplaced)}`
}
