import { patternTest } from '../../../common/pattern.js'
import { at } from '../number-at.js'
import type { Catalog } from './catalog.js'
import type { RoomFleet } from './room-fleet.js'
import { countRooms, leftOf, type Rooms } from './rooms.js'
import { changed, nothingChanged, type WhatIf } from './what-if.js'

/** What has to hold once it is bought. */
export interface Demand {
  /** New VMs of the profile that have to fit, all others as they are. */
  readonly newVms: number
  /** Hosts that may be lost at once. */
  readonly losses: number
}

/** One way to buy what is needed. */
export interface Purchase {
  readonly price: number
  readonly hosts: readonly { readonly name: string; readonly count: number }[]
  readonly memory: readonly { readonly name: string; readonly host: string; readonly count: number }[]
  readonly whatIf: WhatIf
  readonly rooms: Rooms
}

export interface Bought {
  /** As things are. */
  readonly today: Rooms
  /** Cheapest first; the others buy only hosts or only memory, where that is another way. None: nothing in the catalog is enough. */
  readonly ways: readonly Purchase[]
  /** The first is proven to be the cheapest there is: nothing cheaper was left out. */
  readonly proven: boolean
  /** Baskets that were looked at. */
  readonly looked: number
}

/** One kind of thing that may be bought, up to so many. */
interface Choice {
  readonly price: number
  readonly most: number
  readonly add: (count: number, basket: Basket) => void
}

interface Basket {
  readonly hosts: {
    readonly name: string
    readonly count: number
    readonly memoryBytes: number
    readonly cores: number
  }[]
  readonly memory: { readonly name: string; readonly host: string; readonly count: number; readonly bytes: number }[]
}

/** Baskets whose rooms are counted, and those that are looked at before that, at most. */
const mostCounted = 3_000
const mostLooked = 200_000

/**
 * The cheapest purchase with which so many new VMs fit and every loss is borne. Baskets are gone through by price, the cheapest first; those that
 * would be too small even without any loss are left out before they are counted.
 */
export function cheapest(fleet: RoomFleet, catalog: Catalog, demand: Demand): Bought {
  const today = countRooms(fleet, demand.losses)
  const hosts = hostChoices(catalog)
  const memory = memoryChoices(fleet, catalog)
  const all = firstEnough(fleet, [...memory.choices, ...hosts], demand, mostCounted)
  const { purchase } = all
  const others =
    purchase === undefined
      ? []
      : [...(purchase.memory.length > 0 ? [hosts] : []), ...(purchase.hosts.length > 0 ? [memory.choices] : [])]
  const ways = [all, ...others.map((choices) => firstEnough(fleet, choices, demand, mostCounted / 10))].flatMap(
    ({ purchase }) => purchase ?? [],
  )
  return {
    today,
    ways: ways.toSorted((a, b) => a.price - b.price),
    proven: all.complete && memory.complete,
    looked: all.looked,
  }
}

function hostChoices({ hosts }: Catalog): Choice[] {
  return hosts.map(({ name, memoryBytes, cores, price, most }) => ({
    price,
    most,
    add: (count, basket) => basket.hosts.push({ name, count, memoryBytes, cores }),
  }))
}

/** Up to so many hosts each may be given another amount; of more, those with least memory left are filled first. */
const mostHostsApart = 12

function memoryChoices(
  fleet: RoomFleet,
  { memory }: Catalog,
): { readonly choices: Choice[]; readonly complete: boolean } {
  const width = fleet.resources.length
  const left = leftOf(fleet)
  let complete = true
  const choices = memory.flatMap(({ name, memoryBytes, price, fits, perHost }): Choice[] => {
    const tests = fits.map(patternTest)
    const hosts = [...fleet.hosts.keys()]
      .filter((host) => tests.some((test) => test(fleet.hosts[host] ?? '')))
      .sort((a, b) => at(left, a * width) - at(left, b * width) || a - b)
    const put = (host: number, count: number, basket: Basket): void => {
      if (count > 0) basket.memory.push({ name, host: fleet.hosts[host] ?? '', count, bytes: count * memoryBytes })
    }
    if (hosts.length <= mostHostsApart) {
      return hosts.map((host) => ({ price, most: perHost, add: (count, basket) => put(host, count, basket) }))
    }
    complete = false
    const add = (count: number, basket: Basket): void => {
      for (const [place, host] of hosts.entries())
        put(host, Math.min(perHost, Math.max(0, count - place * perHost)), basket)
    }
    return [{ price, most: hosts.length * perHost, add }]
  })
  return { choices, complete }
}

