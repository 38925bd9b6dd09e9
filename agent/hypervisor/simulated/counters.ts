const sectorBytes = 512

/**
 * A set of totals that only grow. The world moves in steps; a reader between two of them gets the straight line from the
 * one before, so that rates are right whenever somebody looks.
 */
export class Counters {
  readonly #now: Float64Array
  readonly #before: Float64Array

  constructor(size: number) {
    this.#now = new Float64Array(size)
    this.#before = new Float64Array(size)
  }

  add(index: number, amount: number): void {
    this.#now[index] = (this.#now[index] ?? 0) + amount
  }

  /** Call before each step. */
  mark(): void {
    this.#before.set(this.#now)
  }

  reset(): void {
    this.#now.fill(0)
    this.#before.fill(0)
  }

  /** `share` is how much of the last step has passed, 0 to 1. */
  read(index: number, share: number): number {
    const before = this.#before[index] ?? 0
    return share >= 1 ? (this.#now[index] ?? 0) : before + ((this.#now[index] ?? 0) - before) * share
  }

  /** Whole units: bytes, requests, packets. */
  readWhole(index: number, share: number): number {
    return Math.floor(this.read(index, share))
  }

  /** Bytes of a disk: it counts whole sectors. */
  readSectors(index: number, share: number): number {
    return Math.floor(this.read(index, share) / sectorBytes) * sectorBytes
  }

  values(): number[] {
    return [...this.#now]
  }

  /** Takes saved totals; false, and nothing taken, if they are not of this kind. */
  restore(values: readonly number[]): boolean {
    if (values.length !== this.#now.length || !values.every((value) => value >= 0 && Number.isFinite(value)))
      return false
    this.#now.set(values)
    this.#before.set(values)
    return true
  }
}

/** Totals of one VM since its run began. Requests and bytes are whole, times are seconds. */
export const vmTotals = {
  cpuSeconds: 0,
  waitSeconds: 1,
  readRequests: 2,
  readBytes: 3,
  readSeconds: 4,
  writeRequests: 5,
  writeBytes: 6,
  writeSeconds: 7,
  flushRequests: 8,
  flushSeconds: 9,
  outOfSlots: 10,
  receiveBytes: 11,
  receivePackets: 12,
  transmitBytes: 13,
  transmitPackets: 14,
} as const
export const vmTotalsCount = 15

/** Totals of one host since it booted. */
export const hostTotals = {
  userSeconds: 0,
  systemSeconds: 1,
  idleSeconds: 2,
  iowaitSeconds: 3,
  guestSeconds: 4,
  psiCpuSeconds: 5,
  psiIoSomeSeconds: 6,
  psiIoFullSeconds: 7,
  receiveBytes: 8,
  receivePackets: 9,
  transmitBytes: 10,
  transmitPackets: 11,
} as const
export const hostTotalsCount = 12

/** Totals between one host and one array since the host booted. */
export const pathTotals = {
  readRequests: 0,
  readBytes: 1,
  readSeconds: 2,
  writeRequests: 3,
  writeBytes: 4,
  writeSeconds: 5,
  flushRequests: 6,
  flushSeconds: 7,
  busySeconds: 8,
} as const
export const pathTotalsCount = 9
