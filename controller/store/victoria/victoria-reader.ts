import { fieldNames, type EntityKind } from '../measurements.js'
import { idOf } from '../server/entity-tags.js'
import type { PointRow, Reader, Span, WindowRow } from '../server/reader.js'
import { ServerHttp } from '../server/server-http.js'
import { tooMany } from '../server/server-queries.js'
import { neededStats, summaryOf, type Stat, type Summary } from '../server/summary.js'
import { windowMs, type Piece, type RollUpTier } from '../server/tier-plan.js'
import type { ServerOptions, VictoriaServer } from '../server/worker-options.js'
import type { Aggregation, EntityKey, SeriesInfo, Tier } from '../time-series.js'
import { exportedSeries, queriedSeries, type ExportedSeries, type QueriedSeries } from './answers.js'
import { metricOf, metricsOf, rollUpMetricOf, seconds, selector } from './metric-names.js'
import { statOf, statsOverTime } from './stats-over-time.js'

/** It takes nothing that is further in the future. */
const farthestMs = 2 * 86_400_000

/**
 * Questions to VictoriaMetrics. Points and roll-ups come from /api/v1/export, which gives samples as they were stored: a range query would give
 * the last sample before each step for as long as it looks back, and other ones near the present. Figures over all entities
 * come from MetricsQL, at one moment and past its cache (`nocache=1`, which also keeps it from moving that moment).
 */
export class VictoriaReader implements Reader {
  readonly #http: ServerHttp

  constructor(
    private readonly options: ServerOptions & VictoriaServer,
    private readonly now: () => number,
  ) {
    this.#http = new ServerHttp(options.address, options.pace.requestMs)
  }

  async points(entity: EntityKey, fields: readonly string[], span: Span, most: number): Promise<readonly PointRow[]> {
    const columns = new Map(fields.map((field, index) => [metricOf(entity.kind, field), index]))
    const rows = new Map<number, (number | null)[]>()
    let values = 0
    for await (const { labels, ...series } of this.#export([...columns.keys()], span, entity)) {
      const column = columns.get(labels['__name__'] ?? '')
      if (column === undefined) continue
      for (const [atMs, value] of samplesOf(series)) {
        const row = rows.get(atMs) ?? fields.map(() => null)
        if (!rows.has(atMs)) values += fields.length
        if (values > most) throw tooMany(true)
        rows.set(atMs, row)
        row[column] = value
      }
    }
    return [...rows].sort(([a], [b]) => a - b).map(([atMs, row]) => ({ atMs, values: row }))
  }

  async windows(
    entity: EntityKey,
    fields: readonly string[],
    stats: readonly Stat[],
    tier: RollUpTier,
    span: Span,
  ): Promise<readonly WindowRow[]> {
    const names = metricsOf(entity.kind, tier)
    const wanted = fields.flatMap((field) => stats.map((stat) => rollUpMetricOf(entity.kind, tier, field, stat)))
    const books = fields.map(() => new WindowBook(tier, span))
    for await (const { labels, ...series } of this.#export(wanted, WindowBook.reaching(tier, span), entity)) {
      const named = names.get(labels['__name__'] ?? '')
      if (named?.stat === undefined) continue
      const book = books[fields.indexOf(named.field)]
      for (const [atMs, value] of samplesOf(series)) book?.add(named.stat, atMs, value)
    }
    const starts = [...new Set(books.flatMap((book) => book.starts))].sort((a, b) => a - b)
    return starts.map((startMs) => ({ startMs, summaries: books.map((book) => book.summaryAt(startMs)) }))
  }

  async summaries(
    kind: EntityKind,
    field: string,
    agg: Aggregation,
    piece: Piece,
  ): Promise<ReadonlyMap<string, readonly Summary[]>> {
    const stats = neededStats(agg)
    return piece.tier === 'raw'
      ? this.#summariesOfPoints(kind, field, stats, piece)
      : this.#summariesOfWindows(kind, field, stats, piece.tier, piece)
  }

  async series(kind: EntityKind, tier: Tier): Promise<readonly SeriesInfo[]> {
    const found = new Map<string, { firstMs: number; lastMs: number }>()
    const span = this.#closed({ fromMs: this.now() - this.options.retention[tier], toMs: Infinity })
    for (const field of fieldNames(kind)) {
      const metric = tier === 'raw' ? metricOf(kind, field) : rollUpMetricOf(kind, tier, field, 'count')
      const series = selector([metric], this.options.database)
      const query = `aggr_over_time(("tfirst_over_time","tlast_over_time"), ${series}[${span.endMs - span.startMs + 1}ms])`
      for (const { labels, samples } of await this.#queryAt(query, span.endMs)) {
        const id = idOf(kind, labels)
        const atMs = Math.round((samples[0]?.value ?? NaN) * 1000)
        if (id === undefined || Number.isNaN(atMs)) continue
        const { firstMs, lastMs } = found.get(id) ?? { firstMs: atMs, lastMs: atMs }
        found.set(id, { firstMs: Math.min(firstMs, atMs), lastMs: Math.max(lastMs, atMs) })
      }
    }
    return [...found].map(([id, times]) => ({ entity: { kind, id }, ...times }))
  }

