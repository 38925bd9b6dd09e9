import type { SeededRandom } from '../../common/seeded-random.js'
import { at, indexAt } from './number-at.js'
import type { Placement } from './placement.js'

/** How far a search goes. */
export interface SearchLimits {
  readonly random: SeededRandom
  /** VMs that may end elsewhere than they started. */
  readonly mostMoved: number
  /** Tries of the local search. */
  readonly tries: number
}

/** Least gain of a single step: less is rounding. */
export const leastGain = 1e-9

/** So many VMs may be moved by the local search even where the first way moved fewer. */
const leastSearched = 8

/** With more pairs of VM and host than this, the best move of all is not looked for. */
const mostPairs = 30_000

/**
 * Makes a placement better: first by moves from hot hosts to cold ones, each the best there is, then by a local search that also exchanges
 * VMs, sends some home and takes others instead, and now and then a step back, so that it gets out of dead ends. Nothing it does breaks a hard rule in
 * its result; the same for the same seed.
 */
export function search(placement: Placement, limits: SearchLimits): void {
  const moved = new Moved(placement)
  descend(placement, moved, limits.mostMoved)
  placement.settle()
  // More moves than the first way needed would make hosts a little more alike, and hardly anyone wants them.
  const mostMoved = Math.min(limits.mostMoved, Math.max(moved.size, leastSearched))
  anneal(placement, moved, { ...limits, mostMoved })
  placement.settle()
}

/** VMs that are not where they started, and what getting them there costs. */
class Moved {
  readonly vms: number[] = []
  readonly #placeOf: Int32Array

  constructor(private readonly placement: Placement) {
    const { start, vms } = placement.problem
    this.#placeOf = new Int32Array(vms.length).fill(-1)
    for (let vm = 0; vm < vms.length; vm += 1) {
      if (indexAt(placement.hostOf, vm) !== indexAt(start, vm)) this.#add(vm)
    }
  }

  get size(): number {
    return this.vms.length
  }

  has(vm: number): boolean {
    return indexAt(this.#placeOf, vm) !== -1
  }

  home(vm: number): number {
    return indexAt(this.placement.problem.start, vm)
  }

  /** What the cost of moves changes by. */
  costDelta(vm: number, to: number): number {
    return this.#cost(vm, to) - this.#cost(vm, indexAt(this.placement.hostOf, vm))
  }

  move(vm: number, to: number): void {
    this.placement.move(vm, to)
    if (to === this.home(vm)) this.#remove(vm)
    else if (!this.has(vm)) this.#add(vm)
  }

  #cost(vm: number, host: number): number {
    if (host === this.home(vm)) return 0
    const kind = this.placement.kind(vm, host)
    return kind === undefined ? Infinity : this.placement.problem.moveCost(vm, kind)
  }

  #add(vm: number): void {
    this.#placeOf[vm] = this.vms.length
    this.vms.push(vm)
  }

  #remove(vm: number): void {
    const place = indexAt(this.#placeOf, vm)
    const last = this.vms.pop()
    this.#placeOf[vm] = -1
    if (place === -1 || last === undefined || last === vm) return
    this.vms[place] = last
    this.#placeOf[last] = place
  }
}

function descend(placement: Placement, moved: Moved, mostMoved: number): void {
  const { hosts, vms } = placement.problem
  const isSmall = hosts.length * vms.length <= mostPairs
  for (;;) {
    const before = placement.score
    const gained = isSmall ? bestMove(placement, moved, mostMoved) : roundOfMoves(placement, moved, mostMoved)
    if (!gained || (!isSmall && before - placement.score < leastRoundShare * before)) return
  }
}

/** A round of many moves that gains less than this share of the score is the last: the local search gets on faster. */
const leastRoundShare = 0.01

/** Does the best move of all; false if none gains. */
function bestMove(placement: Placement, moved: Moved, mostMoved: number): boolean {
  const { hosts, vms } = placement.problem
  let best = -leastGain
  let bestVm = -1
  let bestHost = -1
  for (let vm = 0; vm < vms.length; vm += 1) {
    if (moved.size >= mostMoved && !moved.has(vm)) continue
    for (let host = 0; host < hosts.length; host += 1) {
      const delta = placement.delta(vm, host)
      if (delta >= best || host === indexAt(placement.hostOf, vm)) continue
      if (!placement.allows(vm, host)) continue
      const whole = delta + moved.costDelta(vm, host)
      if (whole < best) [best, bestVm, bestHost] = [whole, vm, host]
    }
  }
  if (bestVm === -1) return false
  moved.move(bestVm, bestHost)
  return true
}

