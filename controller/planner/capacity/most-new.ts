import { indexAt } from '../number-at.js'
import type { Losses } from './losses.js'

/** New VMs by host that bear every loss, as many as were found. */
export interface MostNew {
  readonly fits: number
  readonly atMost: number
  readonly exact: boolean
  readonly byHost: Int32Array
}

/** Placements that are looked at where all of them are gone through, and exchanges that are tried before. */
const mostTried = 4_000
const exhaustiveHosts = 10

/**
 * The most new VMs that can be put on hosts so that every loss is borne. Taking one away never makes a loss worse; so from full hosts VMs are taken away, from the
 * host whose loss asks for most, until all is borne, and then put wherever one more is still borne.
 * @param room the most on each host
 */
export function mostNew(losses: Losses, room: Int32Array): MostNew {
  const atMost = Math.min(total(room), losses.bound())
  let best = filled(losses, room, thinned(losses, room, atMost))
  if (total(best) < atMost && losses.hostCount <= exchangedHosts) best = exchanged(losses, room, best, atMost)
  if (total(best) === atMost) return { fits: atMost, atMost, exact: true, byHost: best }
  if (losses.hostCount <= exhaustiveHosts) {
    const { byHost, complete } = searched(losses, room, best, atMost)
    const fits = total(byHost)
    return { fits, atMost: complete ? fits : atMost, exact: complete || fits === atMost, byHost }
  }
  return { fits: total(best), atMost, exact: false, byHost: best }
}

const exchangedHosts = 64

export function total(byHost: Int32Array): number {
  return byHost.reduce((sum, one) => sum + one, 0)
}

/** Full hosts with VMs taken away until every loss is borne. */
function thinned(losses: Losses, room: Int32Array, atMost: number): Int32Array {
  const byHost = Int32Array.from(room)
  level(byHost, total(byHost) - atMost)
  for (;;) {
    let worst = 0
    let worstLoss: readonly number[] = []
    for (const lost of losses.each()) {
      const missing = losses.missing(lost, byHost).count
      if (missing <= worst) continue
      worst = missing
      worstLoss = lost
      if (missing === Infinity) break
    }
    if (worst === 0) return byHost
    if (worst === Infinity) {
      // New VMs stand in the way of others: those of the hosts that are left give way.
      if (total(byHost) === 0) return byHost
      level(byHost, Math.max(1, Math.floor(total(byHost) / 16)), worstLoss)
    } else level(byHost, Math.max(1, Math.floor(worst / 2)))
  }
}

/** Takes so many away, one after the other from the host that has most. */
function level(byHost: Int32Array, count: number, spared: readonly number[] = []): void {
  let left = count
  while (left > 0) {
    let most = -1
    for (let host = 0; host < byHost.length; host += 1) {
      if (spared.includes(host) && byHost.some((one, other) => one > 0 && !spared.includes(other))) continue
      if (indexAt(byHost, host) > 0 && (most === -1 || indexAt(byHost, host) > indexAt(byHost, most))) most = host
    }
    if (most === -1) return
    byHost[most] = indexAt(byHost, most) - 1
    left -= 1
  }
}

/** One more wherever that is still borne, many at once where many fit. */
function filled(losses: Losses, room: Int32Array, byHost: Int32Array): Int32Array {
  const grown = Int32Array.from(byHost)
  const order = Array.from(room.keys()).sort((a, b) => indexAt(grown, a) - indexAt(grown, b) || a - b)
  const tries = losses.hostCount > exchangedHosts ? order.slice(0, 8) : order
  for (const host of tries) {
    let step = indexAt(room, host) - indexAt(grown, host)
    while (step > 0) {
      grown[host] = indexAt(grown, host) + step
      if (indexAt(grown, host) <= indexAt(room, host) && losses.isBorne(grown) === 'yes') continue
      grown[host] = indexAt(grown, host) - step
      step = Math.floor(step / 2)
    }
  }
  return grown
}

/** One VM less somewhere may let two in elsewhere. */
function exchanged(losses: Losses, room: Int32Array, byHost: Int32Array, atMost: number): Int32Array {
  let best = byHost
  let tried = 0
  for (let again = true; again && total(best) < atMost;) {
    again = false
    for (let host = 0; host < best.length && tried < mostTried / 16; host += 1) {
      if (indexAt(best, host) === 0) continue
      tried += 1
      const other = Int32Array.from(best)
      other[host] = indexAt(other, host) - 1
      const kept = Int32Array.from(room)
      kept[host] = indexAt(other, host)
      const grown = filled(losses, kept, other)
      if (total(grown) <= total(best)) continue
      best = grown
      again = true
    }
  }
  return best
}

/** All ways to put them, as far as more than the best so far may come of it. `complete`: nothing was left out, and of nothing that was it is unknown whether it is borne. */
function searched(
  losses: Losses,
  room: Int32Array,
  first: Int32Array,
  atMost: number,
): { readonly byHost: Int32Array; readonly complete: boolean } {
  let best = first
  let tried = 0
  let cut = false
  let doubtful = false
  const rest = new Int32Array(room.length + 1)
  for (let host = room.length - 1; host >= 0; host -= 1) rest[host] = indexAt(rest, host + 1) + indexAt(room, host)
  const current = new Int32Array(room.length)
  const go = (host: number, sum: number): void => {
    if (cut || total(best) >= atMost || sum + indexAt(rest, host) <= total(best)) return
    tried += 1
    if (tried > mostTried) {
      cut = true
      return
    }
    const borne = sum > 0 ? losses.isBorne(current) : 'yes'
    if (borne === 'unknown') doubtful = true
    if (borne !== 'yes') return
    if (host === room.length) {
      best = Int32Array.from(current)
      return
    }
    for (let count = indexAt(room, host); count >= 0; count -= 1) {
      current[host] = count
      go(host + 1, sum + count)
    }
    current[host] = 0
  }
  go(0, 0)
  return { byHost: best, complete: !cut && !doubtful }
}
