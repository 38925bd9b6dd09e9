import type { ArrayUser } from '../model/watched-array.js'
import type { Exchanged } from '../model/snapshot.js'
import type { Grown } from './exchange-book.js'

/** In which rates are smoothed: VMs and their host are read at different moments. */
const smoothSeconds = 3
/** What does less is not shown: of hosts, what is no more than two moments of reading apart. */
const leastRate = { vm: 1, host: 10_000 } as const satisfies Record<ArrayUser['kind'], number>
const mostUsers = 100

/** Who uses a box and how much, after one more step; the busiest writer first. */
export function userRatesAfter(
  before: readonly ArrayUser[],
  { vms, hostsThemselves }: Grown,
  seconds: number,
): readonly ArrayUser[] {
  const part = Math.min(1, seconds / smoothSeconds)
  const known = new Map(before.map((user) => [`${user.kind} ${user.id}`, user]))
  const after: ArrayUser[] = []
  const take = (kind: ArrayUser['kind'], id: string, grown: Exchanged): void => {
    const key = `${kind} ${id}`
    const last = known.get(key)
    known.delete(key)
    const toward = (rate: number | undefined, bytes: number): number => {
      const from = rate ?? 0
      return from + part * (bytes / seconds - from)
    }
    after.push({
      kind,
      id,
      writeBytesPerSecond: toward(last?.writeBytesPerSecond, grown.writeBytes ?? 0),
      readBytesPerSecond: toward(last?.readBytesPerSecond, grown.readBytes ?? 0),
      requestsPerSecond: toward(last?.requestsPerSecond, (grown.readRequests ?? 0) + (grown.writeRequests ?? 0)),
    })
  }
  for (const [uuid, grown] of vms) take('vm', uuid, grown)
  for (const [hostId, grown] of hostsThemselves) take('host', hostId, grown)
  for (const { kind, id } of known.values()) take(kind, id, {})
  return after
    .filter((user) => Math.max(user.writeBytesPerSecond, user.readBytesPerSecond) >= leastRate[user.kind])
    .toSorted((a, b) => b.writeBytesPerSecond - a.writeBytesPerSecond || (a.id < b.id ? -1 : 1))
    .slice(0, mostUsers)
}
