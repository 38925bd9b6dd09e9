import type { RangeQuery, RangeResult, TopQuery, TopRow } from '../time-series.js'
import type { Reader, Span } from './reader.js'
import { Gathered, neededStats } from './summary.js'
import {
  coarsestForSpan,
  coarsestForStep,
  planPieces,
  wholeWindows,
  windowMs,
  type Piece,
  type Reach,
  type RollUpTier,
} from './tier-plan.js'

/** More values than this do not fit into one answer: ask for steps or a shorter time. */
const mostValues = 1_000_000
const mostTop = 10_000

/** @throws Error if the answer were too large, or the server fails */
export async function rangeOf(reader: Reader, query: RangeQuery, reach: Reach): Promise<RangeResult> {
  const { entity, fields, agg, tier } = query
  // From a roll-up no step is narrower than its windows.
  const stepMs = tier === undefined || tier === 'raw' ? query.stepMs : Math.max(query.stepMs, windowMs[tier])
  const rows = new StepRows({ fields, stepMs, agg })
  let left = mostValues
  for (const piece of piecesOf(query, reach)) {
    if (piece.tier === 'raw') {
      const points = await reader.points(entity, fields, piece, left)
      for (const { atMs, values } of points) rows.addValues(atMs, values)
      left -= points.length * fields.length
    } else {
      const windows = await reader.windows(entity, fields, neededStats(agg), piece.tier, piece)
      for (const { startMs, summaries } of windows) rows.addSummaries(startMs, summaries)
      left -= windows.length * fields.length
    }
    if (left < 0) throw tooMany(stepMs === 0 && tier === undefined)
  }
  return { fields, rows: rows.finished() }
}

export function tooMany(asPoints: boolean): Error {
  const hint = asPoints ? 'ask for a step or a shorter time' : 'ask for a shorter time'
  return new Error(`the answer has more than ${mostValues} values: ${hint}`)
}

function piecesOf({ fromMs, toMs, stepMs, agg, tier }: RangeQuery, reach: Reach): readonly Piece[] {
  if (!(fromMs < toMs)) return []
  if (tier !== undefined)
    return [tier === 'raw' ? { tier, fromMs, toMs } : { tier, ...wholeWindows(tier, fromMs, toMs) }]
  // Points as stored are never anything else.
  if (stepMs === 0) return [{ tier: 'raw', fromMs, toMs }]
  // Roll-ups would only give an estimate of a quantile.
  return planPieces({ fromMs, toMs }, agg === 'p95' ? 'raw' : coarsestForStep(stepMs), reach)
}

/** @throws Error if the server fails */
export async function topOf(reader: Reader, query: TopQuery, reach: Reach): Promise<readonly TopRow[]> {
  const { kind, field, agg, n, ids } = query
  const found = new Map<string, Gathered>()
  for (const piece of topPieces(query, reach)) {
    for (const [id, summaries] of await reader.summaries(kind, field, agg, piece)) {
      if (ids?.has(id) === false) continue
      const gathered = found.get(id) ?? new Gathered(agg)
      found.set(id, gathered)
      for (const summary of summaries) gathered.addSummary(summary)
    }
  }
  const rows: TopRow[] = []
  for (const [id, gathered] of found) {
    const value = gathered.result()
    if (value !== undefined) rows.push({ id, value })
  }
  rows.sort((a, b) => b.value - a.value || (a.id < b.id ? -1 : 1))
  return rows.slice(0, Math.min(Math.max(0, Math.floor(n)), mostTop))
}

function topPieces(span: Span, reach: Reach): readonly Piece[] {
  return span.fromMs < span.toMs ? planPieces(span, coarsestForSpan(span), reach) : []
}

/** Aggregates ascending rows by step. */
class StepRows {
  readonly #rows: (number | null)[][] = []
  #startMs = NaN
  #open: Gathered[] = []

  constructor(private readonly query: Pick<RangeQuery, 'fields' | 'stepMs' | 'agg'>) {}

  addValues(atMs: number, values: readonly (number | null)[]): void {
    if (this.query.stepMs === 0) {
      this.#rows.push([atMs, ...values])
      return
    }
    for (const [index, gathered] of this.#at(atMs).entries()) {
      const value = values[index]
      if (typeof value === 'number') gathered.addValue(value)
    }
  }

  addSummaries(startMs: number, summaries: WindowSummaries): void {
    for (const [index, gathered] of this.#at(startMs).entries()) {
      const summary = summaries[index]
      if (summary !== undefined) gathered.addSummary(summary)
    }
  }

  finished(): readonly (readonly (number | null)[])[] {
    this.#flush()
    return this.#rows
  }

  #at(atMs: number): readonly Gathered[] {
    const { stepMs, fields, agg } = this.query
    const startMs = stepMs === 0 ? atMs : Math.floor(atMs / stepMs) * stepMs
    if (startMs !== this.#startMs) {
      this.#flush()
      this.#startMs = startMs
      this.#open = fields.map(() => new Gathered(agg))
    }
    return this.#open
  }

  #flush(): void {
    const values = this.#open.map((gathered) => gathered.result() ?? null)
    if (values.some((value) => value !== null)) this.#rows.push([this.#startMs, ...values])
    this.#open = []
  }
}

type WindowSummaries = Awaited<ReturnType<Reader['windows']>>[number]['summaries']

/** What each tier has now. */
export function reachOf(
  retention: Readonly<Record<Piece['tier'], number>>,
  wholeBeforeMs: Readonly<Record<RollUpTier, number>>,
  nowMs: number,
): Reach {
  const from = (tier: Piece['tier']): number => (retention[tier] > 0 ? nowMs - retention[tier] : Infinity)
  return {
    fromMs: { raw: from('raw'), '5m': from('5m'), '1h': from('1h') },
    settledMs: {
      '5m': Math.min(nowMs, wholeBeforeMs['5m']),
      '1h': Math.min(nowMs, wholeBeforeMs['1h']),
    },
  }
}
