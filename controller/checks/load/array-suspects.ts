import { hostSubject, vmSubject, type Subject } from '../../model/finding.js'
import type { Snapshot } from '../../model/snapshot.js'
import type { ArrayUser, WatchedArray } from '../../model/watched-array.js'
import { workOf } from './box-load.js'
import { halfOfTheWork } from './half-of-the-work.js'

/** Somebody who may have filled an array's cache. */
export interface Suspect {
  readonly subject: Subject
  /** 0 to 1, of the work of all who use the array now. */
  readonly share: number
  readonly writeBytesPerSecond: number
}

/** Who makes most of the work of an array, the busiest first: those who make half of it together. By share of the load of the last seconds. */
export function rankSuspects(
  { users }: Pick<WatchedArray, 'users'>,
  snapshot: Pick<Snapshot, 'hosts' | 'vms'>,
): readonly Suspect[] {
  const works = users.map((user) => Math.max(0, workOfUser(user)))
  const all = works.reduce((total, work) => total + work, 0)
  if (all <= 0) return []
  const shares = users.map((user, index) => ({ user, share: (works[index] ?? 0) / all }))
  return halfOfTheWork(shares).flatMap(({ user, share }) => {
    const subject = subjectOf(user, snapshot)
    return subject === undefined ? [] : [{ subject, share, writeBytesPerSecond: Math.max(0, user.writeBytesPerSecond) }]
  })
}

function workOfUser({ writeBytesPerSecond, readBytesPerSecond, requestsPerSecond }: ArrayUser): number {
  return workOf(writeBytesPerSecond + readBytesPerSecond, requestsPerSecond)
}

function subjectOf({ kind, id }: ArrayUser, { hosts, vms }: Pick<Snapshot, 'hosts' | 'vms'>): Subject | undefined {
  const vm = kind === 'vm' ? vms.get(id) : undefined
  if (vm !== undefined) return vmSubject(vm)
  const host = kind === 'host' ? hosts.get(id) : undefined
  return host === undefined ? undefined : hostSubject(host)
}
