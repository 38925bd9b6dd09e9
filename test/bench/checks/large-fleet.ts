import type { FleetSpec } from '../../../common/fleet-file/fleet-spec.js'
import { parseFleet } from '../../../common/fleet-file/fleet-file.js'
import type { ProfileName } from '../../../agent/hypervisor/simulated/load-profiles.js'
import type { Policy } from '../../../controller/model/policy.js'
import type { Snapshot } from '../../../controller/model/snapshot.js'
import { fileSystemId, type KnownTrends } from '../../../controller/model/space-trend.js'
import { policyOf } from '../../support/policy-with.js'

export interface FleetSize {
  readonly hosts: number
  readonly arrays: number
  readonly vms: number
}

interface Ailments {
  readonly drainMBs: number
  /** On one host of so many core and personal VMs are mixed. */
  readonly mixedEvery: number
  /** One personal VM of so many lies on an array of core VMs. */
  readonly strayEvery: number
  /** One VM of so many writes without end. */
  readonly runawayEvery: number
  /** All VMs of a host do the same, so that some arrays have nothing but busy ones. */
  readonly isUneven: boolean
}

/**
 * A large fleet on a bad day, most of which is well: two hosts where personal VMs stand beside core VMs, a few VMs that write without end and those who
 * wait for them, a host that is lost, file systems that fill. Every five seconds somebody starts, stops or moves a VM.
 */
export function wellFleet(size: FleetSize): FleetSpec {
  const ailments = { drainMBs: 60, mixedEvery: 100, strayEvery: 400, runawayEvery: 2500, isUneven: false } as const
  return fleetOf(size, ailments, [
    { at: '1s', event: 'host-lost', host: 'h42' },
    ...[7, 77, 177].map((at) => ({ at: '1s', event: 'fill', host: `h${at}`, rate: '2GB/s' })),
  ])
}

/** The same fleet when a quarter of all VMs ail: nearly every array is too slow for what its VMs want. */
export function stormFleet(size: FleetSize): FleetSpec {
  const ailments = { drainMBs: 100, mixedEvery: 10, strayEvery: 40, runawayEvery: Infinity, isUneven: true } as const
  return fleetOf(size, ailments, [])
}

const profiles: readonly ProfileName[] = ['mail', 'web', 'idle', 'batch', 'idle']

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, at) => at)
}

/**
 * Each host sees five arrays. VMs are core on the first half of the hosts and personal on the second half. Core VMs have the even arrays, personal ones
 * the odd ones.
 */
function fleetOf({ hosts, arrays, vms }: FleetSize, ailments: Ailments, happens: readonly object[]): FleetSpec {
  const { drainMBs, mixedEvery, strayEvery, runawayEvery, isUneven } = ailments
  const isCore = (at: number): boolean => {
    const host = at % hosts
    return host % mixedEvery === mixedEvery - 1 ? at % 3 > 0 : host < hosts / 2
  }
  const nameOf = (at: number): string => `${isCore(at) ? 'c' : 'p'}${String(at).padStart(5, '0')}`
  const file = {
    name: 'large',
    hosts: numbers(hosts).map((at) => {
      const shape = {
        cores: 32,
        mhz: 2400,
        memoryMiB: 65_536,
        version: 'QEMU 7.2',
        os: 'Debian 12',
        localDisksGB: [500],
      }
      return { name: `h${at}`, hypervisor: 'kvm', ...shape }
    }),
    arrays: numbers(arrays).map((at) => {
      const sees = [0, 1, 2, 3, 4].map((step) => `h${(at + step) % hosts}`)
      return { name: `box${at}`, kind: 'iscsi', sizeGB: 20_000, hosts: [...new Set(sees)], drainMBs }
    }),
    vms: numbers(vms).map((at) => {
      const host = at % hosts
      const reach = [0, 1, 2, 3, 4].map((back) => (host - back + arrays) % arrays)
      const isEven = isCore(at) || at % strayEvery === 0
      const storage = `box${reach.find((one) => (one % 2 === 0) === isEven) ?? host}`
      const isRunaway = at % runawayEvery === 7
      const profile = isRunaway ? 'runaway' : profiles[(isUneven ? at : at + Math.floor(at / hosts)) % profiles.length]
      return { name: nameOf(at), host: `h${host}`, memoryMiB: 1024, storage, profile }
    }),
    timeline: [...happens, ...changes(hosts, nameOf)],
  }
  return parseFleet(JSON.stringify(file), 'large.yaml')
}

/** Every five seconds for an hour: a core VM is shut down, it is started again, another one moves to the next host, and later back. */
function changes(hosts: number, nameOf: (at: number) => string): object[] {
  return numbers(720).map((at) => {
    const turn = Math.floor(at / 3) % 40
    const event = (['shutdown', 'start', 'migrate'] as const)[at % 3]
    const mover = hosts + 2 * turn + 1
    const to = (mover % hosts) + (Math.floor(at / 120) % 2 === 0 ? 1 : 0)
    return event === 'migrate'
      ? { at: `${at * 5}s`, event, vm: nameOf(mover), to: `h${to}` }
      : { at: `${at * 5}s`, event, vm: nameOf(2 * turn) }
  })
}

/** Groups by 100 patterns, services and pairs as a fleet of that size has them. @param isKept where all but a few keep to it */
export function largePolicy(isKept: boolean): Policy {
  const groups = Array.from({ length: 98 }, (_, at) => ({ name: `team${at}`, match: [`x${at}-*`, `*-y${at}`] }))
  // Neighbours share arrays.
  const partner = (at: number): number => (isKept && at % 10 > 0 ? 20 : 1)
  return policyOf(
    JSON.stringify({
      groups: [
        ...groups,
        { name: 'core', class: 'core', match: ['c*'] },
        { name: 'people', class: 'personal', match: ['p*'], owner: '{vm}@example.org' },
      ],
      services: Array.from({ length: 50 }, (_, at) => ({
        name: `s${at}`,
        members: [numbered(at * 11), numbered(at * 11 + partner(at))],
      })),
      apart: Array.from({ length: 50 }, (_, at) => [numbered(at * 7), numbered(at * 7 + 2)]),
      exceptions: [{ vm: 'p00401', rule: 'personal-on-core-array', reason: 'it moves next week' }],
      routes: [
        { name: 'all', match: {}, to: [{ webhook: { url: 'http://127.0.0.1:9/', secretFile: '/nonexistent' } }] },
      ],
    }),
  )
}

/** How all file systems of the fleet fill: over the week, the day and the hours; nearly all of them slowly. */
export function knownTrends(snapshot: Pick<Snapshot, 'hosts'> | undefined): ReadonlyMap<string, KnownTrends> {
  const known = new Map<string, KnownTrends>()
  for (const { id, fileSystems } of snapshot?.hosts.values() ?? []) {
    for (const { mount, sizeBytes } of fileSystems) {
      const trends = [168, 24, 6].map((hours) => ({ bytesPerDay: sizeBytes / 1000, overMs: hours * 3_600_000 }))
      known.set(fileSystemId(id, mount), { trends, isRecentKnown: true })
    }
  }
  return known
}

/** A pattern for the VM of that number, whatever its class. */
function numbered(at: number): string {
  return `*${String(at).padStart(5, '0')}`
}
