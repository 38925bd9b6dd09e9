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
  /** So many of the wanted VMs find a place besides; -1: not even the items do. */
  readonly served: number
  /** Nothing better was missed: the search came to its end. */
  readonly exact: boolean
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
  if (most < 0) return { served: -1, exact: true }
  const place = (index: number): void => {
    const bound = servedBy(wanted, left, perNew)
    if (bound <= best) return
    const item = ordered[index]
    if (item === undefined) {
      best = bound
      return
    }
    for (const host of byLoss(item, left, perNew)) {
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
  return { served: best, exact: exact || best >= most }
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

/** Hosts that take the item, those first that lose least room for new VMs and then those that it fills best; of equal hosts one. */
function byLoss({ use, hosts }: Item, left: Left, perNew: Float64Array): number[] {
  const width = perNew.length
  const seen = new Set<string>()
  const fitting: { host: number; loss: number; rest: number }[] = []
  for (const host of hosts) {
    let fits = true
    for (let r = 0; r < width && fits; r += 1) fits = (left[host * width + r] ?? 0) >= (use[r] ?? 0) - slack
    if (!fits) continue
    const before = roomOn(left, host, perNew)
    const key = hosts.length > mostCompared ? undefined : String(left.subarray(host * width, (host + 1) * width))
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

/** How many of the wanted find room, those with the fewest hosts served first. */
function servedBy(wanted: readonly Wanted[], left: Left, perNew: Float64Array): number {
  const [only] = wanted
  if (only === undefined) return 0
  if (wanted.length === 1) {
    let sum = 0
    for (const host of only.hosts) sum += roomOn(left, host, perNew)
    return Math.min(only.count, sum)
  }
  const taken = new Map<number, number>()
  let served = 0
  for (const { hosts, count } of wanted.toSorted((a, b) => a.hosts.length - b.hosts.length)) {
    let missing = count
    for (const host of hosts) {
      if (missing <= 0) break
      const used = taken.get(host) ?? 0
      const more = Math.min(missing, roomOn(left, host, perNew) - used)
      if (more <= 0) continue
      taken.set(host, used + more)
      missing -= more
    }
    served += count - missing
  }
  return served
}
