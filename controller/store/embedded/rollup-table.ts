import { type ByteReader, ByteWriter } from './byte-stream.js'
import { sealed, unsealed } from './checked-bytes.js'
import { unpacked } from './damage.js'
import { type SqlDatabase, bytesAt, numberAt } from './database.js'
import type { FieldHour } from './hour-rollup.js'
import { readIntegers, writeIntegers } from './packed-integers.js'
import { Summaries, writeSummaries, type StepList, type Summary } from './summaries.js'
import { stepsPerBucket } from './tier-steps.js'

/** Series that share a row: those whose ids differ in the lowest bits only. */
export const seriesPerPart = 16

export function partOf(series: number): number {
  return Math.floor(series / seriesPerPart)
}

/** Rankings compare over whole hours: their sums are kept more exactly than those of steps. */
const hourBits = 32
const stepBits = 16
const version = 1

/** Some series of one part with what is known of each. */
export interface Row {
  readonly series: readonly number[]
  readonly summaries: Summaries
}

/**
 * Roll-ups of recent hours, by field, so that rankings read little: one row a field, hour and part of the series. Transactions
 * are the caller's. Reading throws DamagedRow.
 *   hours  u32 crc, u8 version, u16 which series of the part, summaries of the hour
 *   steps  u32 crc, u8 version, u16 which series, for each which steps of five minutes (integers), summaries of all those
 */
export class RollupTable {
  readonly #hours
  readonly #steps
  readonly #get
  readonly #has
  readonly #put
  readonly #delete
  readonly #bounds
  readonly #parts

  constructor(db: SqlDatabase) {
    this.#hours = db.prepare('SELECT part, hours FROM rollups WHERE bucket = ? AND field = ?')
    this.#steps = db.prepare('SELECT part, steps FROM rollups WHERE bucket = ? AND field = ?')
    this.#get = db.prepare('SELECT hours, steps FROM rollups WHERE bucket = ? AND field = ? AND part = ?')
    this.#has = db.prepare('SELECT hours FROM rollups WHERE bucket = ? AND field = ? AND part = ?')
    this.#put = db.prepare('INSERT OR REPLACE INTO rollups VALUES (?, ?, ?, ?, ?)')
    this.#delete = db.prepare('DELETE FROM rollups WHERE bucket = ? AND field = ? AND part = ?')
    this.#bounds = db.prepare('SELECT (SELECT min(bucket) FROM rollups), (SELECT max(bucket) FROM rollups)')
    this.#parts = db.prepare('SELECT DISTINCT part FROM rollups WHERE bucket = ?')
  }

  /** First and last hour; undefined if there is none. */
  bounds(): { readonly from: number; readonly to: number } | undefined {
    const [from, to] = this.#bounds.get() ?? []
    return typeof from === 'number' && typeof to === 'number' ? { from, to } : undefined
  }

  /** Parts of which anything is known in an hour. */
  partsAt(bucket: number): number[] {
    return this.#parts.all(bucket).map((row) => numberAt(row, 0))
  }

  /** Replaces what is known of some series of one part in an hour. */
  put(bucket: number, part: number, fresh: ReadonlyMap<number, ReadonlyMap<number, FieldHour>>): void {
    const fields = new Set([...fresh.values()].flatMap((known) => [...known.keys()]))
    for (const field of fields) {
      const entries = this.#entries(bucket, field, part)
      for (const [series, known] of fresh) {
        const hour = known.get(field)
        if (hour !== undefined) entries.set(series, hour)
      }
      this.#write(bucket, field, part, entries)
    }
  }

  /** All series of a field in an hour. */
  hours(bucket: number, field: number): Row[] {
    return this.#hours
      .all(bucket, field)
      .map((row) => readHours({ bucket, field, part: numberAt(row, 0) }, bytesAt(row, 1)))
  }

  /** All series of a field in the steps of an hour. */
  *steps(bucket: number, field: number): Generator<[series: number, StepList]> {
    for (const row of this.#steps.all(bucket, field)) {
      yield* readSteps({ bucket, field, part: numberAt(row, 0) }, bytesAt(row, 1))
    }
  }

  /** One series in an hour: as one step, or by its steps of five minutes. */
  listOf(bucket: number, field: number, series: number, steps: 'hour' | 'five minutes'): StepList | undefined {
    const key = { bucket, field, part: partOf(series) }
    const row = this.#get.get(bucket, field, key.part)
    if (row === undefined) return undefined
    if (steps === 'five minutes') return readSteps(key, bytesAt(row, 1)).get(series)
    const hours = readHours(key, bytesAt(row, 0))
    const first = hours.series.indexOf(series)
    return first === -1 ? undefined : { steps: [0], first, summaries: hours.summaries }
  }

