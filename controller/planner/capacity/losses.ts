import { at, indexAt } from '../number-at.js'
import { pack, type Item, type Packed, type Wanted } from './pack.js'
import type { RoomFleet } from './room-fleet.js'

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

  /** No more new VMs than the worst loss leaves room for; wherever they are. `exact` unless a search was cut. */
  bound(): { readonly atMost: number; readonly exact: boolean } {
    let atMost = Infinity
    let exact = true
    for (const lost of this.each()) {
      const packed = this.#packed(
        lost,
        [{ hosts: this.#takers.filter((host) => !lost.includes(host)), count: Infinity }],
        new Int32Array(this.hostCount),
        atMost,
      )
      // A search that was cut may have missed room: the bound is then what could be there at all.
      if (!packed.exact) exact = false
      else atMost = Math.min(atMost, packed.served)
    }
    return { atMost, exact }
  }

  /** Losses that cannot be borne with so many new VMs on each host. */
  brokenBy(byHost: Int32Array): number[][] {
    const broken: number[][] = []
    for (const lost of this.each()) if (this.missing(lost, byHost) > 0) broken.push([...lost])
    return broken
  }

  isBorne(byHost: Int32Array): boolean {
    for (const lost of this.each()) if (this.missing(lost, byHost) > 0) return false
    return true
  }

  /** New VMs of lost hosts that find no place; infinite where not even the others do. */
  missing(lost: readonly number[], byHost: Int32Array): number {
    const wanted = this.#wantedOf(lost, byHost)
    const count = wanted.reduce((sum, one) => sum + one.count, 0)
    const { served } = this.#packed(lost, wanted, byHost, count)
    return served < 0 ? Infinity : count - served
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
