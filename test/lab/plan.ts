import { createHash } from 'node:crypto'

import { parseArrayKind, type ArrayKind } from './array/array-kind.js'

/** What a lab is made of. Pure: the same shape gives the same plan, ids included. */

export interface LabShape {
  readonly hosts: number
  readonly guests: number
  /** Size of each disk of every guest. The first disks all lie on the first array, the second ones on the second. */
  readonly disksMiB: readonly number[]
  /** What each array is (array-kind.ts); those that are left out are plain. */
  readonly arrays?: readonly string[]
  /** Size of a LUN of its own on each array for each host: for what the host itself does there. Default: none. */
  readonly hostLunMiB?: number | undefined
  /** All ids follow from it. */
  readonly seed: string
}

export interface HostPlan {
  readonly name: string
  readonly address: string
  readonly hostUuid: string
  readonly machineId: string
}

export interface LunPlan {
  readonly iqn: string
  readonly lun: number
  readonly sizeMiB: number
}

export interface GuestPlan {
  readonly name: string
  readonly uuid: string
  readonly mac: string
  readonly address: string
  /** Where it starts. */
  readonly firstHost: string
  /** vda, vdb, … */
  readonly disks: readonly LunPlan[]
}

export interface ArrayPlan {
  readonly name: string
  readonly iqn: string
  /** Number of the target in tgt. */
  readonly tid: number
  readonly kind: ArrayKind
  readonly luns: readonly ArrayLunPlan[]
}

export interface ArrayLunPlan {
  readonly lun: number
  readonly sizeMiB: number
  /** A guest, or a host that has it for itself. */
  readonly owner: string
  /** Its place in luns/ of the lab's directory: named after the array, whom it is for, and the number of the disk. */
  readonly file: string
}

export interface LabPlan {
  readonly hosts: readonly HostPlan[]
  readonly guests: readonly GuestPlan[]
  readonly arrays: readonly ArrayPlan[]
}

/** Of the iSCSI target, on the lab's bridge. */
export const portalAddress = '10.201.0.1'

export const mostHosts = 100
export const mostGuests = 200

/** @throws RangeError for a lab that does not fit into its network */
export function planLab({ hosts, guests, disksMiB, arrays: kinds = [], hostLunMiB, seed }: LabShape): LabPlan {
  bounded('hosts', hosts, 1, mostHosts)
  bounded('guests', guests, 0, mostGuests)
  bounded('disks of a guest', disksMiB.length, 1, 8)
  if (kinds.length > disksMiB.length) {
    throw new RangeError(`arrays: expected at most one for each disk of a guest, got ${kinds.length}`)
  }
  const arrays = disksMiB.map((sizeMiB, index) => {
    const name = `box${index + 1}`
    const lunOf = (owner: string, lun: number, mib: number): ArrayLunPlan => {
      return { lun, sizeMiB: mib, owner, file: `${name}/${owner}-${index}.img` }
    }
    const ofGuests = count(guests).map((number) => lunOf(guestName(number), number, sizeMiB))
    const ofHosts =
      hostLunMiB === undefined ? [] : count(hosts).map((number) => lunOf(hostName(number), guests + number, hostLunMiB))
    return {
      name,
      iqn: `iqn.2011-04.lab:${name}`,
      tid: index + 1,
      kind: parseArrayKind(kinds[index] ?? 'plain'),
      luns: [...ofGuests, ...ofHosts],
    }
  })
  return {
    arrays,
    hosts: count(hosts).map((number) => {
      const name = hostName(number)
      const hostUuid = madeUuid(seed, 'host', name)
      return { name, address: `10.201.0.${number + 10}`, hostUuid, machineId: hash(seed, 'machine', name).slice(0, 32) }
    }),
    guests: count(guests).map((number) => {
      const name = guestName(number)
      const hex = hash(seed, 'mac', name)
      return {
        name,
        uuid: madeUuid(seed, 'guest', name),
        mac: `52:54:00:${hex.slice(0, 2)}:${hex.slice(2, 4)}:${number.toString(16).padStart(2, '0')}`,
        address: `10.201.1.${number}`,
        firstHost: hostName(((number - 1) % hosts) + 1),
        disks: disksMiB.map((sizeMiB, index) => ({ iqn: arrays[index]?.iqn ?? '', lun: number, sizeMiB })),
      }
    }),
  }
}

function hostName(number: number): string {
  return `hv${number}`
}

function guestName(number: number): string {
  return `vm${number}`
}

function count(to: number): number[] {
  return Array.from({ length: to }, (_, index) => index + 1)
}

function bounded(what: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return
  throw new RangeError(`${what}: expected ${least} to ${most}, got ${value}`)
}

function hash(...words: readonly string[]): string {
  return createHash('sha256').update(words.join('\n')).digest('hex')
}

/** A UUID (version 4 by its looks) that follows from the words. */
function madeUuid(...words: readonly string[]): string {
  const hex = hash(...words)
  return [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join(
    '-',
  )
}
