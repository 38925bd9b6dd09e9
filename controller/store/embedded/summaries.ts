import type { Aggregation } from '../time-series.js'
import type { Aggregate } from './aggregate.js'
import { ByteReader, type ByteWriter } from './byte-stream.js'
import { readIntegers, writeIntegers } from './packed-integers.js'
import { fromCode, toCode } from './rounded-number.js'
import { sketchBucket, sketchOf, type Sketch } from './sketch.js'

/** Figures of a number of values. */
export interface Figures {
  readonly count: number
  readonly sum: number
  readonly min: number
  readonly max: number
  readonly last: number
}

/** What a roll-up keeps of the values of one field in one step. */
export interface Summary extends Figures {
  readonly sketch: Sketch
}

/** Summaries of one field of one series in a number of steps: that of step `steps[i]` is the one at `first + i`. */
export interface StepList {
  readonly steps: readonly number[]
  readonly first: number
  readonly summaries: Summaries
}

/** Of values in the order of time, of which NaN is none; undefined if there is no other. */
export function summaryOf(values: Float64Array): Summary | undefined {
  let count = 0
  let [sum, min, max, last] = [0, Infinity, -Infinity, 0]
  for (const value of values) {
    if (Number.isNaN(value)) continue
    count += 1
    sum += value
    if (value < min) min = value
    if (value > max) max = value
    last = value
  }
  if (count === 0) return undefined
  const sketch = min === max ? new Map([[sketchBucket(min), count]]) : sketchOf(values)
  return { count, sum, min, max, last, sketch }
}

/** What is left of figures when they were written with so many bits and read again. */
export function asKept({ count, sum, min, max, last }: Figures, bits: number): Figures {
  const kept = (value: number): number => fromCode(toCode(value, bits), bits)
  return { count, sum: kept(sum / count) * count, min: kept(min), max: kept(max), last: kept(last) }
}

/** Figures of all values that parts of them, in the order of time, tell of; undefined if there are none. */
export function togetherOf(list: readonly Figures[]): Figures | undefined {
  let count = 0
  let [sum, min, max, last] = [0, Infinity, -Infinity, 0]
  for (const one of list) {
    count += one.count
    sum += one.sum
    min = Math.min(min, one.min)
    max = Math.max(max, one.max)
    last = one.last
  }
  return count === 0 ? undefined : { count, sum, min, max, last }
}

/*
 * A list of summaries by column, so that one can be read without the others: five blocks of integers (count; mean, least,
 * greatest, last as rounded numbers) and one of sketches. How many there are is for the caller to know.
 * Sketches are runs of 4-bit digits (three bits each, the fourth says that more follow): where its first bucket lies from that of
 * the least value, then the count of that bucket, and gap and count of each further one until all values are counted.
 * Where least and greatest are the same, there is nothing to say.
 */
export function writeSummaries(out: ByteWriter, list: readonly Summary[], bits: number): void {
  writeFigures(out, list, bits)
  out.block((block) => {
    const digits = new DigitWriter(block)
    for (const { min, max, sketch } of list) {
      if (toCode(min, bits) === toCode(max, bits)) continue
      let before = sketchBucket(fromCode(toCode(min, bits), bits))
      let isFirst = true
      for (const [bucket, count] of [...sketch].sort(([a], [b]) => a - b)) {
        digits.write(isFirst ? signedDigits(bucket - before) : bucket - before - 1)
        digits.write(count - 1)
        before = bucket
        isFirst = false
      }
    }
    digits.finish()
  })
}

/** The five blocks of integers alone. */
export function writeFigures(out: ByteWriter, list: readonly Figures[], bits: number): void {
  const column = (value: (figures: Figures) => number): void =>
    out.block((block) =>
      writeIntegers(
        block,
        list.map((figures) => value(figures)),
      ),
    )
  column(({ count }) => count)
  column(({ sum, count }) => toCode(sum / count, bits))
  column(({ min }) => toCode(min, bits))
  column(({ max }) => toCode(max, bits))
  column(({ last }) => toCode(last, bits))
}

/** A list of summaries as it was written; its columns are unpacked when they are first asked for. */
export class Summaries {
  readonly #bytes: Buffer
  /** Where in the bytes each block begins, and ends. */
  readonly #starts: number[] = []
  readonly #ends: number[] = []
  readonly #columns: (Float64Array | undefined)[] = []
  #sketches: readonly Sketch[] | undefined

