import { entityKinds, eventMeasurement, fieldNames, measurements, type EntityKind } from '../measurements.js'
import { idOf, tagsOf } from '../server/entity-tags.js'
import type { PointRow, Reader, Span, WindowRow } from '../server/reader.js'
import { tooMany } from '../server/server-queries.js'
import { neededStats, summaryOf, type Stat, type Summary } from '../server/summary.js'
import { windowMs, type Piece, type RollUpTier } from '../server/tier-plan.js'
import type { InfluxServer, ServerOptions } from '../server/worker-options.js'
import { tiers, type Aggregation, type EntityKey, type SeriesInfo, type Tier } from '../time-series.js'
import { InfluxConnection, InfluxQueryError, type InfluxSeries } from './influx-connection.js'
import { aggregate, identityOf, measurementOf, quoted, source, timeBetween } from './influxql.js'

/** Questions in InfluxQL. */
export class InfluxReader implements Reader {
  readonly #connection: InfluxConnection

  constructor({ address, database, pace }: ServerOptions & InfluxServer) {
    this.#connection = new InfluxConnection(address, database, pace.requestMs)
  }

  async points(entity: EntityKey, fields: readonly string[], span: Span, most: number): Promise<readonly PointRow[]> {
    const limit = Math.floor(most / fields.length) + 1
    const columns = fields.map((field) => quoted(field))
    const rows = await this.#rowsOfEntity(entity, 'raw', columns, span, ` LIMIT ${limit}`)
    if (rows.length >= limit) throw tooMany(true)
    return merged(
      rows.map(([atMs, ...values]) => ({
        atMs: numberOf(atMs) ?? NaN,
        values: values.map((value) => numberOf(value) ?? null),
      })),
    )
  }

  async windows(
    entity: EntityKey,
    fields: readonly string[],
    stats: readonly Stat[],
    tier: RollUpTier,
    span: Span,
  ): Promise<readonly WindowRow[]> {
    const columns = fields.flatMap((field) => stats.map((stat) => quoted(`${field}_${stat}`)))
    const rows = await this.#rowsOfEntity(entity, tier, columns, span)
    return rows.map(([startMs, ...values]) => ({
      startMs: numberOf(startMs) ?? NaN,
      summaries: fields.map((_field, index) => summaryAt(stats, values, index * stats.length)),
    }))
  }

