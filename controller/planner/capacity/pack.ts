import { indexAt } from '../number-at.js'

/** What is left on hosts, by host and then by resource. */
export type Left = Float64Array

/** A VM that has to start somewhere else. */
export interface Item {
  readonly vm: number
  /** By resource. */
  readonly use: Float64Array
  /** Hosts that it may start on. */
  readonly hosts: readonly number[]
}

/** New VMs that need a place on some of the hosts; counted after all items. */
export interface Wanted {
  readonly hosts: readonly number[]
  readonly count: number
}

export interface Packed {
  /** So many of the wanted VMs find a place besides; -1: no way was found even for the items. */
  readonly served: number
  /** Nothing better was missed: the search came to its end, or found what was enough. */
  readonly exact: boolean
  /** No more can be served than that, or than was asked for; above `served` only where the search was cut. */
  readonly atMost: number
}

/** The most that may be looked at in one search, in hosts tried for an item. */
export interface PackBudget {
  left: number
}

/**
 * Puts items on hosts so that the most of the wanted VMs find room beside them. Depth first, the largest item first, each host tried in the order of how
 * little room it loses; cut where what is left can serve no more than the best so far.
 * @param left is changed meanwhile and is as it was in the end
 * @param perNew what one wanted VM takes, by resource
 * @param enough stop as soon as so many are served
 */
export function pack(
  items: readonly Item[],
  wanted: readonly Wanted[],
  left: Left,
  perNew: Float64Array,
  enough: number,
  budget: PackBudget,
): Packed {
  const width = perNew.length
  const ordered = items.toSorted((a, b) => sizeOf(b) - sizeOf(a) || a.vm - b.vm)
  let best = -1
  let exact = true
  const most = Math.min(enough, mostServed(items, wanted, left, perNew))
  if (most < 0) return { served: -1, exact: true, atMost: -1 }
  const alike = kindsOf(items, wanted, left.length / width)
  const seekers = seekersOf(wanted)
  const place = (index: number): void => {
    const bound = servedBy(seekers, left, perNew)
    if (bound <= best) return
    const item = ordered[index]
    if (item === undefined) {
      best = bound
      return
    }
    for (const host of byLoss(item, left, perNew, alike)) {
      if (budget.left <= 0 && best >= 0) {
        exact = false
        return
      }
      budget.left -= 1
      for (let r = 0; r < width; r += 1) left[host * width + r] = (left[host * width + r] ?? 0) - (item.use[r] ?? 0)
      place(index + 1)
      for (let r = 0; r < width; r += 1) left[host * width + r] = (left[host * width + r] ?? 0) + (item.use[r] ?? 0)
      if (best >= most) return
      if (budget.left <= 0) {
        exact = false
        return
      }
    }
  }
  place(0)
  const isExact = exact || best >= most
  return { served: best, exact: isExact, atMost: isExact ? best : most }
}

/** By host a number: hosts of the same number are on the same lists of items and of wanted VMs, so that with as much left one is as good as the other. */
function kindsOf(items: readonly Item[], wanted: readonly Wanted[], hostCount: number): Int32Array {
  const kinds = new Int32Array(hostCount)
  let count = 1
  for (const list of new Set([...items, ...wanted].map(({ hosts }) => hosts))) {
    const split = new Map<number, number>()
    for (const host of list) {
      const before = indexAt(kinds, host)
      const kind = split.get(before) ?? count + split.size
      split.set(before, kind)
      kinds[host] = kind
    }
    count += split.size
  }
  return kinds
}

/** What is left of all hosts together less what all items take serves no more; -1: it is not enough for the items. */
function mostServed(items: readonly Item[], wanted: readonly Wanted[], left: Left, perNew: Float64Array): number {
  const width = perNew.length
  const hosts = new Set<number>()
  const lists = new Set([...items.map((item) => item.hosts), ...wanted.map((one) => one.hosts)])
  for (const list of lists) for (const host of list) hosts.add(host)
  let most = Infinity
  for (let r = 0; r < width; r += 1) {
    let amount = slack
    for (const host of hosts) amount += Math.max(0, left[host * width + r] ?? 0)
    for (const { use } of items) amount -= use[r] ?? 0
    if (amount < 0) return -1
    const one = perNew[r] ?? 0
    if (one > 0) most = Math.min(most, Math.floor(amount / one))
  }
  return most
}

