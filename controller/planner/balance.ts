import { at, indexAt } from './number-at.js'
import type { Problem } from './problem.js'

/**
 * How alike hosts are, as a score that a move changes in time of its dimensions alone. Of each dimension it keeps the figures of all hosts
 * less their first mean, their sum and the sum of their squares, and its highest hosts.
 */
export class Balance {
  readonly #count: number
  readonly #dimensions: number
  /** By host, then by dimension. Hosts that do not count stay at 0, the mean. */
  readonly #figure: Float64Array
  /** 1 / capacity; 0 of hosts that do not count. */
  readonly #perLoad: Float64Array
  /** By VM, then by dimension. */
  readonly #load: Float64Array
  readonly #mean: Float64Array
  readonly #sum: Float64Array
  readonly #squares: Float64Array
  readonly #deviation: Float64Array
  readonly #spreadWeight: Float64Array
  readonly #peakWeight: Float64Array
  readonly #hasPeaks: boolean
  /** Three hosts of each dimension with the highest figures: a move touches two. */
  readonly #top: Int32Array
  #score = 0

  constructor(
    private readonly problem: Pick<Problem, 'hosts' | 'vms' | 'counted' | 'dimensions'>,
    hostOf: Int32Array,
  ) {
    const { hosts, vms, counted, dimensions } = problem
    const width = dimensions.length
    this.#dimensions = width
    this.#count = Math.max(
      1,
      counted.reduce((sum, one) => sum + one, 0),
    )
    this.#figure = new Float64Array(hosts.length * width)
    this.#perLoad = new Float64Array(hosts.length * width)
    this.#load = new Float64Array(vms.length * width)
    this.#mean = new Float64Array(width)
    this.#sum = new Float64Array(width)
    this.#squares = new Float64Array(width)
    this.#deviation = new Float64Array(width)
    this.#spreadWeight = Float64Array.from(dimensions, ({ spreadWeight }) => spreadWeight)
    this.#peakWeight = Float64Array.from(dimensions, ({ peakWeight }) => peakWeight)
    this.#hasPeaks = dimensions.some(({ peakWeight }) => peakWeight > 0)
    this.#top = new Int32Array(width * 3)
    this.#fill(hostOf)
    this.settle()
  }

  get score(): number {
    return this.#score
  }

  /** Derivative of the score by load on the host, roughly. */
  heat(host: number): number {
    let sum = 0
    for (let d = 0; d < this.#dimensions; d += 1) {
      const figure = at(this.#figure, host * this.#dimensions + d)
      const deviation = at(this.#deviation, d)
      if (deviation > 0) sum += (at(this.#spreadWeight, d) * figure) / deviation
      if (this.#hasPeaks && indexAt(this.#top, d * 3) === host) sum += at(this.#peakWeight, d) * this.#count
    }
    return sum
  }

  delta(vm: number, from: number, to: number): number {
    const width = this.#dimensions
    let change = 0
    for (let d = 0; d < width; d += 1) {
      const load = at(this.#load, vm * width + d)
      if (load === 0) continue
      change += this.#changeIn(
        d,
        from,
        to,
        load * at(this.#perLoad, from * width + d),
        load * at(this.#perLoad, to * width + d),
      )
    }
    return change
  }

  swapDelta(a: number, b: number, hostA: number, hostB: number): number {
    const width = this.#dimensions
    let change = 0
    for (let d = 0; d < width; d += 1) {
      const load = at(this.#load, a * width + d) - at(this.#load, b * width + d)
      if (load === 0) continue
      change += this.#changeIn(
        d,
        hostA,
        hostB,
        load * at(this.#perLoad, hostA * width + d),
        load * at(this.#perLoad, hostB * width + d),
      )
    }
    return change
  }

  move(vm: number, from: number, to: number): void {
    const width = this.#dimensions
    let score = 0
    for (let d = 0; d < width; d += 1) {
      const load = at(this.#load, vm * width + d)
      if (load !== 0) this.#moveIn(d, from, to, load)
      score += at(this.#spreadWeight, d) * at(this.#deviation, d)
      if (this.#hasPeaks) score += at(this.#peakWeight, d) * this.#peak(d)
    }
    this.#score = score
  }

  /** Makes sums anew, so that rounding does not add up. */
  settle(): void {
    const { hosts } = this.problem
    const width = this.#dimensions
    let score = 0
    for (let d = 0; d < width; d += 1) {
      let sum = 0
      let squares = 0
      for (let host = 0; host < hosts.length; host += 1) {
        const figure = at(this.#figure, host * width + d)
        sum += figure
        squares += figure * figure
      }
      this.#sum[d] = sum
      this.#squares[d] = squares
      this.#deviation[d] = this.#deviationOf(sum, squares)
      if (this.#hasPeaks) this.#findTop(d)
      score += at(this.#spreadWeight, d) * at(this.#deviation, d)
      if (this.#hasPeaks) score += at(this.#peakWeight, d) * this.#peak(d)
    }
    this.#score = score
  }

  #changeIn(d: number, from: number, to: number, less: number, more: number): number {
    const width = this.#dimensions
    const a = at(this.#figure, from * width + d)
    const b = at(this.#figure, to * width + d)
    const sum = at(this.#sum, d) - less + more
    const squares = at(this.#squares, d) + less * (less - 2 * a) + more * (more + 2 * b)
    let change = at(this.#spreadWeight, d) * (this.#deviationOf(sum, squares) - at(this.#deviation, d))
    if (this.#hasPeaks) {
      const rest = this.#highestBut(d, from, to)
      const lower = this.problem.counted[from] === 1 ? a - less : -Infinity
      const higher = this.problem.counted[to] === 1 ? b + more : -Infinity
      const highest = Math.max(lower, higher, rest)
      if (highest > -Infinity) change += at(this.#peakWeight, d) * (highest + at(this.#mean, d) - this.#peak(d))
    }
    return change
  }

  #moveIn(d: number, from: number, to: number, load: number): void {
    const width = this.#dimensions
    const fromAt = from * width + d
    const toAt = to * width + d
    const less = load * at(this.#perLoad, fromAt)
    const more = load * at(this.#perLoad, toAt)
    const a = at(this.#figure, fromAt)
    const b = at(this.#figure, toAt)
    this.#sum[d] = at(this.#sum, d) - less + more
    this.#squares[d] = at(this.#squares, d) + less * (less - 2 * a) + more * (more + 2 * b)
    this.#figure[fromAt] = a - less
    this.#figure[toAt] = b + more
    this.#deviation[d] = this.#deviationOf(at(this.#sum, d), at(this.#squares, d))
    if (this.#hasPeaks) this.#findTop(d)
  }

  #deviationOf(sum: number, squares: number): number {
    const mean = sum / this.#count
    return Math.sqrt(Math.max(0, squares / this.#count - mean * mean))
  }

  #peak(d: number): number {
    return at(this.#figure, indexAt(this.#top, d * 3) * this.#dimensions + d) + at(this.#mean, d)
  }

  /** Highest figure of the others, less the mean. */
  #highestBut(d: number, a: number, b: number): number {
    for (let place = 0; place < 3; place += 1) {
      const host = indexAt(this.#top, d * 3 + place)
      if (host === -1) break
      if (host !== a && host !== b) return at(this.#figure, host * this.#dimensions + d)
    }
    return -Infinity
  }

  #findTop(d: number): void {
    const { hosts, counted } = this.problem
    const width = this.#dimensions
    let [first, second, third] = [-1, -1, -1]
    let [x, y, z] = [-Infinity, -Infinity, -Infinity]
    for (let host = 0; host < hosts.length; host += 1) {
      if (counted[host] !== 1) continue
      const figure = at(this.#figure, host * width + d)
      if (figure > x) {
        ;[third, z, second, y, first, x] = [second, y, first, x, host, figure]
      } else if (figure > y) {
        ;[third, z, second, y] = [second, y, host, figure]
      } else if (figure > z) {
        ;[third, z] = [host, figure]
      }
    }
    this.#top.set([first, second, third], d * 3)
  }

  #fill(hostOf: Int32Array): void {
    const { hosts, vms, counted, dimensions } = this.problem
    const width = this.#dimensions
    for (const [d, { base, capacity, load }] of dimensions.entries()) {
      for (let host = 0; host < hosts.length; host += 1) {
        if (counted[host] !== 1) continue
        this.#perLoad[host * width + d] = 1 / at(capacity, host)
        this.#figure[host * width + d] = at(base, host) / at(capacity, host)
      }
      for (let vm = 0; vm < vms.length; vm += 1) {
        const place = indexAt(hostOf, vm) * width + d
        this.#load[vm * width + d] = at(load, vm)
        this.#figure[place] = at(this.#figure, place) + at(load, vm) * at(this.#perLoad, place)
      }
      let sum = 0
      for (let host = 0; host < hosts.length; host += 1) sum += at(this.#figure, host * width + d)
      const mean = sum / this.#count
      this.#mean[d] = mean
      for (let host = 0; host < hosts.length; host += 1) {
        if (counted[host] === 1) this.#figure[host * width + d] = at(this.#figure, host * width + d) - mean
      }
    }
  }
}