/** Coldest hosts that are looked at as goals of a hot one. */
const coldGoals = 12

/** From each of the hotter half of the hosts the best move to one of the coldest; false if none gains. */
function roundOfMoves(placement: Placement, moved: Moved, mostMoved: number): boolean {
  const { hosts } = placement.problem
  const heats = Float64Array.from(hosts, (_, host) => placement.heat(host))
  const byHeat = Array.from(hosts.keys()).sort((a, b) => at(heats, b) - at(heats, a) || a - b)
  const hot = byHeat.slice(0, Math.ceil(byHeat.length / 2))
  const cold = byHeat.slice(-Math.min(byHeat.length - 1, coldGoals * 4)).reverse()
  let gained = false
  let first = 0
  for (const from of hot) {
    let best = -leastGain
    let bestVm = -1
    let bestHost = -1
    for (const vm of placement.vmsOf(from)) {
      if (moved.size >= mostMoved && !moved.has(vm)) continue
      for (let place = 0; place < Math.min(coldGoals, cold.length); place += 1) {
        const host = cold[(first + place) % cold.length] ?? from
        const delta = host === from ? 0 : placement.delta(vm, host)
        if (delta >= best || !placement.allows(vm, host)) continue
        const whole = delta + moved.costDelta(vm, host)
        if (whole < best) [best, bestVm, bestHost] = [whole, vm, host]
      }
    }
    if (bestVm === -1) continue
    moved.move(bestVm, bestHost)
    first += 1
    gained = true
  }
  return gained
}

/** Tries after which sums are made anew. */
const settleEvery = 100_000
/** A step back is taken up to this share of the score at first, and up to a thousandth of that at last. */
const hottestShare = 0.02
const coolest = 1e-3

function anneal(placement: Placement, moved: Moved, { random, mostMoved, tries }: SearchLimits): void {
  const { hosts, vms } = placement.problem
  if (hosts.length < 2 || vms.length === 0 || mostMoved === 0) return
  const steps = new Steps(placement, moved, random, mostMoved)
  const hottest = (hottestShare * placement.score) / Math.sqrt(vms.length)
  let sinceBest = 0
  for (let tried = 0; tried < tries; tried += 1) {
    const temperature = hottest * coolest ** (tried / tries)
    const delta = steps.attempt(temperature * -Math.log(1 - random.next()))
    if (delta !== undefined) {
      sinceBest += delta
      if (sinceBest < -leastGain) {
        sinceBest = 0
        steps.forget()
      }
    }
    if (tried % settleEvery === settleEvery - 1) placement.settle()
  }
  steps.takeBack()
}

/** Steps of the local search. Those since the best placement are remembered, so that it can be gone back to. */
class Steps {
  #undo: number[] = []

  constructor(
    private readonly placement: Placement,
    private readonly moved: Moved,
    private readonly random: SeededRandom,
    private readonly mostMoved: number,
  ) {}

  /** What was done changed score and costs by that; undefined: nothing was, as it would make it worse by more than `bar` or break a rule. */
  attempt(bar: number): number | undefined {
    const isFull = this.moved.size >= this.mostMoved
    const draw = this.random.next()
    if (isFull) return draw < 0.3 ? this.#swap(bar) : draw < 0.4 ? this.#moveOn(bar) : this.#substitute(bar)
    return draw < 0.5
      ? this.#swap(bar)
      : draw < 0.8
        ? this.#relocate(bar)
        : draw < 0.9
          ? this.#moveOn(bar)
          : this.#substitute(bar)
  }

  forget(): void {
    this.#undo = []
  }

