import { fieldNames, measurements, type EntityKind } from '../measurements.js'
import type { FieldRollUp, RolledUp } from '../roll-ups.js'
import { escaped, tagsOf, unescaped } from '../server/entity-tags.js'
import { stats } from '../server/summary.js'
import type { Point } from '../time-series.js'
import { checkTime, eventPiece, markPiece, pointPiece, rollUpPiece } from './checked-piece.js'
import { BadLine, numberForm, type EncodedPiece, type HistoryDecoder, type HistoryEncoder } from './format.js'
import type { HistoryPiece } from './history.js'
import { measurementNames, nameOf, type NamedMeasurement } from './names.js'

/*
 * CSV (RFC 4180, UTF-8) of which each record is one line: `%`, backslashes and control characters of texts are written as `%` and two
 * hexadecimal digits, and so is a first character that a spreadsheet takes for a formula. The first cell of a line is its measurement,
 * times are ISO 8601 in UTC, unknown values are empty cells. Each measurement is a table with a header; an empty line is between two.
 */
const eventColumns = ['uuid', 'host', 'kind', 'reason', 'vmName', 'message'] as const
const fixedColumns = 2
const sketchEnd = '_sketch'

/** @param fields only these; all if undefined */
export class CsvEncoder implements HistoryEncoder {
  #isFirst = true

  constructor(private readonly fields: ReadonlySet<string> | undefined) {}

  encode(piece: HistoryPiece): EncodedPiece {
    const measurement = nameOf(piece)
    const between = this.#isFirst ? '' : '\n'
    this.#isFirst = false
    const header = `${between}measurement,${columnsOf(piece, this.fields).join(',')}\n`
    return { measurement, header, lines: linesOf(piece, measurement, this.fields).join('') }
  }
}

function columnsOf(measurement: NamedMeasurement, wanted: ReadonlySet<string> | undefined): string[] {
  switch (measurement.is) {
    case 'points':
      return ['time', ...measurements[measurement.kind].tags, ...namesOf(measurement.kind, wanted)]
    case 'rollUps': {
      const { kind } = measurement
      const columns = namesOf(kind, wanted).flatMap((name) => [
        ...stats.map((stat) => `${name}_${stat}`),
        `${name}${sketchEnd}`,
      ])
      return ['time', ...measurements[kind].tags, ...columns]
    }
    case 'events':
      return ['time', ...eventColumns]
    case 'marks':
      return ['spool', 'throughSeq']
  }
}

function namesOf(kind: EntityKind, wanted: ReadonlySet<string> | undefined): readonly string[] {
  return fieldNames(kind).filter((name) => wanted?.has(name) ?? true)
}

function linesOf(piece: HistoryPiece, measurement: string, wanted: ReadonlySet<string> | undefined): string[] {
  switch (piece.is) {
    case 'points': {
      const names = namesOf(piece.kind, wanted)
      return piece.points.map((point) => {
        const values = names.map((name) => point.fields[name] ?? '')
        return `${measurement},${isoTime(point.atMs)},${tagCells(point)},${values.join(',')}\n`
      })
    }
    case 'rollUps': {
      const names = namesOf(piece.kind, wanted)
      return piece.rows.map((row) => {
        const cells = names.map((name) => rollUpCells(row.fields[name]))
        return `${measurement},${isoTime(row.startMs)},${tagCells(row)},${cells.join(',')}\n`
      })
    }
    case 'events':
      return piece.events.map(({ at, vmUuid, hostId, kind, reason, vmName, message }) => {
        return csvLine([measurement, isoTime(at), vmUuid, hostId, kind, reason, vmName, message])
      })
    case 'marks':
      return piece.marks.map(({ spoolId, throughSeq }) => `${measurement},${cellOf(escaped(spoolId))},${throughSeq}\n`)
  }
}

/** Always as many as the kind has tags. */
function tagCells({ entity }: Point | RolledUp): string {
  const values = tagsOf(entity).map(({ value }) => cellOf(value))
  return measurements[entity.kind].tags.map((_, index) => values[index] ?? '').join(',')
}

const noRollUp = ','.repeat(stats.length)

function rollUpCells(known: FieldRollUp | undefined): string {
  if (known === undefined) return noRollUp
  const { count, mean, min, max, last, p95, sketch } = known
  const buckets = min === max ? [] : [...(sketch ?? [])].sort(([a], [b]) => a - b)
  return `${count},${mean},${min},${max},${last},${p95},${buckets.map(([bucket, values]) => `${bucket}:${values}`).join(';')}`
}

function isoTime(atMs: number): string {
  return new Date(atMs).toISOString()
}

/** A line of cells; unknown ones are empty. */
export function csvLine(cells: readonly (string | number | boolean | undefined)[]): string {
  const texts = cells.map((cell) =>
    typeof cell === 'string' ? (cell === '' ? '' : cellOf(escaped(cell))) : (cell ?? ''),
  )
  return `${texts.join(',')}\n`
}

