import { Balance } from './balance.js'
import type { ApartSet, Classes, Limit, MoveKind, Problem, Refusal, TogetherSet, Way } from './problem.js'
import { at, indexAt } from './number-at.js'
import { Survivors } from './survivors.js'

const core = 1
const personal = 2

/**
 * Where the VMs are in a plan that is being made. Says of a move what it would do to the score, and whether it breaks a rule, in time that
 * depends on the number of rules and not on the size of the fleet.
 */
export class Placement {
  readonly hostOf: Int32Array
  readonly #balance: Balance
  /** By limit, then by host. */
  readonly #used: readonly Float64Array[]
  readonly #setsOf: readonly (readonly number[])[]
  /** By set, VMs on a host. */
  readonly #together: readonly Map<number, number>[]
  /** The same of VMs that are to be together. */
  readonly #wishesOf: readonly (readonly number[])[]
  readonly #wished: readonly Map<number, number>[]
  readonly #survivors: Survivors | undefined
  readonly #coreOn: Int32Array
  readonly #personalOn: Int32Array
  /** Sum of the penalties of personal VMs on a host. */
  readonly #besidePenalty: Float64Array
  /** Nothing but limits and balance: then moves and swaps need no look at rules. */
  readonly isPlain: boolean
  readonly #vmsOf: number[][]
  readonly #placeInList: Int32Array

  constructor(readonly problem: Problem) {
    const { hosts, vms, start, limits, apart, together, classes, survival } = problem
    this.hostOf = Int32Array.from(start)
    this.#balance = new Balance(problem, this.hostOf)
    this.#used = limits.map(() => new Float64Array(hosts.length))
    this.#setsOf = setsOf(apart, vms.length)
    this.#wishesOf = setsOf(together, vms.length)
    this.#wished = together.map(() => new Map<number, number>())
    this.#together = apart.map(() => new Map<number, number>())
    this.#coreOn = new Int32Array(hosts.length)
    this.#personalOn = new Int32Array(hosts.length)
    this.#besidePenalty = new Float64Array(hosts.length)
    this.#vmsOf = hosts.map(() => [])
    this.#placeInList = new Int32Array(vms.length)
    this.isPlain =
      apart.length === 0 &&
      together.length === 0 &&
      classes === undefined &&
      survival === undefined &&
      problem.strandedPenalty.every((penalty) => penalty === 0) &&
      limits.every(({ overPenalty }) => overPenalty === 0)
    this.#survivors = survival && new Survivors(survival, (host) => this.vmsOf(host))
    for (let vm = 0; vm < vms.length; vm += 1) this.#note(vm, indexAt(start, vm), 1)
  }

  /** How alike hosts are alone, without what rules find. */
  get balance(): number {
    return this.#balance.score
  }

  /** What the hosts are like: lower is better. Without costs of moves. */
  get score(): number {
    return this.#balance.score + (this.isPlain ? 0 : this.#penalties())
  }

  /** VMs of a host, in no order. */
  vmsOf(host: number): readonly number[] {
    return this.#vmsOf[host] ?? []
  }

  /** How much a host would gain by losing load: high on hosts to take from. */
  heat(host: number): number {
    return this.#balance.heat(host) + (this.isPlain ? 0 : this.#penaltyOf(host))
  }

  /** What the score would change by. It is not asked whether the move may be. */
  delta(vm: number, to: number): number {
    const from = indexAt(this.hostOf, vm)
    if (from === to) return 0
    const change = this.#balance.delta(vm, from, to)
    return this.isPlain ? change : change + this.#penaltyDelta(vm, from, to)
  }

  /** The same of two VMs that change places; exact where the placement is plain, else found out by doing it. */
  swapDelta(a: number, b: number): number {
    const [hostA, hostB] = [indexAt(this.hostOf, a), indexAt(this.hostOf, b)]
    if (this.isPlain) return this.#balance.swapDelta(a, b, hostA, hostB)
    const first = this.delta(a, hostB)
    this.move(a, hostB)
    const second = this.delta(b, hostA)
    this.move(a, hostA)
    return first + second
  }

  way(vm: number, to: number): Way {
    const { ways, vmKind, hostKind } = this.problem
    const way = ways[indexAt(vmKind, vm)]?.[indexAt(hostKind, to)]
    if (way === undefined) throw new Error(`no way is known of ${vm} to ${to}`)
    return way
  }

  kind(vm: number, to: number): MoveKind | undefined {
    const way = this.way(vm, to)
    return 'kind' in way ? way.kind : undefined
  }

