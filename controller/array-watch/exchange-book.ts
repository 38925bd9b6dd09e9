import type { Served } from '../arrays/served.js'
import type { Disk, Exchanged, Snapshot, StorageArray } from '../model/snapshot.js'

/** What went to and from a box between two looks. */
export interface Grown {
  /** Of the box; a part that nobody counts is undefined. */
  readonly total: Exchanged
  /** Of those hosts and VMs that tell how long requests took, too. */
  readonly timed: Exchanged
  /** Over how long it went, of who told of the longest time: longer than between the looks where a report was missing. */
  readonly spanSeconds: number
  /** By UUID. */
  readonly vms: ReadonlyMap<string, Exchanged>
  /** By host id, of those that count the box themselves or that its server knows: what is more than their VMs did, or less, as VMs are read at other moments. */
  readonly hostsThemselves: ReadonlyMap<string, Exchanged>
  /** Moment of the newest reading that is in it; undefined: nobody reads the box. */
  readonly readAt: number | undefined
}

interface Known {
  /** Another host counts anew. */
  readonly hostId: string
  readonly exchanged: Exchanged | undefined
}

/**
 * Remembers how far the counters of boxes had come, and gives what they grew by. What begins anew counts from 0; what was never seen before
 * only begins. Owned by who looks.
 */
export class ExchangeBook {
  #known: ReadonlyMap<string, Known> = new Map()

  /**
   * @param arraysOf the arrays of each box that is of interest
   * @param served what servers of arrays count of them, by key of the array
   */
  look(
    snapshot: Snapshot,
    arraysOf: ReadonlyMap<string, readonly StorageArray[]>,
    served: ReadonlyMap<string, readonly Served[]> = new Map(),
  ): ReadonlyMap<string, Grown> {
    const before = this.#known
    const known = new Map<string, Known>()
    const growth = (key: string, now: Known): Exchanged | undefined => {
      const last = before.get(key)
      known.set(key, now)
      return last === undefined ? undefined : grownSince(last, now)
    }
    const grown = new Map<string, Grown>()
    for (const [boxId, arrays] of arraysOf) grown.set(boxId, growthOf({ arrays, snapshot, served }, growth))
    this.#known = known
    return grown
  }
}

type Growth = (key: string, now: Known) => Exchanged | undefined

interface Box {
  readonly arrays: readonly StorageArray[]
  readonly snapshot: Snapshot
  readonly served: ReadonlyMap<string, readonly Served[]>
}

/** What a server counts of an array is all that comes in: then hosts' own counters and VMs' disks tell whose it is, and how long it took. */
function growthOf({ arrays, snapshot, served }: Box, growth: Growth): Grown {
  const total: Sum = {}
  const timed: Sum = {}
  let spanSeconds = 0
  const vms = new Map<string, Sum>()
  const hosts = new Map<string, Sum>()
  let readAt: number | undefined
  const isReadAt = (at: number): void => {
    readAt = Math.max(readAt ?? at, at)
  }
  const count = (grown: Exchanged | undefined): void => {
    if (grown === undefined) return
    add(total, grown)
    spanSeconds = Math.max(spanSeconds, grown.activeSeconds ?? 0)
  }
  const time = (grown: Exchanged | undefined): void => {
    if (grown === undefined) return
    for (const way of ways) if (grown[way.seconds] !== undefined) add(timed, timedOf(grown, way))
  }
  const isReached = isReachedFromAfar(arrays)
  const isLayered = isReached || arrays.some(({ key }) => !isOwn(key) && served.has(key))
  const reaching = new Set(
    arrays.flatMap(({ key, exchanges }) => (isOwn(key) ? [] : exchanges.map(({ hostId }) => hostId))),
  )
  for (const { key, hostIds, exchanges, diskIds } of arrays) {
    const isLayer = isLayered && isOwn(key)
    const counting = new Map(exchanges.map((exchange) => [exchange.hostId, exchange]))
    const bySessions = served.get(key) ?? []
    const isServed = bySessions.length > 0
    const known = new Set(bySessions.flatMap(({ hostId }) => hostId ?? []))
    const isCounted = (hostId: string): boolean => (isLayer ? reaching : counting).has(hostId)
    for (const { serverId, address, hostId, at, exchanged } of bySessions) {
      const grown = growth(`${key} of ${serverId} from ${address}`, { hostId: serverId, exchanged })
      isReadAt(at)
      count(grown)
      if (hostId !== undefined && !counting.has(hostId)) add(sumIn(hosts, hostId), grown)
    }
    for (const hostId of new Set([...hostIds, ...counting.keys()])) {
      const exchange = counting.get(hostId)
      const grown = growth(`${key} ${hostId}`, { hostId, exchanged: exchange?.exchanged })
      // A layer is noted only, so that it goes on from there once it counts; how long requests took may be told by nobody else.
      if (isLayer && !isReached) time(grown)
      if (exchange === undefined || isLayer) continue
      isReadAt(exchange.at)
      if (!isServed) count(grown)
      time(grown)
      add(sumIn(hosts, hostId), grown)
    }
    for (const id of diskIds) {
      const disk = snapshot.disks.get(id)
      const hostId = snapshot.vms.get(disk?.vmUuid ?? '')?.hostId
      if (disk === undefined || hostId === undefined) continue
      const grown = growth(id, { hostId, exchanged: disk.exchanged })
      add(sumIn(vms, disk.vmUuid), grown)
      if (isCounted(hostId) || known.has(hostId)) {
        const own = sumIn(hosts, hostId)
        for (const [name, value] of entriesOf(grown)) own[name] = (own[name] ?? 0) - value
      }
      if (isCounted(hostId)) continue
      time(grown)
      if (isServed) continue
      const at = readingOf(disk)
      if (at !== undefined) isReadAt(at)
      count(grown)
    }
  }
  return { total, timed, spanSeconds, vms, hostsThemselves: hosts, readAt }
}