function sizeOf({ use }: Item): number {
  return use[0] ?? 0
}

/** Hosts that take the item, those first that lose least room for new VMs and then those that it fills best; of hosts that are alike for all that is to be placed one. */
function byLoss({ use, hosts }: Item, left: Left, perNew: Float64Array, alike: Int32Array): number[] {
  const width = perNew.length
  const seen = new Set<string>()
  const fitting: { host: number; loss: number; rest: number }[] = []
  for (const host of hosts) {
    let fits = true
    for (let r = 0; r < width && fits; r += 1) fits = (left[host * width + r] ?? 0) >= (use[r] ?? 0) - slack
    if (!fits) continue
    const before = roomOn(left, host, perNew)
    const key =
      hosts.length > mostCompared
        ? undefined
        : `${indexAt(alike, host)} ${String(left.subarray(host * width, (host + 1) * width))}`
    if (key !== undefined && seen.has(key)) continue
    if (key !== undefined) seen.add(key)
    const after = roomOn(left, host, perNew, use)
    fitting.push({ host, loss: before - after, rest: (left[host * width] ?? 0) - (use[0] ?? 0) })
  }
  return fitting.sort((a, b) => a.loss - b.loss || a.rest - b.rest || a.host - b.host).map(({ host }) => host)
}

/** Amounts are sums of many: so much is rounding. */
const slack = 1e-6
/** Among more hosts than this equal ones are not looked for: it would cost more than it saves. */
const mostCompared = 64

/** New VMs that fit on what is left of a host once `taken` is gone too. */
export function roomOn(left: Left, host: number, perNew: Float64Array, taken?: Float64Array): number {
  const width = perNew.length
  let room = mostOnOneHost
  for (let r = 0; r < width; r += 1) {
    const one = perNew[r] ?? 0
    if (one <= 0) continue
    room = Math.min(room, Math.floor(((left[host * width + r] ?? 0) - (taken?.[r] ?? 0) + slack) / one))
  }
  return Math.max(0, room)
}

/** A host without any limit still takes no more VMs than this. */
const mostOnOneHost = 100_000

/** The wanted VMs as groups, and hosts by which of the groups may go there: bit i is group i. */
interface Seekers {
  readonly counts: readonly number[]
  readonly byGroups: readonly { readonly groups: number; readonly hosts: readonly number[] }[]
}

/** Groups are lost hosts, at most eight (`lossesArgument`): this is above it and keeps the subsets few. */
const mostGroups = 12

/** @throws RangeError: more groups than lost hosts can make */
function seekersOf(wanted: readonly Wanted[]): Seekers {
  if (wanted.length > mostGroups)
    throw new RangeError(`new VMs are wanted in ${wanted.length} groups: at most ${mostGroups} are counted`)
  const groupsOf = new Map<number, number>()
  for (const [group, { hosts }] of wanted.entries())
    for (const host of hosts) groupsOf.set(host, (groupsOf.get(host) ?? 0) | (1 << group))
  const byGroups = new Map<number, number[]>()
  for (const [host, groups] of groupsOf) {
    const hosts = byGroups.get(groups) ?? []
    hosts.push(host)
    byGroups.set(groups, hosts)
  }
  return {
    counts: wanted.map(({ count }) => count),
    byGroups: Array.from(byGroups, ([groups, hosts]) => ({ groups, hosts })),
  }
}

/**
 * How many of the wanted find room. Hosts may be wanted by several groups: the most that can be served is the least that any choice of groups leaves (max-flow, min-cut):
 * all of the others, and for the chosen ones the room of every host that one of them may go to.
 */
function servedBy({ counts, byGroups }: Seekers, left: Left, perNew: Float64Array): number {
  const rooms = byGroups.map(({ hosts }) => hosts.reduce((sum, host) => sum + roomOn(left, host, perNew), 0))
  let served = Infinity
  for (let chosen = 0; chosen < 1 << counts.length; chosen += 1) {
    let most = 0
    for (const [group, count] of counts.entries()) if (((chosen >> group) & 1) === 0) most += count
    for (const [at, { groups }] of byGroups.entries()) if ((groups & chosen) !== 0) most += rooms[at] ?? 0
    served = Math.min(served, most)
  }
  return served
}