  /**
   * @param kept `figures`: they were written without sketches, and tell no p95
   * @throws Error if the bytes end too early; what else is damaged shows when it is unpacked
   */
  constructor(
    input: ByteReader,
    readonly length: number,
    private readonly bits: number,
    private readonly kept: 'all' | 'figures' = 'all',
  ) {
    this.#bytes = input.input
    for (let block = 0; block < (kept === 'all' ? 6 : 5); block += 1) {
      const size = input.varint()
      const start = input.skip(size)
      this.#starts.push(start)
      this.#ends.push(start + size)
    }
  }

  at(index: number): Summary {
    return { ...this.figuresAt(index), sketch: this.#sketch(index) }
  }

  figuresAt(index: number): Figures {
    const count = this.#value(0, index)
    return {
      count,
      sum: this.#rounded(1, index) * count,
      min: this.#rounded(2, index),
      max: this.#rounded(3, index),
      last: this.#rounded(4, index),
    }
  }

  all(): Summary[] {
    return Array.from({ length: this.length }, (_, index) => this.at(index))
  }

  /** Adds one of them to an aggregate of earlier values: only what the aggregation needs. */
  addTo(into: Aggregate, index: number, aggregation: Aggregation): void {
    const count = this.#value(0, index)
    into.count += count
    switch (aggregation) {
      case 'mean':
      case 'sum':
        into.sum += this.#rounded(1, index) * count
        break
      case 'min':
        into.min = Math.min(into.min, this.#rounded(2, index))
        break
      case 'max':
        into.max = Math.max(into.max, this.#rounded(3, index))
        break
      case 'last':
        into.last = this.#rounded(4, index)
        break
      case 'p95':
        into.distribution?.addSketch(this.#sketch(index))
    }
  }

  #value(column: number, index: number): number {
    const values = (this.#columns[column] ??= readIntegers(new ByteReader(this.#block(column)), this.length))
    return values[index] ?? 0
  }

  #block(which: number): Buffer {
    return this.#bytes.subarray(this.#starts[which], this.#ends[which])
  }

  #rounded(column: number, index: number): number {
    return fromCode(this.#value(column, index), this.bits)
  }

  #sketch(index: number): Sketch {
    this.#sketches ??= this.#readSketches()
    return this.#sketches[index] ?? new Map<number, number>()
  }

  #readSketches(): Sketch[] {
    if (this.kept === 'figures') throw new Error('how the values are distributed was not kept')
    const digits = new DigitReader(this.#block(5))
    return Array.from({ length: this.length }, (_, index) => {
      const min = this.#rounded(2, index)
      let left = this.#value(0, index)
      if (min === this.#rounded(3, index)) return new Map([[sketchBucket(min), left]])
      const sketch = new Map<number, number>()
      let bucket = sketchBucket(min) + signedOf(digits.read())
      for (;;) {
        const count = digits.read() + 1
        sketch.set(bucket, count)
        left -= count
        if (left <= 0) return sketch
        bucket += digits.read() + 1
      }
    })
  }
}

function signedDigits(value: number): number {
  return value < 0 ? -2 * value - 1 : 2 * value
}

function signedOf(value: number): number {
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2
}

class DigitWriter {
  #pending: number | undefined

  constructor(private readonly out: ByteWriter) {}

  write(value: number): void {
    let rest = value
    for (; rest >= 8; rest = Math.floor(rest / 8)) this.#digit((rest % 8) + 8)
    this.#digit(rest)
  }

  finish(): void {
    if (this.#pending !== undefined) this.out.u8(this.#pending)
  }

  #digit(digit: number): void {
    if (this.#pending === undefined) {
      this.#pending = digit
      return
    }
    this.out.u8(this.#pending | (digit << 4))
    this.#pending = undefined
  }
}

class DigitReader {
  #at = 0

  constructor(private readonly input: Buffer) {}

  read(): number {
    let value = 0
    for (let scale = 1; ; scale *= 8) {
      const byte = this.input[this.#at >> 1]
      if (byte === undefined) throw new Error('a sketch ends too early')
      const digit = (this.#at & 1) === 0 ? byte & 15 : byte >> 4
      this.#at += 1
      value += (digit & 7) * scale
      if (digit < 8) return value
    }
  }
}
