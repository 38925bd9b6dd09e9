/** Rows of several fields over time, as the API sends them and as live values add to them. Pure. */
export interface SeriesTable {
  readonly fields: readonly string[]
  /** Each row: time in ms, then one value or null for each field. Times rise. */
  readonly rows: readonly Row[]
}

export type Row = readonly (number | null)[]

/** Columns for drawing: null breaks the line, undefined does not. */
export interface DrawnTable {
  readonly times: readonly number[]
  readonly columns: readonly (readonly (number | null | undefined)[])[]
}

export function emptyTable(fields: readonly string[]): SeriesTable {
  return { fields, rows: [] }
}

/** A row of live metrics; what is absent is null, never 0. */
export function rowOf(fields: readonly string[], at: number, metrics: Readonly<Record<string, number>>): Row {
  return [at, ...fields.map((field) => (Object.hasOwn(metrics, field) ? (metrics[field] ?? null) : null))]
}

/** Adds a row at the end and drops rows from before `from`. A row that is not newer than the last is not added. */
export function appendRow(table: SeriesTable, row: Row, from: number): SeriesTable {
  if (timeOf(row) <= timeOf(table.rows.at(-1))) return table
  return { fields: table.fields, rows: [...table.rows.filter((old) => timeOf(old) >= from), row] }
}

/** Puts stored rows before the live ones that came meanwhile; live rows that history covers give way to it. */
export function withHistory(live: SeriesTable, history: readonly Row[]): SeriesTable {
  const stored = history.filter((row) => row.length === live.fields.length + 1 && Number.isFinite(timeOf(row)))
  const rows = stored.toSorted((a, b) => timeOf(a) - timeOf(b))
  const end = timeOf(rows.at(-1))
  return { fields: live.fields, rows: [...rows, ...live.rows.filter((row) => timeOf(row) > end)] }
}

function timeOf(row: Row | undefined): number {
  return row?.[0] ?? Number.NEGATIVE_INFINITY
}

/** A line may leave out up to this many of its usual steps before it is broken. */
const patience = 3
/** What is told rarely (what a guest says of itself) is not a gap at once. */
const rarest = 6

/**
 * Decides where lines break. Intervals differ from fleet to fleet, and some fields come more rarely than others, so the usual spacing
 * is taken from the data: a gap is where a field says nothing for more than three times its usual spacing.
 */
export function drawnTable(table: SeriesTable, stepMs: number): DrawnTable {
  const usual = Math.max(stepMs, medianSpacing(table.rows.filter((row) => row.some(isValueAt)).map(timeOf)))
  const rows = withBreaks(table.rows, usual)
  const times = rows.map(timeOf)
  const columns = table.fields.map((_, index) =>
    breakLine(
      times,
      rows.map((row) => row[index + 1] ?? null),
      usual,
    ),
  )
  return { times, columns }
}

function isValueAt(value: number | null, index: number): boolean {
  return index > 0 && value !== null
}

/** Puts an empty row into every long pause, so that there is a place for the break. */
function withBreaks(rows: readonly Row[], usual: number): readonly Row[] {
  const result: Row[] = []
  for (const row of rows) {
    const last = result.at(-1)
    if (last !== undefined && timeOf(row) - timeOf(last) > patience * usual) result.push([timeOf(last) + usual])
    result.push(row)
  }
  return result
}

function breakLine(
  times: readonly number[],
  values: readonly (number | null)[],
  usual: number,
): (number | null | undefined)[] {
  const own = medianSpacing(times.filter((_, index) => values[index] !== null))
  const limit = patience * Math.min(Math.max(usual, own), rarest * usual)
  const result: (number | null | undefined)[] = [...values]
  let last = -1
  for (const [index, value] of values.entries()) {
    if (value === null) continue
    const pause = last < 0 ? Number.POSITIVE_INFINITY : (times[index] ?? 0) - (times[last] ?? 0)
    if (pause <= limit) result.fill(undefined, last + 1, index)
    last = index
  }
  return result
}

/** 0 for fewer than two times. */
function medianSpacing(times: readonly number[]): number {
  const spacings = times.slice(1).map((time, index) => time - (times[index] ?? time))
  return spacings.sort((a, b) => a - b)[Math.floor((spacings.length - 1) / 2)] ?? 0
}

export interface Summary {
  readonly latest: number | undefined
  readonly min: number | undefined
  readonly max: number | undefined
}

/** What a chart shows, in three numbers: for those who cannot see it, and at a glance. */
export function summaryOf(column: readonly (number | null | undefined)[]): Summary {
  const values = column.filter((value) => typeof value === 'number')
  if (values.length === 0) return { latest: undefined, min: undefined, max: undefined }
  const min = values.reduce((a, b) => Math.min(a, b))
  const max = values.reduce((a, b) => Math.max(a, b))
  return { latest: column.at(-1) ?? undefined, min, max }
}

/** Indexes of points with no neighbour: a line through them would be nothing, so they are drawn as dots. */
export function lonePoints(column: readonly (number | null | undefined)[]): number[] {
  const defined = column.map((value, index) => ({ value, index })).filter(({ value }) => value !== undefined)
  return defined
    .filter(
      ({ value }, at) =>
        typeof value === 'number' &&
        typeof defined[at - 1]?.value !== 'number' &&
        typeof defined[at + 1]?.value !== 'number',
    )
    .map(({ index }) => index)
}
