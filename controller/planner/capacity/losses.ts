import { at, indexAt } from '../number-at.js'
import { pack, type Item, type Packed, type Wanted } from './pack.js'
import type { RoomFleet } from './room-fleet.js'

/** `unknown`: no way was found before the search was cut. */
export type Borne = 'yes' | 'no' | 'unknown'

/** What finds no place once hosts are lost. */
export interface Missing {
  /** New VMs for which no place was found; infinite where not even the others have one. 0 is always sure. */
  readonly count: number
  /** The search came to its end: no other way leaves fewer without a place. */
  readonly exact: boolean
}

/** Every way in which so many hosts of a fleet may be lost, and what then finds a place. */
export class Losses {
  readonly hostCount: number
  readonly #width: number
  readonly #itemsOf: readonly (readonly Item[])[]
  /** By host: where a new VM of its starts again. */
  readonly #newHosts: readonly (readonly number[])[]
  /** Hosts that a new VM may be on, at first or after a loss. */
  readonly #takers: readonly number[]
  readonly #left: Float64Array
  readonly #most: number

  constructor(
    fleet: RoomFleet,
    private readonly leftBefore: Float64Array,
    private readonly perNew: Float64Array,
    private readonly lost: number,
  ) {
    const { hosts, vms, start, resources, restarts, newRestarts, takesNew } = fleet
    this.hostCount = hosts.length
    this.#width = resources.length
    this.#left = Float64Array.from(leftBefore)
    this.#most = hosts.length > smallFleet ? 5_000 : hosts.length > tinyFleet ? 10_000 : 50_000
    const items: Item[][] = hosts.map(() => [])
    const all = [...hosts.keys()]
    const known = new Map<string, readonly number[]>()
    for (let vm = 0; vm < vms.length; vm += 1) {
      const use = Float64Array.from(resources, (resource) => at(resource.use, vm))
      if (use.every((amount) => amount === 0)) continue
      const from = indexAt(start, vm)
      const to = all.filter((host) => host !== from && restarts(vm, host))
      if (to.length === 0) continue
      const key = to.join()
      const shared = known.get(key) ?? to
      known.set(key, shared)
      items[from]?.push({ vm, use, hosts: shared })
    }
    this.#itemsOf = items
    this.#newHosts = all.map((from) => all.filter((to) => to !== from && newRestarts(from, to)))
    const sources = all.filter((host) => takesNew[host] === 1 && (this.#newHosts[host] ?? []).length > 0)
    this.#takers = [...new Set(sources.flatMap((host) => [host, ...(this.#newHosts[host] ?? [])]))].sort(
      (a, b) => a - b,
    )
  }

  /** No more new VMs than the worst loss leaves room for; wherever they are. */
  bound(): number {
    let atMost = Infinity
    for (const lost of this.each()) {
      const takers = this.#takers.filter((host) => !lost.includes(host))
      const none = new Int32Array(this.hostCount)
      const packed = this.#packed(lost, [{ hosts: takers, count: Infinity }], none, atMost)
      // Of a search that was cut it is what could be there at all.
      atMost = Math.min(atMost, Math.max(0, packed.atMost))
    }
    return atMost
  }

  /** Losses that cannot be borne with so many new VMs on each host, and those of which that is not known. */
  brokenBy(byHost: Int32Array): { readonly broken: number[][]; readonly unknown: number[][] } {
    const broken: number[][] = []
    const unknown: number[][] = []
    for (const lost of this.each()) {
      const { count, exact } = this.missing(lost, byHost)
      if (count > 0) (exact ? broken : unknown).push([...lost])
    }
    return { broken, unknown }
  }

  isBorne(byHost: Int32Array): Borne {
    let borne: Borne = 'yes'
    for (const lost of this.each()) {
      const { count, exact } = this.missing(lost, byHost)
      if (count === 0) continue
      if (exact) return 'no'
      borne = 'unknown'
    }
    return borne
  }

  missing(lost: readonly number[], byHost: Int32Array): Missing {
    const wanted = this.#wantedOf(lost, byHost)
    const count = wanted.reduce((sum, one) => sum + one.count, 0)
    const { served, exact } = this.#packed(lost, wanted, byHost, count)
    return { count: served < 0 ? Infinity : count - served, exact }
  }

  /** A VM that finds no place when the others of lost hosts have theirs: the largest one that cannot be added. */
  firstWithoutPlace(lost: readonly number[]): number {
    const items = this.#itemsLost(lost)
    const none = new Int32Array(this.hostCount)
    for (let count = 1; count <= items.length; count += 1) {
      if (this.#search(items.slice(0, count), [], none, 0).served < 0) return items[count - 1]?.vm ?? -1
    }
    return -1
  }

  *each(): Generator<readonly number[]> {
    yield* combinations(this.hostCount, this.lost)
  }

  #wantedOf(lost: readonly number[], byHost: Int32Array): Wanted[] {
    const byHosts = new Map<string, Wanted>()
    for (const from of lost) {
      const count = indexAt(byHost, from)
      if (count === 0) continue
      const hosts = (this.#newHosts[from] ?? []).filter((host) => !lost.includes(host))
      const key = hosts.length > smallFleet ? `${hosts.length} ${hosts[0] ?? ''} ${from}` : hosts.join()
      byHosts.set(key, { hosts, count: count + (byHosts.get(key)?.count ?? 0) })
    }
    return [...byHosts.values()]
  }

  #itemsLost(lost: readonly number[]): Item[] {
    const known = new Map<readonly number[], readonly number[]>()
    const without = (hosts: readonly number[]): readonly number[] => {
      const rest = known.get(hosts) ?? hosts.filter((host) => !lost.includes(host))
      known.set(hosts, rest)
      return rest
    }
    return lost
      .flatMap((host) => this.#itemsOf[host] ?? [])
      .sort((a, b) => (b.use[0] ?? 0) - (a.use[0] ?? 0) || a.vm - b.vm)
      .map((item) => ({ ...item, hosts: without(item.hosts) }))
  }

  #packed(lost: readonly number[], wanted: readonly Wanted[], byHost: Int32Array, enough: number): Packed {
    return this.#search(this.#itemsLost(lost), wanted, byHost, enough)
  }

  #search(items: readonly Item[], wanted: readonly Wanted[], byHost: Int32Array, enough: number): Packed {
    const width = this.#width
    const left = this.#left
    for (let host = 0; host < this.hostCount; host += 1) {
      for (let r = 0; r < width; r += 1) {
        const place = host * width + r
        left[place] = at(this.leftBefore, place) - indexAt(byHost, host) * at(this.perNew, r)
      }
    }
    return pack(items, wanted, left, this.perNew, enough, { left: this.#most })
  }
}

/** Up to so many hosts a search goes far. */
const smallFleet = 64
const tinyFleet = 12

function* combinations(count: number, size: number, first = 0, chosen: readonly number[] = []): Generator<number[]> {
  if (chosen.length === size) {
    yield [...chosen]
    return
  }
  for (let one = first; one < count; one += 1) yield* combinations(count, size, one + 1, [...chosen, one])
}
