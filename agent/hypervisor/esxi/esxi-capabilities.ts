import type { CapabilityName } from '../../../common/capabilities.js'
import type { Capability } from '../hypervisor.js'
import {
  allCounters,
  datastoreCounters,
  diskCounters,
  nicCounters,
  type CounterIds,
  type CounterName,
} from './counters.js'

/** What this server's counters allow. */
export function esxiCapabilities(counters: CounterIds): readonly Capability[] {
  const can = (
    name: CapabilityName,
    needed: readonly CounterName[],
    reason?: string,
    support: 'yes' | 'degraded' = reason === undefined ? 'yes' : 'degraded',
  ): Capability => {
    const missing = needed.find((counter) => !counters.has(counter))
    if (missing !== undefined) return no(name, `this server has no counter ${missing}`)
    return { name, support, ...(reason === undefined ? {} : { reason }) }
  }
  const [readBytes, writeBytes, readRequests, writeRequests, readLatency, writeLatency] = diskCounters
  return [
    can('events', [], 'states and definitions as they change; not why a VM stopped'),
    can('cpu', [counters.has('cpu.used.summation') ? 'cpu.used.summation' : 'cpu.usage.average']),
    can('vcpu-wait', ['cpu.ready.summation']),
    { name: 'memory-size', support: 'yes' },
    no('memory-guest', 'ESXi estimates the active memory instead'),
    can('memory-rss', ['mem.consumed.average'], 'consumed memory as ESXi counts it'),
    can('memory-active', ['mem.active.average', 'mem.vmmemctl.average', 'mem.swapped.average']),
    can('disk-bytes', [readBytes, writeBytes]),
    can('disk-requests', [readRequests, writeRequests], 'means of 20 s in whole requests a second'),
    can(
      'disk-latency',
      [readLatency, writeLatency, readRequests, writeRequests],
      'means of 20 s in whole milliseconds',
      // `degraded` would say that it is that of the device beneath.
      'yes',
    ),
    no('disk-flush', 'ESXi does not count flushes'),
    can('nic', nicCounters, 'bytes only, no errors'),
    can('array-counters', datastoreCounters, 'of the datastores of this host, means of 20 s in whole numbers'),
    no('canary', 'an ESXi host is read from beside: nothing is written to its storage'),
    can('host-cpu', ['cpu.usage.average'], 'not divided into user and system, no load average'),
    can('host-memory', ['mem.consumed.average'], 'of swap only what goes in and out'),
    no('host-psi', 'ESXi has no pressure stall information'),
    no('host-processes', 'processes of an ESXi host are not read'),
    no('host-writeback', 'ESXi tells nothing of it'),
    no('storage-exports', 'an ESXi host is no storage server'),
    no('storage-health', 'disks and RAID of an ESXi host are not read'),
  ]
}

/** What a server with all counters allows. */
export function esxiCapabilitiesAtBest(): readonly Capability[] {
  return esxiCapabilities(new Map(allCounters.map((name, index) => [name, index])))
}

function no(name: CapabilityName, reason: string): Capability {
  return { name, support: 'no', reason }
}