  async summaries(
    kind: EntityKind,
    field: string,
    agg: Aggregation,
    { tier, ...span }: Piece,
  ): Promise<ReadonlyMap<string, readonly Summary[]>> {
    const stats = neededStats(agg)
    const columns = stats.map((stat) =>
      tier === 'raw' ? `${aggregate(stat, field)} AS ${stat}` : quoted(`${field}_${stat}`),
    )
    const [series = []] = await this.#ask(
      `SELECT ${columns.join(', ')} FROM ${this.#source(kind, tier)} WHERE ${timeBetween(span.fromMs, span.toMs)} GROUP BY ${identityOf(kind)}`,
    )
    const found = new Map<string, readonly Summary[]>()
    for (const { tags, values } of series) {
      const id = idOf(kind, tags)
      const summaries = values.flatMap(([, ...row]) => summaryAt(stats, row, 0) ?? [])
      if (id !== undefined && summaries.length > 0) found.set(id, summaries)
    }
    return found
  }

  async series(kind: EntityKind, tier: Tier): Promise<readonly SeriesInfo[]> {
    const fields = fieldNames(kind).map((field) => quoted(tier === 'raw' ? field : `${field}_count`))
    const select = `SELECT ${fields.join(', ')} FROM ${this.#source(kind, tier)} GROUP BY ${identityOf(kind)}`
    const [first = []] = await this.#ask(`${select} ORDER BY time ASC LIMIT 1`)
    const [last = []] = await this.#ask(`${select} ORDER BY time DESC LIMIT 1`)
    const lastMs = new Map(last.map((series) => [idOf(kind, series.tags), timeOf(series)]))
    return first.flatMap((series) => {
      const id = idOf(kind, series.tags)
      return id === undefined
        ? []
        : { entity: { kind, id }, firstMs: timeOf(series), lastMs: lastMs.get(id) ?? timeOf(series) }
    })
  }

  async drop(beforeMs: number, tier: Tier): Promise<number> {
    let points = 0
    for (const kind of entityKinds) {
      points += await this.#countBefore(kind, beforeMs)
      for (const one of tiers.slice(0, tiers.indexOf(tier) + 1)) {
        const width = one === 'raw' ? 1 : windowMs[one]
        const before = timeBetween(0, Math.floor(beforeMs / width) * width)
        await this.#ask(`DELETE FROM ${quoted(measurementOf(kind, one))} WHERE ${before}`)
      }
    }
    await this.#ask(`DELETE FROM ${quoted(eventMeasurement.name)} WHERE ${timeBetween(0, beforeMs)}`)
    return points
  }

  /** Points of a kind: of each series those of its field that has most. */
  async #countBefore(kind: EntityKind, beforeMs: number): Promise<number> {
    const [series = []] = await this.#ask(
      `SELECT count(*) FROM ${this.#source(kind, 'raw')} WHERE ${timeBetween(0, beforeMs)} GROUP BY ${identityOf(kind)}`,
    )
    let points = 0
    for (const { values } of series)
      points += Math.max(0, ...(values[0]?.slice(1) ?? []).map((count) => numberOf(count) ?? 0))
    return points
  }

  close(): void {
    this.#connection.close()
  }

  /** Before the first write there is no database: that is no error. */
  async #ask(
    text: string,
    parameters?: Readonly<Record<string, string>>,
  ): Promise<readonly (readonly InfluxSeries[])[]> {
    try {
      return await this.#connection.query(text, parameters)
    } catch (error) {
      if (error instanceof InfluxQueryError && /^(database|retention policy) not found/.test(error.message)) return []
      throw error
    }
  }

  #source(kind: EntityKind, tier: Tier): string {
    return source(this.#connection.database, kind, tier)
  }

  async #rowsOfEntity(
    entity: EntityKey,
    tier: Tier,
    columns: readonly string[],
    span: Span,
    rest = '',
  ): Promise<readonly (readonly unknown[])[]> {
    // A tag that is not there is compared as an empty one.
    const values = new Map(tagsOf(entity).map(({ name, value }) => [name, value]))
    const conditions = measurements[entity.kind].tags.map((name) => `${quoted(name)} = $${name}`)
    const parameters = Object.fromEntries(measurements[entity.kind].tags.map((name) => [name, values.get(name) ?? '']))
    const [series = []] = await this.#ask(
      `SELECT ${columns.join(', ')} FROM ${this.#source(entity.kind, tier)} WHERE ${conditions.join(' AND ')} AND ${timeBetween(span.fromMs, span.toMs)}${rest}`,
      parameters,
    )
    return series[0]?.values ?? []
  }
}

/** Points of one moment that have several sets of labels are one. */
function merged(rows: readonly PointRow[]): PointRow[] {
  const found: PointRow[] = []
  for (const row of rows) {
    const last = found.at(-1)
    if (last?.atMs !== row.atMs) found.push(row)
    else found[found.length - 1] = { ...last, values: last.values.map((value, at) => row.values[at] ?? value) }
  }
  return found
}

function summaryAt(stats: readonly Stat[], values: readonly unknown[], at: number): Summary | undefined {
  const known: Partial<Record<Stat, number>> = {}
  for (const [index, stat] of stats.entries()) {
    const value = numberOf(values[at + index])
    if (value !== undefined) known[stat] = value
  }
  return summaryOf(known)
}

function timeOf({ values }: InfluxSeries): number {
  return numberOf(values[0]?.[0]) ?? NaN
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined
}