function cellOf(text: string): string {
  const safe = /^[=+\-@]/.test(text) ? `%${text.charCodeAt(0).toString(16).toUpperCase()}${text.slice(1)}` : text
  return /[",]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

/** @param nowMs the present: what is later cannot have been measured */
export class CsvDecoder implements HistoryDecoder {
  #columns: readonly string[] = []

  constructor(private readonly nowMs: number) {}

  decode(line: string): HistoryPiece | undefined {
    if (line === '') return undefined
    const cells = cellsOf(line)
    if (cells[0] === 'measurement') {
      this.#columns = checkedHeader(cells)
      return undefined
    }
    if (this.#columns.length === 0) throw new BadLine('a header that begins with "measurement"', line)
    if (cells.length !== this.#columns.length)
      throw new BadLine(`${this.#columns.length} cells, as in the header`, `${cells.length}: ${line}`)
    const measurement = measurementNames.get(cells[0] ?? '')
    if (measurement === undefined) throw new BadLine('the name of a measurement', cells[0] ?? '')
    const named = new Map<string, string>()
    for (const [index, column] of this.#columns.entries()) {
      const cell = cells[index] ?? ''
      if (cell !== '' && index > 0) named.set(column, cell)
    }
    return pieceOf(measurement, named, this.nowMs)
  }
}

function checkedHeader(columns: readonly string[]): readonly string[] {
  const twice = columns.find((column, index) => columns.indexOf(column) !== index)
  if (twice !== undefined) throw new BadLine('each column once', twice)
  if (columns.length < fixedColumns) throw new BadLine('columns', '')
  return columns
}

function pieceOf(measurement: NamedMeasurement, cells: Map<string, string>, nowMs: number): HistoryPiece {
  if (measurement.is === 'marks') return markPiece(unescaped(cells.get('spool') ?? ''), numberIn('throughSeq', cells))
  const atMs = timeIn(cells.get('time') ?? '', nowMs)
  cells.delete('time')
  if (measurement.is === 'events') {
    for (const name of cells.keys())
      if (!eventColumns.some((column) => column === name))
        throw new BadLine(`the columns ${eventColumns.join(', ')}`, name)
    const text = (name: (typeof eventColumns)[number]): string => unescaped(cells.get(name) ?? '')
    return eventPiece({
      at: atMs,
      hostId: text('host'),
      vmUuid: text('uuid'),
      vmName: text('vmName'),
      kind: text('kind'),
      reason: text('reason'),
      message: text('message'),
    })
  }
  const { kind } = measurement
  const tags = new Map<string, string>()
  for (const name of [...measurements[kind].tags, ...measurements[kind].labels]) {
    const value = cells.get(name)
    if (value !== undefined) tags.set(name, value)
    cells.delete(name)
  }
  const sketches = new Map<string, ReadonlyMap<number, number>>()
  const fields = new Map<string, number>()
  for (const [name, cell] of cells) {
    if (measurement.is === 'rollUps' && name.endsWith(sketchEnd))
      sketches.set(name.slice(0, -sketchEnd.length), sketchIn(name, cell))
    else fields.set(name, numberIn(name, cells))
  }
  if (measurement.is === 'points') return pointPiece(kind, { tags, fields, atMs })
  return rollUpPiece(kind, measurement.tier, { tags, fields, atMs }, sketches, nowMs)
}

/** @throws BadLine */
function cellsOf(line: string): string[] {
  if (!line.includes('"')) return line.split(',')
  const cells: string[] = []
  for (let at = 0; ; at += 1) {
    let cell = ''
    if (line[at] === '"') {
      for (;;) {
        const end = line.indexOf('"', at + 1)
        if (end === -1) throw new BadLine('a quote that ends the cell', line.slice(at))
        cell += line.slice(at + 1, end)
        at = end + 1
        if (line[at] !== '"') break
        cell += '"'
      }
      if (at < line.length && line[at] !== ',') throw new BadLine('a comma after a quoted cell', line.slice(at))
    } else {
      const end = line.indexOf(',', at)
      cell = line.slice(at, end === -1 ? undefined : end)
      at = end === -1 ? line.length : end
    }
    cells.push(cell)
    if (at >= line.length) return cells
  }
}

const isoForm = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?(Z|[+-]\d\d:\d\d)$/

function timeIn(text: string, nowMs: number): number {
  const atMs = isoForm.test(text) ? Date.parse(text) : NaN
  if (Number.isNaN(atMs)) throw new BadLine('a time such as 2026-03-01T09:50:00.000Z', text)
  checkTime(atMs, nowMs, text)
  return atMs
}

function numberIn(name: string, cells: ReadonlyMap<string, string>): number {
  const text = cells.get(name) ?? ''
  if (!numberForm.test(text)) throw new BadLine(`a number for ${name}`, text)
  return Number(text)
}

function sketchIn(name: string, text: string): ReadonlyMap<number, number> {
  const sketch = new Map<number, number>()
  for (const part of text.split(';')) {
    const [, bucket, values] = /^(-?\d{1,6}):([1-9]\d{0,9})$/.exec(part) ?? []
    if (bucket === undefined || values === undefined || sketch.has(Number(bucket)))
      throw new BadLine(`bucket:values, separated by ; for ${name}`, text)
    sketch.set(Number(bucket), Number(values))
  }
  return sketch
}