  takeBack(): void {
    for (let place = this.#undo.length - 2; place >= 0; place -= 2) {
      this.moved.move(this.#undo[place] ?? 0, this.#undo[place + 1] ?? 0)
    }
    this.#undo = []
  }

  /** Any VM to any host. */
  #relocate(bar: number): number | undefined {
    const vm = this.#below(this.placement.problem.vms.length)
    const to = this.#below(this.placement.problem.hosts.length)
    return this.#single(vm, to, bar)
  }

  /** A VM that moves anyway goes elsewhere, or stays where it is. */
  #moveOn(bar: number): number | undefined {
    const vm = this.moved.vms[this.#below(this.moved.size)]
    if (vm === undefined) return undefined
    const to = this.random.next() < 0.2 ? this.moved.home(vm) : this.#below(this.placement.problem.hosts.length)
    return this.#single(vm, to, bar)
  }

  #single(vm: number, to: number, bar: number): number | undefined {
    if (to === indexAt(this.placement.hostOf, vm)) return undefined
    if (!this.moved.has(vm) && this.moved.size >= this.mostMoved) return undefined
    const delta = this.placement.delta(vm, to)
    if (delta > bar || !this.placement.allows(vm, to)) return undefined
    const whole = delta + this.moved.costDelta(vm, to)
    if (whole > bar) return undefined
    this.#move(vm, to)
    return whole
  }

  /** Two VMs change places. */
  #swap(bar: number): number | undefined {
    const { hostOf, problem } = this.placement
    const useMoved = this.moved.size >= this.mostMoved
    const a = useMoved ? this.moved.vms[this.#below(this.moved.size)] : this.#below(problem.vms.length)
    if (a === undefined) return undefined
    const there = this.placement.vmsOf(this.#below(problem.hosts.length))
    const b = there[this.#below(there.length)]
    if (b === undefined) return undefined
    const [hostA, hostB] = [indexAt(hostOf, a), indexAt(hostOf, b)]
    if (hostA === hostB || this.#sizeAfter(a, hostB, b, hostA) > this.mostMoved) return undefined
    if (!this.placement.isPlain && !this.placement.allowsSwap(a, b)) return undefined
    const delta = this.placement.swapDelta(a, b)
    if (delta > bar) return undefined
    const whole = delta + this.moved.costDelta(a, hostB) + this.moved.costDelta(b, hostA)
    if (whole > bar || !this.placement.allowsSwap(a, b)) return undefined
    this.#move(a, hostB)
    this.#move(b, hostA)
    return whole
  }

  /** A VM goes home, and another one is moved instead: from the same host to the same host half of the time. */
  #substitute(bar: number): number | undefined {
    const { hostOf, problem } = this.placement
    const goes = this.moved.vms[this.#below(this.moved.size)]
    if (goes === undefined) return undefined
    const home = this.moved.home(goes)
    const was = indexAt(hostOf, goes)
    const isAlike = this.random.next() < 0.5
    const from = isAlike ? home : this.#below(problem.hosts.length)
    const candidates = this.placement.vmsOf(from)
    const comes = candidates[this.#below(candidates.length)]
    const to = isAlike ? was : this.#below(problem.hosts.length)
    if (comes === undefined || comes === goes || from === to || this.moved.has(comes)) return undefined
    const first = this.placement.delta(goes, home) + this.moved.costDelta(goes, home)
    if (!this.placement.allows(goes, home)) return undefined
    this.moved.move(goes, home)
    const whole = first + this.placement.delta(comes, to) + this.moved.costDelta(comes, to)
    if (whole > bar || !this.placement.allows(comes, to)) {
      this.moved.move(goes, was)
      return undefined
    }
    this.#undo.push(goes, was)
    this.#move(comes, to)
    return whole
  }

  #move(vm: number, to: number): void {
    this.#undo.push(vm, indexAt(this.placement.hostOf, vm))
    this.moved.move(vm, to)
  }

  /** VMs away from home once two have gone to new hosts. */
  #sizeAfter(a: number, hostA: number, b: number, hostB: number): number {
    const away = (vm: number, host: number): number => (host === this.moved.home(vm) ? 0 : 1)
    const before = (this.moved.has(a) ? 1 : 0) + (this.moved.has(b) ? 1 : 0)
    return this.moved.size - before + away(a, hostA) + away(b, hostB)
  }

  #below(count: number): number {
    return Math.floor(this.random.next() * count)
  }
}