/**
 * Where policy joins what lies on one another (a volume group on a LUN, a server's own disks and what it exports of them), the same bytes are
 * counted at each layer: then what hosts reach over a network counts, as they or its server tell it, and their own is a layer of it.
 */
function isReachedFromAfar(arrays: readonly StorageArray[]): boolean {
  return arrays.some(({ key, exchanges, diskIds }) => !isOwn(key) && exchanges.length + diskIds.length > 0)
}

/** A host's own disks, or a volume group on whatever. */
export function isOwn(key: string): boolean {
  return key.startsWith('local:') || key.startsWith('lvm:')
}

const ways = [
  { seconds: 'readSeconds', requests: 'readRequests' },
  { seconds: 'writeSeconds', requests: 'writeRequests' },
] as const

function timedOf(grown: Exchanged, { seconds, requests }: (typeof ways)[number]): Exchanged {
  return { [seconds]: grown[seconds], [requests]: grown[requests] }
}

type Sum = { -readonly [Name in keyof Exchanged]: Exchanged[Name] }

function sumIn(sums: Map<string, Sum>, id: string): Sum {
  const before = sums.get(id)
  if (before !== undefined) return before
  const sum: Sum = {}
  sums.set(id, sum)
  return sum
}

function add(sum: Sum, more: Exchanged | undefined): void {
  for (const [name, value] of entriesOf(more)) sum[name] = (sum[name] ?? 0) + value
}

const names = [
  'readBytes',
  'writeBytes',
  'readRequests',
  'writeRequests',
  'readSeconds',
  'writeSeconds',
  'activeSeconds',
] as const satisfies readonly (keyof Exchanged)[]

function entriesOf(exchanged: Exchanged | undefined): (readonly [keyof Exchanged, number])[] {
  if (exchanged === undefined) return []
  return names.flatMap((name) => {
    const value = exchanged[name]
    return value === undefined ? [] : [[name, value] as const]
  })
}

/** Counters that went back, or are of another host, began anew. */
function grownSince(before: Known, { hostId, exchanged }: Known): Exchanged | undefined {
  if (exchanged === undefined) return undefined
  const isAnew =
    before.hostId !== hostId || entriesOf(before.exchanged).some(([name, value]) => (exchanged[name] ?? value) < value)
  if (isAnew || before.exchanged === undefined) return exchanged
  const grown: Sum = {}
  for (const [name, value] of entriesOf(exchanged)) grown[name] = value - (before.exchanged[name] ?? 0)
  return grown
}

/** The newest of its figures. */
function readingOf({ metrics }: Disk): number | undefined {
  const metric = metrics['writeBytesPerSecond']
  return metric !== undefined && 'value' in metric ? metric.at : undefined
}

/** Two that follow each other. */
export function together(first: Grown, second: Grown): Grown {
  const total: Sum = { ...first.total }
  add(total, second.total)
  const timed: Sum = { ...first.timed }
  add(timed, second.timed)
  return {
    total,
    timed,
    spanSeconds: first.spanSeconds + second.spanSeconds,
    vms: bothOf(first.vms, second.vms),
    hostsThemselves: bothOf(first.hostsThemselves, second.hostsThemselves),
    readAt: second.readAt ?? first.readAt,
  }
}

function bothOf(
  first: ReadonlyMap<string, Exchanged>,
  second: ReadonlyMap<string, Exchanged>,
): ReadonlyMap<string, Exchanged> {
  const sums = new Map<string, Sum>()
  for (const map of [first, second]) for (const [id, exchanged] of map) add(sumIn(sums, id), exchanged)
  return sums
}