  /** Whether the VM may go there now. */
  allows(vm: number, to: number): boolean {
    if (!('kind' in this.way(vm, to)) || !this.#hasRoom(vm, to, -1)) return false
    return this.isPlain || (!this.#breaks(vm, to) && !this.#endangers([[vm, to]]))
  }

  /** Whether two VMs may change places. On the way one of them has to be somewhere: that is for the order of moves to find. */
  allowsSwap(a: number, b: number): boolean {
    const [hostA, hostB] = [indexAt(this.hostOf, a), indexAt(this.hostOf, b)]
    if (!('kind' in this.way(a, hostB)) || !('kind' in this.way(b, hostA))) return false
    if (!this.#hasRoom(a, hostB, b) || !this.#hasRoom(b, hostA, a)) return false
    if (this.isPlain) return true
    // Each is judged as if the other were gone.
    this.#note(a, hostA, -1)
    this.#note(b, hostB, -1)
    const broken = this.#breaks(a, hostB) || this.#breaks(b, hostA)
    this.#note(a, hostA, 1)
    this.#note(b, hostB, 1)
    return (
      !broken &&
      !this.#endangers([
        [a, hostB],
        [b, hostA],
      ])
    )
  }

  /** Every rule that keeps a VM from going there now. */
  refusals(vm: number, to: number): Refusal[] {
    const way = this.way(vm, to)
    const refusals: Refusal[] = 'kind' in way ? [] : [way]
    const { limits, hosts, apart, vms } = this.problem
    for (const [index, limit] of limits.entries()) {
      const missing = this.#missing(limit, index, vm, to)
      if (missing > 0)
        refusals.push({ rule: limit.rule, reason: `${limit.format(missing)} short on ${hosts[to] ?? ''}` })
    }
    for (const index of this.#setsOf[vm] ?? []) {
      const set = apart[index]
      if (set === undefined || !this.#isTaken(index, vm, to)) continue
      const other = set.vms.find((one) => one !== vm && indexAt(this.hostOf, one) === to)
      const who = other === undefined ? 'another of them' : (vms[other] ?? '')
      refusals.push({ rule: set.rule, reason: `${who} of ${set.name} is on ${hosts[to] ?? ''}` })
    }
    if (this.#breaksClasses(vm, to)) {
      const isCore = this.problem.classes?.ofVm[vm] === core
      refusals.push({
        rule: 'personal-beside-core',
        reason: `${isCore ? 'personal' : 'core'} VMs are on ${hosts[to] ?? ''}`,
      })
    }
    if (this.#endangers([[vm, to]]))
      refusals.push({
        rule: 'host-failure',
        reason: `with it on ${hosts[to] ?? ''} the VMs of a host that fails would not all find a place any more`,
      })
    return refusals
  }

  move(vm: number, to: number): void {
    const from = indexAt(this.hostOf, vm)
    if (from === to) return
    this.#balance.move(vm, from, to)
    this.#note(vm, from, -1)
    this.hostOf[vm] = to
    this.#note(vm, to, 1)
    this.#survivors?.forget()
  }

  /** Scores are sums of many changes: now and then they are made anew. */
  settle(): void {
    this.#balance.settle()
  }

  #hasRoom(vm: number, to: number, leaving: number): boolean {
    const { limits } = this.problem
    for (let index = 0; index < limits.length; index += 1) {
      const limit = limits[index]
      const usedBy = this.#used[index]
      if (limit === undefined || usedBy === undefined) continue
      const use = at(limit.use, vm)
      if (use === 0) continue
      const freed = leaving === -1 ? 0 : at(limit.use, leaving)
      const used = at(usedBy, to)
      // A host above its limit takes what makes that less.
      if (used + use - freed > at(limit.most, to) && use >= freed) return false
      if (used + use - freed > at(limit.most, to) && leaving === -1) return false
    }
    return true
  }

  #missing({ use, most }: Limit, index: number, vm: number, to: number): number {
    const need = at(use, vm)
    return need === 0 ? 0 : (this.#used[index]?.[to] ?? 0) + need - at(most, to)
  }

  #breaks(vm: number, to: number): boolean {
    for (const set of this.#setsOf[vm] ?? []) if (this.#isTaken(set, vm, to)) return true
    return this.#breaksClasses(vm, to)
  }

  #isTaken(set: number, vm: number, to: number): boolean {
    const there = this.#together[set]?.get(to) ?? 0
    return there > (indexAt(this.hostOf, vm) === to ? 1 : 0)
  }

  #breaksClasses(vm: number, to: number): boolean {
    const { classes } = this.problem
    if (classes === undefined) return false
    const one = indexAt(classes.ofVm, vm)
    return one === core ? indexAt(this.#personalOn, to) > 0 : one === personal && indexAt(this.#coreOn, to) > 0
  }

  /** Whether VMs at these hosts would leave one without refuge that has one now. */
  #endangers(moves: readonly (readonly [vm: number, to: number])[]): boolean {
    const survivors = this.#survivors
    const { survival } = this.problem
    if (survivors === undefined || survival === undefined) return false
    if (moves.every(([vm]) => at(survival.use, vm) === 0)) return false
    const before = survivors.now()
    for (const [vm] of moves) this.#note(vm, indexAt(this.hostOf, vm), -1)
    for (const [vm, to] of moves) this.#note(vm, to, 1)
    const isLost = survivors.someLost(before)
    for (const [vm, to] of moves) this.#note(vm, to, -1)
    for (const [vm] of moves) this.#note(vm, indexAt(this.hostOf, vm), 1)
    return isLost
  }

