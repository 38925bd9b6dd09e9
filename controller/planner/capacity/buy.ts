import { patternTest } from '../../../common/pattern.js'
import { at } from '../number-at.js'
import type { Catalog } from './catalog.js'
import type { RoomFleet } from './room-fleet.js'
import { countRooms, leftOf, noRooms, type Rooms } from './rooms.js'
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
  /** Cheapest first; the others buy only hosts or only memory, where that is another way. */
  readonly ways: readonly Purchase[]
  /** The first is proven to be the cheapest there is, nothing cheaper was left out; or, if there are no ways, that nothing in the catalog is enough. */
  readonly proven: boolean
  /** Baskets that were looked at. */
  readonly looked: number
}

/** One kind of thing that may be bought, up to so many. */
interface Choice {
  readonly price: number
  readonly most: number
  /** False: so many do not go into the hosts besides what is in the basket. */
  readonly add: (count: number, basket: Basket) => boolean
}

interface Basket {
  readonly hosts: {
    readonly name: string
    readonly count: number
    readonly memoryBytes: number
    readonly cores: number
  }[]
  readonly memory: KitsInBasket[]
}

interface KitsInBasket {
  readonly name: string
  readonly host: string
  readonly count: number
  readonly bytes: number
  /** Of the host's slots. */
  readonly share: number
}

/** Baskets whose rooms are counted, and those that are looked at before that, at most. */
const usualLimits = { counted: 3_000, looked: 200_000 }
type BuyLimits = typeof usualLimits

/**
 * The cheapest purchase with which so many new VMs fit and every loss is borne. Baskets are gone through by price, the cheapest first; those that
 * would be too small even without any loss are left out before they are counted.
 */
export function cheapest(fleet: RoomFleet, catalog: Catalog, demand: Demand, limits: BuyLimits = usualLimits): Bought {
  const alone = { ...limits, counted: limits.counted / 10 }
  // One host survives no loss; what is bought may.
  const today = fleet.hosts.length > demand.losses ? countRooms(fleet, demand.losses) : noRooms(fleet)
  const hosts = hostChoices(catalog)
  const memory = memoryChoices(fleet, catalog)
  const all = firstEnough(fleet, [...memory.choices, ...hosts], demand, limits)
  const { purchase } = all
  // A search that gave up among mixtures may still find what one kind of thing alone does.
  const gaveUp = purchase === undefined && !all.complete
  const others = [
    ...(gaveUp || (purchase?.memory.length ?? 0) > 0 ? [hosts] : []),
    ...(gaveUp || (purchase?.hosts.length ?? 0) > 0 ? [memory.choices] : []),
  ].map((choices) => firstEnough(fleet, choices, demand, alone))
  return {
    today,
    ways: [all, ...others].flatMap(({ purchase }) => purchase ?? []).toSorted((a, b) => a.price - b.price),
    proven: all.complete && memory.complete,
    looked: [all, ...others].reduce((sum, { looked }) => sum + looked, 0),
  }
}

function hostChoices({ hosts }: Catalog): Choice[] {
  return hosts.map(({ name, memoryBytes, cores, price, most }) => ({
    price,
    most,
    add: (count, basket) => {
      basket.hosts.push({ name, count, memoryBytes, cores })
      return true
    },
  }))
}

/** Up to so many hosts each may be given another amount; of more, those with least memory left are filled first. */
const mostHostsApart = 12
/** Shares of slots are fractions. */
const rounding = 1e-9

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
      .map((host) => fleet.hosts[host] ?? '')
    // As many as go into the slots that other kits leave; what is left over.
    const put = (host: string, count: number, basket: Basket): number => {
      const taken = basket.memory.reduce((sum, kits) => sum + (kits.host === host ? kits.share : 0), 0)
      const fitting = Math.min(count, Math.floor((1 - taken) * perHost + rounding))
      if (fitting > 0)
        basket.memory.push({ name, host, count: fitting, bytes: fitting * memoryBytes, share: fitting / perHost })
      return count - fitting
    }
    if (hosts.length <= mostHostsApart) {
      return hosts.map((host) => ({ price, most: perHost, add: (count, basket) => put(host, count, basket) === 0 }))
    }
    complete = false
    const add = (count: number, basket: Basket): boolean =>
      hosts.reduce((rest, host) => put(host, Math.min(rest, perHost), basket) + Math.max(0, rest - perHost), count) ===
      0
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
  most: BuyLimits,
): { readonly purchase: Purchase | undefined; readonly complete: boolean; readonly looked: number } {
  const queue = new Queue()
  queue.push({ counts: choices.map(() => 0), last: 0, price: 0, things: 0, number: 0 })
  let pushed = 0
  let counted = 0
  let looked = 0
  let complete = true
  const seen = new Set<string>()
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    looked += 1
    if (looked > most.looked || counted > most.counted) return { purchase: undefined, complete: false, looked }
    const { counts, last, price } = next
    const basket = basketOf(choices, counts)
    // More of it would not go into the hosts either.
    if (basket === undefined) continue
    const whatIf = whatIfOf(basket)
    const { fleet: bought } = changed(fleet, whatIf)
    // Two kits of 1 GiB are what one of 2 GiB is: the cheaper one was looked at, and was not enough.
    const isNew = !seen.has(amountsOf(whatIf))
    seen.add(amountsOf(whatIf))
    if (isNew && bought.hosts.length > demand.losses && countRooms(bought, 0).fits >= demand.newVms) {
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
      const { most: available = 0, price: more = 0 } = choices[choice] ?? {}
      if ((counts[choice] ?? 0) >= available) continue
      const grown = counts.map((count, place) => (place === choice ? count + 1 : count))
      pushed += 1
      queue.push({ counts: grown, last: choice, price: price + more, things: next.things + 1, number: pushed })
    }
  }
  return { purchase: undefined, complete, looked }
}

/** Undefined: its memory does not go into the hosts' slots. */
function basketOf(choices: readonly Choice[], counts: readonly number[]): Basket | undefined {
  const basket: Basket = { hosts: [], memory: [] }
  for (const [place, choice] of choices.entries()) {
    const count = counts[place] ?? 0
    if (count > 0 && !choice.add(count, basket)) return undefined
  }
  return basket
}

function whatIfOf({ hosts, memory }: Basket): WhatIf {
  const addHosts = hosts.flatMap(({ name, count, memoryBytes, cores }) =>
    Array.from({ length: count }, (_, at) => ({ name: `${name} (new ${at + 1})`, memoryBytes, cores })),
  )
  return { ...nothingChanged, addHosts, addMemory: memory.map(({ host, bytes }) => ({ host, bytes })) }
}

/** The same for whatever comes to the same: names and prices left out. */
function amountsOf({ addHosts, addMemory }: WhatIf): string {
  const byHost = new Map<string, number>()
  for (const { host, bytes } of addMemory) byHost.set(host, (byHost.get(host) ?? 0) + bytes)
  const hosts = addHosts.map(({ memoryBytes, cores }) => `${memoryBytes} ${cores}`)
  return JSON.stringify([hosts.sort(), [...byHost].sort(([a], [b]) => (a < b ? -1 : 1))])
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