  drop(): Promise<number> {
    return Promise.reject(
      new Error('VictoriaMetrics deletes no part of a series: it forgets by its own -retentionPeriod'),
    )
  }

  close(): void {
    this.#http.close()
  }

  async #summariesOfPoints(
    kind: EntityKind,
    field: string,
    stats: readonly Stat[],
    piece: Span,
  ): Promise<ReadonlyMap<string, readonly Summary[]>> {
    const { startMs, endMs } = this.#closed(piece)
    if (endMs < startMs) return new Map()
    const series = selector([metricOf(kind, field)], this.options.database)
    const known = new Map<string, Partial<Record<Stat, number>>>()
    for (const { labels, samples } of await this.#queryAt(statsOverTime(stats, series, endMs - startMs + 1), endMs)) {
      const id = idOf(kind, labels)
      const stat = statOf(labels)
      const value = samples[0]?.value
      if (id === undefined || stat === undefined || value === undefined) continue
      known.set(id, { ...known.get(id), [stat]: value })
    }
    return new Map([...known].map(([id, one]) => [id, [summaryOf(one)].filter((summary) => summary !== undefined)]))
  }

  async #summariesOfWindows(
    kind: EntityKind,
    field: string,
    stats: readonly Stat[],
    tier: RollUpTier,
    span: Span,
  ): Promise<ReadonlyMap<string, readonly Summary[]>> {
    const names = new Map(stats.map((stat) => [rollUpMetricOf(kind, tier, field, stat), stat]))
    const books = new Map<string, WindowBook>()
    for await (const { labels, ...series } of this.#export([...names.keys()], WindowBook.reaching(tier, span))) {
      const id = idOf(kind, labels)
      const stat = names.get(labels['__name__'] ?? '')
      if (id === undefined || stat === undefined) continue
      const book = books.get(id) ?? new WindowBook(tier, span)
      books.set(id, book)
      for (const [atMs, value] of samplesOf(series)) book.add(stat, atMs, value)
    }
    return new Map([...books].map(([id, book]) => [id, book.summaries()]))
  }

  async *#export(names: readonly string[], span: Span, entity?: EntityKey): AsyncGenerator<ExportedSeries> {
    const { startMs, endMs } = this.#closed(span)
    if (endMs < startMs) return
    const call = {
      path: '/api/v1/export',
      query: [
        ['match[]', selector(names, this.options.database, entity)],
        ['start', seconds(startMs)],
        ['end', seconds(endMs)],
      ],
    } as const
    for await (const line of this.#http.lines(call)) if (line !== '') yield exportedSeries(line)
  }

  async #queryAt(query: string, atMs: number): Promise<QueriedSeries[]> {
    const text = await this.#http.text({
      path: '/api/v1/query',
      query: [
        ['query', query],
        ['time', seconds(atMs)],
        ['nocache', '1'],
      ],
    })
    return queriedSeries(text)
  }

  /** Its times are closed on both sides. */
  #closed({ fromMs, toMs }: Span): { startMs: number; endMs: number } {
    return { startMs: Math.max(0, fromMs), endMs: Math.min(toMs - 1, this.now() + farthestMs) }
  }
}

/** Windows of one field of one entity. Of a window that was computed several times the last one counts. */
class WindowBook {
  readonly #windows = new Map<number, { atMs: number; known: Partial<Record<Stat, number>> }>()

  constructor(
    private readonly tier: RollUpTier,
    /** Where the windows begin that are asked for. */
    private readonly span: Span,
  ) {}

  /** Where samples of these windows can lie. */
  static reaching(tier: RollUpTier, { fromMs, toMs }: Span): Span {
    return { fromMs, toMs: toMs + windowMs[tier] }
  }

  get starts(): readonly number[] {
    return [...this.#windows.keys()]
  }

  add(stat: Stat, atMs: number, value: number): void {
    const startMs = Math.floor(atMs / windowMs[this.tier]) * windowMs[this.tier]
    if (startMs < this.span.fromMs || startMs >= this.span.toMs) return
    const before = this.#windows.get(startMs)
    if (before === undefined || before.atMs < atMs) this.#windows.set(startMs, { atMs, known: { [stat]: value } })
    else if (before.atMs === atMs) before.known[stat] = value
  }

  summaryAt(startMs: number): Summary | undefined {
    return summaryOf(this.#windows.get(startMs)?.known ?? {})
  }

  /** In the order of time. */
  summaries(): readonly Summary[] {
    return this.starts.toSorted((a, b) => a - b).flatMap((startMs) => this.summaryAt(startMs) ?? [])
  }
}

function* samplesOf({
  values,
  timestampsMs,
}: Omit<ExportedSeries, 'labels'>): Generator<[atMs: number, value: number]> {
  for (const [index, value] of values.entries()) {
    const atMs = timestampsMs[index]
    if (typeof value === 'number' && typeof atMs === 'number') yield [atMs, value]
  }
}