/** By price, then by how few things it is, then as they came. */
interface Waiting {
  readonly number: number
  readonly counts: readonly number[]
  readonly last: number
  readonly price: number
  readonly things: number
}

function firstEnough(
  fleet: RoomFleet,
  choices: readonly Choice[],
  demand: Demand,
  mostCounted: number,
): { readonly purchase: Purchase | undefined; readonly complete: boolean; readonly looked: number } {
  const queue = new Queue()
  queue.push({ counts: choices.map(() => 0), last: 0, price: 0, things: 0, number: 0 })
  let pushed = 0
  let counted = 0
  let looked = 0
  let complete = true
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    looked += 1
    if (looked > mostLooked || counted > mostCounted) return { purchase: undefined, complete: false, looked }
    const { counts, last, price } = next
    const { whatIf, basket } = basketOf(choices, counts)
    const { fleet: bought } = changed(fleet, whatIf)
    if (countRooms(bought, 0).fits >= demand.newVms) {
      counted += 1
      const rooms = countRooms(bought, demand.losses)
      if (rooms.fits >= demand.newVms && rooms.lossesNotBorne + rooms.lossesNotShown === 0) {
        const hosts = basket.hosts.map(({ name, count }) => ({ name, count }))
        const memory = basket.memory.map(({ name, host, count }) => ({ name, host, count }))
        return { purchase: { price, hosts, memory, whatIf, rooms }, complete, looked }
      }
      // It might have been enough, had the count been exact.
      if (!rooms.exact && rooms.atMost >= demand.newVms) complete = false
    }
    // One thing more, of the kind of the last one or a later one: each basket comes up once.
    for (let choice = last; choice < choices.length; choice += 1) {
      const { most = 0, price: more = 0 } = choices[choice] ?? {}
      if ((counts[choice] ?? 0) >= most) continue
      const grown = counts.map((count, place) => (place === choice ? count + 1 : count))
      pushed += 1
      queue.push({ counts: grown, last: choice, price: price + more, things: next.things + 1, number: pushed })
    }
  }
  return { purchase: undefined, complete, looked }
}

function basketOf(
  choices: readonly Choice[],
  counts: readonly number[],
): { readonly whatIf: WhatIf; readonly basket: Basket } {
  const basket: Basket = { hosts: [], memory: [] }
  for (const [place, choice] of choices.entries()) {
    const count = counts[place] ?? 0
    if (count > 0) choice.add(count, basket)
  }
  const addHosts = basket.hosts.flatMap(({ name, count, memoryBytes, cores }) =>
    Array.from({ length: count }, (_, at) => ({ name: `${name} (new ${at + 1})`, memoryBytes, cores })),
  )
  const addMemory = basket.memory.map(({ host, bytes }) => ({ host, bytes }))
  return { whatIf: { ...nothingChanged, addHosts, addMemory }, basket }
}

/** A binary heap: the cheapest first. */
class Queue {
  readonly #heap: Waiting[] = []

  push(one: Waiting): void {
    const heap = this.#heap
    let place = heap.push(one) - 1
    while (place > 0) {
      const above = (place - 1) >> 1
      const other = heap[above]
      if (other === undefined || !isBefore(one, other)) break
      heap[place] = other
      place = above
    }
    heap[place] = one
  }

  pop(): Waiting | undefined {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (first === undefined || last === undefined || heap.length === 0) return first
    let place = 0
    for (;;) {
      const [left, right] = [heap[2 * place + 1], heap[2 * place + 2]]
      const lower = left !== undefined && right !== undefined && isBefore(right, left) ? right : left
      if (lower === undefined || !isBefore(lower, last)) break
      heap[place] = lower
      place = 2 * place + (lower === right ? 2 : 1)
    }
    heap[place] = last
    return first
  }
}

function isBefore(a: Waiting, b: Waiting): boolean {
  return a.price !== b.price ? a.price < b.price : a.things !== b.things ? a.things < b.things : a.number < b.number
}
