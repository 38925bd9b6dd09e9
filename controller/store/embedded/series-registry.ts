import { ColumnBlock } from './column-block.js'
import { type SqlDatabase, numberAt, textAt } from './database.js'
import type { DecodedPoint } from './batch-codec.js'

/** One entity. Points that are not sealed into chunks yet are its head. */
export interface Series {
  readonly kind: string
  readonly id: string
  /** Undefined until it is first sealed. */
  rowId: number | undefined
  head: ColumnBlock | undefined
  headCells: number
  /** Times of its first and last point that was ever sealed; Infinity and -Infinity if there is none. */
  sealedFromMs: number
  sealedThroughMs: number
  /** The head reaches back into sealed time: chunks and head have to be merged to read. */
  late: boolean
}

interface Reach {
  readonly fromMs: number
  readonly throughMs: number
}

/** All series, and the counters of what is in their heads. */
export class SeriesRegistry {
  readonly #byKind = new Map<string, Map<string, Series>>()
  readonly #byRowId = new Map<number, Series>()
  #headPoints = 0
  #headCells = 0
  readonly #insert
  readonly #find
  readonly #span

  constructor(db: SqlDatabase) {
    this.#insert = db.prepare('INSERT OR IGNORE INTO series (kind, entity, first_ms, last_ms) VALUES (?, ?, 0, 0)')
    this.#find = db.prepare('SELECT id FROM series WHERE kind = ? AND entity = ?')
    this.#span = db.prepare('UPDATE series SET first_ms = ?, last_ms = ? WHERE id = ?')
    for (const row of db.prepare('SELECT id, kind, entity, first_ms, last_ms FROM series').all()) {
      const rowId = numberAt(row, 0)
      const series = this.ensure(textAt(row, 1), textAt(row, 2))
      series.rowId = rowId
      series.sealedFromMs = numberAt(row, 3)
      series.sealedThroughMs = numberAt(row, 4)
      this.#byRowId.set(rowId, series)
    }
  }

  /** Points in heads. One that merges into a sealed point counts until it is sealed. */
  get headPoints(): number {
    return this.#headPoints
  }

  get headCells(): number {
    return this.#headCells
  }

  find(kind: string, id: string): Series | undefined {
    return this.#byKind.get(kind)?.get(id)
  }

  byRowId(rowId: number): Series | undefined {
    return this.#byRowId.get(rowId)
  }

  ofKind(kind: string): Iterable<Series> {
    return this.#byKind.get(kind)?.values() ?? []
  }

  /** Series with points that are not sealed. */
  withHead(): Series[] {
    const found: Series[] = []
    for (const kind of this.#byKind.values())
      for (const series of kind.values()) if (series.head !== undefined) found.push(series)
    return found
  }

  put(point: DecodedPoint): void {
    if (point.fields.length === 0) return
    const series = this.ensure(point.kind, point.id)
    series.head ??= new ColumnBlock()
    const { newPoint, newCells } = series.head.put(point.atMs, point.fields, point.values)
    series.headCells += newCells
    this.#headCells += newCells
    if (newPoint) this.#headPoints += 1
    if (point.atMs <= series.sealedThroughMs) series.late = true
  }

  /** The row of a series, created if it has none. To be confirmed by `sealed` after the commit, for a rollback takes it back. */
  rowOf(series: Series): number {
    if (series.rowId !== undefined) return series.rowId
    this.#insert.run(series.kind, series.id)
    return numberAt(this.#find.get(series.kind, series.id) ?? [], 0)
  }

  /** Writes down that the head of a series is sealed; part of the same transaction. */
  extend({ sealedFromMs, sealedThroughMs, head }: Series, rowId: number): void {
    if (head === undefined) return
    this.#span.run(Math.min(sealedFromMs, head.firstMs), Math.max(sealedThroughMs, head.lastMs), rowId)
  }

  /** The head of the series is in chunks now, durably. */
  sealed(series: Series, rowId: number): void {
    const { head } = series
    if (head === undefined) return
    this.#headPoints -= head.length
    this.#headCells -= series.headCells
    series.sealedFromMs = Math.min(series.sealedFromMs, head.firstMs)
    series.sealedThroughMs = Math.max(series.sealedThroughMs, head.lastMs)
    series.head = undefined
    series.headCells = 0
    series.late = false
    series.rowId = rowId
    this.#byRowId.set(rowId, series)
  }

  /** Writes down that a series reaches over a time of which there are roll-ups; part of the same transaction. */
  widen({ sealedFromMs, sealedThroughMs }: Series, rowId: number, { fromMs, throughMs }: Reach): void {
    this.#span.run(Math.min(sealedFromMs, fromMs), Math.max(sealedThroughMs, throughMs), rowId)
  }

  /** It does, durably. */
  widened(series: Series, rowId: number, { fromMs, throughMs }: Reach): void {
    series.sealedFromMs = Math.min(series.sealedFromMs, fromMs)
    series.sealedThroughMs = Math.max(series.sealedThroughMs, throughMs)
    series.late ||= series.head !== undefined && series.head.firstMs <= series.sealedThroughMs
    series.rowId = rowId
    this.#byRowId.set(rowId, series)
  }

  /** Forgets a series of which nothing is sealed any more; its row is gone. */
  forget(rowId: number): void {
    const series = this.#byRowId.get(rowId)
    if (series === undefined) return
    this.#byRowId.delete(rowId)
    series.rowId = undefined
    series.sealedFromMs = Infinity
    series.sealedThroughMs = -Infinity
    if (series.head === undefined) this.#byKind.get(series.kind)?.delete(series.id)
  }

  /** The series of an entity, a new one if there is none yet. */
  ensure(kind: string, id: string): Series {
    let ids = this.#byKind.get(kind)
    if (ids === undefined) this.#byKind.set(kind, (ids = new Map()))
    let series = ids.get(id)
    if (series === undefined) {
      series = {
        kind,
        id,
        rowId: undefined,
        head: undefined,
        headCells: 0,
        sealedFromMs: Infinity,
        sealedThroughMs: -Infinity,
        late: false,
      }
      ids.set(id, series)
    }
    return series
  }
}