  #note(vm: number, host: number, sign: 1 | -1): void {
    const { limits, classes } = this.problem
    for (let index = 0; index < limits.length; index += 1) {
      const limit = limits[index]
      const used = this.#used[index]
      if (limit !== undefined && used !== undefined) used[host] = at(used, host) + sign * at(limit.use, vm)
    }
    for (const set of this.#setsOf[vm] ?? []) {
      const counts = this.#together[set]
      counts?.set(host, (counts.get(host) ?? 0) + sign)
    }
    for (const set of this.#wishesOf[vm] ?? []) {
      const counts = this.#wished[set]
      const count = (counts?.get(host) ?? 0) + sign
      if (count === 0) counts?.delete(host)
      else counts?.set(host, count)
    }
    this.#survivors?.note(vm, host, sign)
    if (classes !== undefined) this.#noteClass(classes, vm, host, sign)
    this.#list(vm, host, sign)
  }

  #noteClass({ ofVm, penalty }: Classes, vm: number, host: number, sign: 1 | -1): void {
    const one = indexAt(ofVm, vm)
    if (one === core) this.#coreOn[host] = indexAt(this.#coreOn, host) + sign
    else if (one === personal) {
      this.#personalOn[host] = indexAt(this.#personalOn, host) + sign
      this.#besidePenalty[host] = at(this.#besidePenalty, host) + sign * at(penalty, vm)
    }
  }

  #list(vm: number, host: number, sign: 1 | -1): void {
    const list = this.#vmsOf[host]
    if (list === undefined) return
    if (sign === 1) {
      this.#placeInList[vm] = list.length
      list.push(vm)
      return
    }
    const last = list.pop()
    if (last === undefined || last === vm) return
    const place = indexAt(this.#placeInList, vm)
    list[place] = last
    this.#placeInList[last] = place
  }

  #penaltyDelta(vm: number, from: number, to: number): number {
    const before =
      this.#penaltyOf(from) + this.#penaltyOf(to) + this.#apartPenalty(vm, from, to) + this.#wishPenalty(vm)
    this.#note(vm, from, -1)
    this.#note(vm, to, 1)
    const after = this.#penaltyOf(from) + this.#penaltyOf(to) + this.#apartPenalty(vm, from, to) + this.#wishPenalty(vm)
    this.#note(vm, to, -1)
    this.#note(vm, from, 1)
    return after - before + this.#stranded(vm, to) - this.#stranded(vm, from)
  }

  /** Of one host: limits and classes. */
  #penaltyOf(host: number): number {
    let sum = indexAt(this.#coreOn, host) > 0 ? at(this.#besidePenalty, host) : 0
    const { limits } = this.problem
    for (let index = 0; index < limits.length; index += 1) {
      const limit = limits[index]
      const used = this.#used[index]
      if (limit === undefined || used === undefined || limit.overPenalty === 0) continue
      const most = at(limit.most, host)
      const over = at(used, host) - most
      if (over > 0) sum += limit.overPenalty * (1 + over / Math.max(1, most))
    }
    return sum
  }

  #stranded(vm: number, host: number): number {
    return indexAt(this.problem.excepted, vm) === 1 ? 0 : at(this.problem.strandedPenalty, host)
  }

  #apartPenalty(vm: number, from: number, to: number): number {
    let sum = 0
    for (const index of this.#setsOf[vm] ?? []) {
      const counts = this.#together[index]
      const extra = Math.max(0, (counts?.get(from) ?? 0) - 1) + Math.max(0, (counts?.get(to) ?? 0) - 1)
      sum += extra * (this.problem.apart[index]?.penalty ?? 0)
    }
    return sum
  }

  #wishPenalty(vm: number): number {
    let sum = 0
    for (const index of this.#wishesOf[vm] ?? []) {
      sum += Math.max(0, (this.#wished[index]?.size ?? 0) - 1) * (this.problem.together[index]?.penalty ?? 0)
    }
    return sum
  }

  #penalties(): number {
    const { hosts, vms, apart, together } = this.problem
    let sum = 0
    for (let host = 0; host < hosts.length; host += 1) sum += this.#penaltyOf(host)
    for (let vm = 0; vm < vms.length; vm += 1) sum += this.#stranded(vm, indexAt(this.hostOf, vm))
    for (const [index, set] of apart.entries()) sum += extrasOf(this.#together[index], set)
    for (const [index, { penalty }] of together.entries())
      sum += Math.max(0, (this.#wished[index]?.size ?? 0) - 1) * penalty
    return sum
  }
}

function setsOf(sets: readonly (ApartSet | TogetherSet)[], vms: number): number[][] {
  const byVm: number[][] = Array.from({ length: vms }, () => [])
  for (const [index, set] of sets.entries()) for (const vm of set.vms) byVm[vm]?.push(index)
  return byVm
}

function extrasOf(counts: ReadonlyMap<number, number> | undefined, { penalty }: ApartSet): number {
  let extra = 0
  for (const count of counts?.values() ?? []) extra += Math.max(0, count - 1)
  return extra * penalty
}
