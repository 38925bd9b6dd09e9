import { at, indexAt } from './number-at.js'
import type { Survival } from './problem.js'

/**
 * Whose VMs find a place elsewhere if a host fails. Hosts are judged as the check of host failures does (docs/policy.md): the largest VM first, each
 * into the smallest space that takes it.
 */
export class Survivors {
  readonly #used: Float64Array
  /** 1: it survives, 0: it does not; -1: not known yet. */
  readonly #now: Int32Array

  constructor(
    private readonly survival: Survival,
    private readonly vmsOf: (host: number) => readonly number[],
  ) {
    this.#used = new Float64Array(survival.most.length)
    this.#now = new Int32Array(survival.most.length).fill(-1)
  }

  note(vm: number, host: number, sign: 1 | -1): void {
    this.#used[host] = at(this.#used, host) + sign * at(this.survival.use, vm)
  }

  /** VMs moved: what was known of hosts is not any more. */
  forget(): void {
    this.#now.fill(-1)
  }

  /** Hosts that survive now. One without VMs does not: it has nothing to lose, and may take the first as if it had some already. */
  now(): Int32Array {
    const spares = new Map<number, Float64Array>()
    for (let host = 0; host < this.#now.length; host += 1) {
      if (indexAt(this.#now, host) === -1) this.#now[host] = this.#holds(host) && this.#survives(host, spares) ? 1 : 0
    }
    return this.#now
  }

  /** Whether one of the hosts that survived before does not as VMs are noted now. */
  someLost(before: Int32Array): boolean {
    const spares = new Map<number, Float64Array>()
    for (let host = 0; host < before.length; host += 1) {
      if (indexAt(before, host) === 1 && !this.#survives(host, spares)) return true
    }
    return false
  }

  #holds(host: number): boolean {
    return this.vmsOf(host).some((vm) => at(this.survival.use, vm) > 0)
  }

  #survives(host: number, spares: Map<number, Float64Array>): boolean {
    const vms = this.vmsOf(host)
    let needed = 0
    let largest = 0
    for (const vm of vms) {
      const use = at(this.survival.use, vm)
      needed += use
      if (use > largest) largest = use
    }
    if (needed === 0) return true
    const group = indexAt(this.survival.group, host)
    if (group === -1) return false
    let ascending = spares.get(group)
    if (ascending === undefined) {
      ascending = this.#sparesOf(group)
      spares.set(group, ascending)
    }
    const own = Math.max(0, this.#spare(host))
    let total = -own
    for (const space of ascending) total += space
    const others = ascending.length - (own > 0 ? 1 : 0)
    if (total < needed) return false
    // Where every other host could be left with less than the largest VM and all would still fit, packing can only succeed.
    if (others > 0 && total - (needed - largest) >= others * largest) return true
    const free = [...ascending]
    if (own > 0) free.splice(firstAtLeast(free, own), 1)
    return this.#packs(vms, free)
  }

  #packs(vms: readonly number[], free: number[]): boolean {
    const sizes = vms.map((vm) => at(this.survival.use, vm)).sort((a, b) => b - a)
    for (const size of sizes) {
      if (size === 0) break
      const place = firstAtLeast(free, size)
      const [space] = free.splice(place, 1)
      if (space === undefined) return false
      free.splice(firstAtLeast(free, space - size), 0, space - size)
    }
    return true
  }

  #spare(host: number): number {
    return at(this.survival.most, host) - at(this.#used, host)
  }

  #sparesOf(group: number): Float64Array {
    const spares: number[] = []
    for (let host = 0; host < this.#used.length; host += 1) {
      const spare = indexAt(this.survival.group, host) === group ? this.#spare(host) : 0
      if (spare > 0) spares.push(spare)
    }
    return Float64Array.from(spares).sort()
  }
}

/** Index of the first number of an ascending list that is not below `least`; its length if there is none. */
function firstAtLeast(ascending: readonly number[], least: number): number {
  let low = 0
  let high = ascending.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((ascending[middle] ?? Infinity) < least) low = middle + 1
    else high = middle
  }
  return low
}
