/** Rows of several fields over time, as the API sends them and as live values add to them. Pure. */
export interface SeriesTable {
  readonly fields: readonly string[]
  /** Each row: time in ms, then one value or null for each field. Times rise. */
  readonly rows: readonly Row[]
  /** What went into the last row, while live values still add to it. */
  readonly open?: OpenStep
}

export type Row = readonly (number | null)[]

interface OpenStep {
  /** Moment of the newest live values: they are not added twice. */
  readonly at: number
  readonly parts: readonly { readonly sum: number; readonly count: number }[]
}

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

/**
 * Adds live values, and drops rows from before `from`. Live values may come each second: within a step of `stepMs` they are put together as
 * their mean, as stored history is, so that one line does not turn from calm to nervous where history ends.
 */
export function appendLive(table: SeriesTable, row: Row, stepMs: number, from: number): SeriesTable {
  const at = timeOf(row)
  const last = table.rows.at(-1)
  const stepAt = Math.floor(at / stepMs) * stepMs
  if (stepAt < timeOf(last) || at <= (table.open?.at ?? Number.NEGATIVE_INFINITY)) return table
  const goesOn = last !== undefined && stepAt === timeOf(last)
  const before = goesOn ? (table.open?.parts ?? partsOf(last)) : []
  const parts = partsOf(row).map(({ sum, count }, index) => ({
    sum: sum + (before[index]?.sum ?? 0),
    count: count + (before[index]?.count ?? 0),
  }))
  const mean = [stepAt, ...parts.map(({ sum, count }) => (count === 0 ? null : sum / count))]
  const kept = (goesOn ? table.rows.slice(0, -1) : table.rows).filter((old) => timeOf(old) >= from)
  return { fields: table.fields, rows: [...kept, mean], open: { at, parts } }
}

function partsOf(row: Row): OpenStep['parts'] {
  return row.slice(1).map((value) => ({ sum: value ?? 0, count: value === null ? 0 : 1 }))
}

/** Puts stored rows before the live ones that came meanwhile; live rows that history covers give way to it. */
export function withHistory(live: SeriesTable, history: readonly Row[]): SeriesTable {
  const stored = history.filter((row) => row.length === live.fields.length + 1 && Number.isFinite(timeOf(row)))
  const rows = stored.toSorted((a, b) => timeOf(a) - timeOf(b))
  const end = timeOf(rows.at(-1))
  const after = live.rows.filter((row) => timeOf(row) > end)
  return {
    fields: live.fields,
    rows: [...rows, ...after],
    ...(live.open !== undefined && after.length > 0 && { open: live.open }),
  }
}

/** When the first value of any field was, ms; undefined if there is none. */
export function beginningOf(table: SeriesTable): number | undefined {
  return table.rows.find((row) => row.some(isValueAt))?.[0] ?? undefined
}

function timeOf(row: Row | undefined): number {
  return row?.[0] ?? Number.NEGATIVE_INFINITY
}

/** A line may leave out up to this many of its usual steps before it is broken. */
const patience = 3
/** Rare fields may come so much more rarely than the others. */
const rarest = 6

/**
 * Decides where lines break. Intervals differ from fleet to fleet, so the usual spacing is taken from the data: a gap is where a field says
 * nothing for more than three times that. `rare` fields are read more rarely than others, at a spacing of their own.
 */
export function drawnTable(table: SeriesTable, stepMs: number, rare: readonly string[] = []): DrawnTable {
  const usual = Math.max(stepMs, medianSpacing(table.rows.filter((row) => row.some(isValueAt)).map(timeOf)))
  const rows = withBreaks(table.rows, usual)
  const times = rows.map(timeOf)
  const columns = table.fields.map((field, index) => {
    const values = rows.map((row) => row[index + 1] ?? null)
    const own = rare.includes(field) ? medianSpacing(times.filter((_, at) => values[at] !== null)) : 0
    return breakLine(times, values, patience * Math.min(Math.max(usual, own), rarest * usual))
  })
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
  limit: number,
): (number | null | undefined)[] {
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
