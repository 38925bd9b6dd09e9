import { formatMemory } from '../../common/units.js'
import { finding, type Finding, type Subject } from '../model/finding.js'
import { valueOf, type Host } from '../model/snapshot.js'
import type { HostCapacity } from './capacity.js'
import type { HostFailure } from './host-failure.js'
import type { MemoryLedger } from './memory-ledger.js'

/** Missing less than this share of a VM's memory is a near miss, worth a word: memory that firmware keeps back is of this order. */
const nearMissShare = 1 / 16

/** `3`, or `3; 2 MiB short of 4` where little is missing. */
export function roomText(
  { room, shortOfNextBytes }: { readonly room: number; readonly shortOfNextBytes: number },
  vmMemoryBytes: number,
): string {
  const near = room + 1
  return shortOfNextBytes <= vmMemoryBytes * nearMissShare
    ? `${room}; ${formatMemory(shortOfNextBytes)} short of ${near}`
    : String(room)
}

/** Two figures of one machine's memory that differ by more than this share are not of one machine. */
const sameMemoryShare = 0.02

/** The worst first. */
const weight = { critical: 0, warning: 1, info: 2 } as const satisfies Record<Finding['severity'], number>

/** What the capacity check says about each host, the worst first, and in the order of hosts within that. */
export function capacityFindings(hosts: readonly HostCapacity[], vmMemoryBytes: number): Finding[] {
  const findings = hosts.flatMap(({ host, ledger, failure }) => [
    ...roomFindings(host, ledger, vmMemoryBytes),
    ...memoryFindings(host),
    ...failureFindings(host, failure),
  ])
  return findings.toSorted((a, b) => weight[a.severity] - weight[b.severity])
}

function roomFindings(host: Host, { balance, reserveBytes }: MemoryLedger, vmMemoryBytes: number): Finding[] {
  const subject = hostSubject(host)
  if ('absent' in balance) {
    return [
      finding({ check: 'room-unknown', severity: 'warning', subject, message: `room is not known: ${balance.absent}` }),
    ]
  }
  const findings: Finding[] = []
  const room = roomText(balance, vmMemoryBytes)
  if (host.status !== 'up') {
    findings.push(
      finding({
        check: `host-${host.status}`,
        severity: 'critical',
        subject,
        message: `the host is ${host.status}; its last known room (${room}) does not count`,
      }),
    )
  }
  if (balance.spareBytes < 0) {
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

function hostSubject({ id, name }: Host): Subject {
  return { kind: 'host', id, name }
}

/**
 * Under KVM the hypervisor manages what the kernel has, so libvirt and /proc/meminfo say the same; unless the agent reads the
 * /proc of a container or of another machine. Under Xen /proc is dom0's own, and says nothing of the machine.
 */
function memoryFindings(host: Host): Finding[] {
  const managed = valueOf(host.memoryBytes)
  const seen = valueOf(host.metrics['memoryBytes'])
  if (host.kind !== 'kvm' || managed === undefined || seen === undefined) return []
  if (Math.abs(managed - seen) <= Math.max(managed, seen) * sameMemoryShare) return []
  return [
    finding({
      check: 'memory-contradiction',
      severity: 'warning',
      subject: hostSubject(host),
      message: `the hypervisor manages ${formatMemory(managed)}, and the agent sees a machine of ${formatMemory(seen)}: its /proc may be a container's; room counts the former`,
    }),
  ]
}

function failureFindings(host: Host, { neededBytes, freeBytes, fits, unplaced }: HostFailure): Finding[] {
  if (fits) return []
  const needed = formatMemory(neededBytes)
  const free = formatMemory(freeBytes)
  const why =
    neededBytes > freeBytes
      ? `its VMs need ${needed}, ${free} is free on equal hypervisors, ${formatMemory(neededBytes - freeBytes)} short`
      : `its VMs need ${needed} and ${free} is free on equal hypervisors, but in pieces too small or for a size not known: ${named(unplaced)}`
  return [
    finding({
      check: 'host-failure',
      severity: 'warning',
      subject: hostSubject(host),
      message: `if it fails, not all its VMs find a place: ${why}`,
    }),
  ]
}

function named(names: readonly string[]): string {
  const shown = names.slice(0, 3).join(', ')
  return names.length > 3 ? `${shown} and ${names.length - 3} more` : shown
}
