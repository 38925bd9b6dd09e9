import type { FleetSpec } from '../../../agent/hypervisor/simulated/fleet-spec.js'
import { parseFleet } from '../../../agent/hypervisor/simulated/fleet-file.js'
import type { ProfileName } from '../../../agent/hypervisor/simulated/load-profiles.js'
import type { Policy } from '../../../controller/model/policy.js'
import { policyOf } from '../../support/policy-with.js'

export interface FleetSize {
  readonly hosts: number
  readonly arrays: number
  readonly vms: number
}

const profiles: readonly ProfileName[] = ['mail', 'web', 'idle', 'batch', 'idle']

/**
 * A fleet of which most is as it should be. Each host sees five arrays. VMs are core on the first half of the hosts and personal on the
 * second half; on one host of ten they are mixed.
 */
export function largeFleet({ hosts, arrays, vms }: FleetSize): FleetSpec {
  const numbers = (count: number): number[] => Array.from({ length: count }, (_, at) => at)
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
      return { name: `box${at}`, kind: 'iscsi', sizeGB: 20_000, hosts: [...new Set(sees)], drainMBs: 100 }
    }),
    vms: numbers(vms).map((at) => {
      const host = at % hosts
      const isCore = host % 10 === 9 ? at % 3 > 0 : host < hosts / 2
      // Core VMs have the even arrays, personal ones the odd ones; one personal VM of forty does not keep to it.
      const reach = [0, 1, 2, 3, 4].map((back) => (host - back + arrays) % arrays)
      const isEven = isCore || at % 40 === 0
      const storage = `box${reach.find((one) => (one % 2 === 0) === isEven) ?? host}`
      const name = `${isCore ? 'c' : 'p'}${String(at).padStart(5, '0')}`
      return { name, host: `h${host}`, memoryMiB: 1024, storage, profile: profiles[at % profiles.length] }
    }),
  }
  return parseFleet(JSON.stringify(file), 'large.yaml')
}

/** Groups by 100 patterns, services and pairs as a fleet of that size has them. */
export function largePolicy(): Policy {
  const groups = Array.from({ length: 98 }, (_, at) => ({ name: `team${at}`, match: [`x${at}-*`, `*-y${at}`] }))
  return policyOf(
    JSON.stringify({
      groups: [
        ...groups,
        { name: 'core', class: 'core', match: ['c*'] },
        { name: 'people', class: 'personal', match: ['p*'], owner: '{vm}@example.org' },
      ],
      services: Array.from({ length: 50 }, (_, at) => ({
        name: `s${at}`,
        members: [numbered(at * 11), numbered(at * 11 + 1)],
      })),
      apart: Array.from({ length: 50 }, (_, at) => [numbered(at * 7), numbered(at * 7 + 2)]),
      routes: [
        { name: 'all', match: {}, to: [{ webhook: { url: 'http://127.0.0.1:9/', secretFile: '/nonexistent' } }] },
      ],
    }),
  )
}

/** A pattern for the VM of that number, whatever its class. */
function numbered(at: number): string {
  return `*${String(at).padStart(5, '0')}`
}
