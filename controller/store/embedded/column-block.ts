/** Points of one series are kept by the hour: a chunk on disk holds the points of one series in one bucket. */
export const bucketMs = 3_600_000

export function bucketOf(atMs: number): number {
  return Math.floor(atMs / bucketMs)
}

/** What a put changed. */
export interface Put {
  readonly newPoint: boolean
  readonly newCells: number
}

const smallest = 32

/**
 * Points of one series by column, ascending in time, each time once. Fields are ids of the field dictionary.
 * A missing value is NaN: stored values are finite.
 */
export class ColumnBlock {
  #times: Float64Array
  #length = 0
  readonly #columns = new Map<number, Float64Array>()

  constructor(capacity = smallest) {
    this.#times = new Float64Array(Math.max(capacity, smallest))
  }

  /** Takes over the arrays; all must have the same length, the times ascending. */
  static of(times: Float64Array, columns: ReadonlyMap<number, Float64Array>): ColumnBlock {
    const block = new ColumnBlock(0)
    block.#times = times
    block.#length = times.length
    for (const [field, values] of columns) block.#columns.set(field, values)
    return block
  }

  get length(): number {
    return this.#length
  }

  /** Infinity if empty. */
  get firstMs(): number {
    return this.#length === 0 ? Infinity : this.timeAt(0)
  }

  /** -Infinity if empty. */
  get lastMs(): number {
    return this.#length === 0 ? -Infinity : this.timeAt(this.#length - 1)
  }

  get fields(): Iterable<number> {
    return this.#columns.keys()
  }

  timeAt(index: number): number {
    return this.#times[index] ?? NaN
  }

  /** NaN where there is none. */
  valueAt(field: number, index: number): number {
    return this.#columns.get(field)?.[index] ?? NaN
  }

  times(from: number, to: number): Float64Array {
    return this.#times.subarray(from, to)
  }

  /** The values of rows `from` to `to` (exclusive); undefined if the block never had the field. */
  column(field: number, from: number, to: number): Float64Array | undefined {
    return this.#columns.get(field)?.subarray(from, to)
  }

  /** Index of the first row at or after the time. */
  lowerBound(atMs: number): number {
    let low = 0
    let high = this.#length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.timeAt(middle) < atMs) low = middle + 1
      else high = middle
    }
    return low
  }

  /** Adds a point, or merges its fields into the one at that time. */
  put(atMs: number, fields: readonly number[], values: readonly number[]): Put {
    const before = this.#length
    const row = this.#rowAt(atMs)
    let newCells = 0
    for (const [index, field] of fields.entries()) {
      const column = this.#columnOf(field)
      if (Number.isNaN(column[row])) newCells += 1
      column[row] = values[index] ?? NaN
    }
    return { newPoint: this.#length > before, newCells }
  }

  /** Puts rows `from` to `to` (exclusive) of another block over this one. */
  merge(other: ColumnBlock, from: number, to: number): void {
    for (let source = from; source < to; source += 1) {
      const row = this.#rowAt(other.timeAt(source))
      for (const [field, values] of other.#columns) {
        const value = values[source] ?? NaN
        if (!Number.isNaN(value)) this.#columnOf(field)[row] = value
      }
    }
  }

  #columnOf(field: number): Float64Array {
    let column = this.#columns.get(field)
    if (column === undefined) {
      column = new Float64Array(this.#times.length).fill(NaN)
      this.#columns.set(field, column)
    }
    return column
  }

  #rowAt(atMs: number): number {
    if (atMs > this.lastMs) {
      this.#reserve()
      this.#times[this.#length] = atMs
      this.#length += 1
      return this.#length - 1
    }
    const row = this.lowerBound(atMs)
    if (this.timeAt(row) === atMs) return row
    this.#reserve()
    for (const values of [this.#times, ...this.#columns.values()]) values.copyWithin(row + 1, row, this.#length)
    for (const values of this.#columns.values()) values[row] = NaN
    this.#times[row] = atMs
    this.#length += 1
    return row
  }

  #reserve(): void {
    if (this.#length < this.#times.length) return
    const capacity = Math.max(smallest, Math.ceil(this.#length * 1.5))
    this.#times = grown(this.#times, capacity)
    for (const [field, values] of this.#columns) this.#columns.set(field, grown(values, capacity))
  }
}

function grown(values: Float64Array, capacity: number): Float64Array {
  const larger = new Float64Array(capacity).fill(NaN)
  larger.set(values)
  return larger
}