  /** Whether anything is known of a series in an hour. */
  has(bucket: number, fields: Iterable<number>, series: number): boolean {
    for (const field of fields) {
      const key = { bucket, field, part: partOf(series) }
      const row = this.#has.get(bucket, field, key.part)
      if (row !== undefined && readHours(key, bytesAt(row, 0)).series.includes(series)) return true
    }
    return false
  }

  /** What is known of a part in an hour, by series and field. */
  partAt(bucket: number, part: number, fields: Iterable<number>): Map<number, Map<number, FieldHour>> {
    const found = new Map<number, Map<number, FieldHour>>()
    for (const field of fields) {
      for (const [series, hour] of this.#entries(bucket, field, part)) {
        const known = found.get(series) ?? new Map<number, FieldHour>()
        found.set(series, known.set(field, hour))
      }
    }
    return found
  }

  /** Forgets a part in an hour; returns how many rows went. */
  delete(bucket: number, part: number, fields: Iterable<number>): number {
    let rows = 0
    for (const field of fields) rows += this.#delete.run(bucket, field, part)
    return rows
  }

  /** Forgets a part's steps of an hour up to a number of them. */
  forgetSteps(bucket: number, part: number, fields: Iterable<number>, through: number): void {
    for (const field of fields) {
      const entries = this.#entries(bucket, field, part)
      if (entries.size === 0) continue
      const cut = [...entries].map(([series, { hour, steps }]) => {
        return [series, { hour, steps: steps.map((step, index) => (index + 1 <= through ? undefined : step)) }] as const
      })
      this.#write(bucket, field, part, new Map(cut))
    }
  }

  #entries(bucket: number, field: number, part: number): Map<number, FieldHour> {
    const row = this.#get.get(bucket, field, part)
    if (row === undefined) return new Map()
    const key = { bucket, field, part }
    const { series, summaries } = readHours(key, bytesAt(row, 0))
    const steps = readSteps(key, bytesAt(row, 1))
    return new Map(
      series.map((id, index) => {
        const known = Array.from<Summary | undefined>({ length: stepsPerBucket })
        const own = steps.get(id)
        for (const [place, step] of own?.steps.entries() ?? []) known[step] = own?.summaries.at(own.first + place)
        return [id, { hour: summaries.at(index), steps: known }]
      }),
    )
  }

  #write(bucket: number, field: number, part: number, entries: ReadonlyMap<number, FieldHour>): void {
    const sorted = [...entries].sort(([a], [b]) => a - b)
    let which = 0
    for (const [series] of sorted) which |= 1 << (series - part * seriesPerPart)
    const hours = beginning(which)
    writeSummaries(
      hours,
      sorted.map(([, { hour }]) => hour),
      hourBits,
    )
    const steps = beginning(which)
    writeIntegers(
      steps,
      sorted.map(([, known]) =>
        known.steps.reduce((mask, step, index) => mask | (step === undefined ? 0 : 1 << index), 0),
      ),
    )
    writeSummaries(
      steps,
      sorted.flatMap(([, known]) => known.steps.filter((step) => step !== undefined)),
      stepBits,
    )
    this.#put.run(bucket, field, part, sealed(hours), sealed(steps))
  }
}

function beginning(which: number): ByteWriter {
  const out = new ByteWriter(1024)
  out.u32(0)
  out.u8(version)
  out.u16(which)
  return out
}

interface Place {
  readonly bucket: number
  readonly field: number
  readonly part: number
}

function begun(place: Place, bytes: Buffer): ByteReader {
  return unpacked({ table: 'rollups', ...place }, () => {
    const input = unsealed(bytes, 'a row of roll-ups')
    const found = input.u8()
    if (found !== version) throw new Error(`a row of roll-ups has the unknown version ${found}`)
    return input
  })
}

function bitsSet(mask: number, width: number): number[] {
  const set: number[] = []
  for (let bit = 0; bit < width; bit += 1) if ((mask & (1 << bit)) !== 0) set.push(bit)
  return set
}

function readHours(place: Place, bytes: Buffer): Row {
  const input = begun(place, bytes)
  const series = bitsSet(input.u16(), seriesPerPart).map((bit) => place.part * seriesPerPart + bit)
  return { series, summaries: new Summaries(input, series.length, hourBits) }
}

function readSteps(place: Place, bytes: Buffer): Map<number, StepList> {
  const input = begun(place, bytes)
  const series = bitsSet(input.u16(), seriesPerPart).map((bit) => place.part * seriesPerPart + bit)
  const steps = [...readIntegers(input, series.length)].map((mask) => bitsSet(mask, stepsPerBucket))
  const summaries = new Summaries(
    input,
    steps.reduce((sum, { length }) => sum + length, 0),
    stepBits,
  )
  let next = 0
  return new Map(
    series.map((id, index) => {
      const own = steps[index] ?? []
      const first = next
      next += own.length
      return [id, { steps: own, first, summaries }]
    }),
  )
}
