import { entityKinds, type EntityKind } from '../measurements.js'
import type { RollUpHistory, RollUpRow } from '../roll-ups.js'
import { tagsOf } from '../server/entity-tags.js'
import { windowMs, type RollUpTier } from '../server/tier-plan.js'
import type { EntityKey, Point, SeriesInfo, TimeSeries } from '../time-series.js'
import { allEvents } from './all-events.js'
import type { HistoryPart, HistoryPiece } from './history.js'

export interface HistorySource
  extends Pick<TimeSeries, 'export' | 'series' | 'events' | 'marks' | 'health'>, RollUpHistory {}

/** What of a history is meant. */
export interface Selection {
  readonly parts: ReadonlySet<HistoryPart>
  readonly fromMs: number
  /** Exclusive. */
  readonly toMs: number
  readonly kinds: ReadonlySet<EntityKind>
  /** Ids of hosts and VMs: what belongs to one of them. All if absent. */
  readonly only?: { readonly hosts: ReadonlySet<string>; readonly vms: ReadonlySet<string> }
  /** Names of fields; all if absent. */
  readonly fields?: ReadonlySet<string>
}

export interface ReadOptions {
  readonly now: () => number
  /** `share`: of the part. */
  readonly show: (what: string, share: number) => void
  readonly signal: AbortSignal
}

/** So many rows are read at once. */
const rowsAtOnce = 2880
const hourMs = windowMs['1h']

/**
 * A history in pieces of bounded size, in the order of `historyParts`; roll-ups of hours that are over.
 * Rejects with the signal's reason, or with an Error if the store fails.
 */
export async function* readHistory(
  source: HistorySource,
  selection: Selection,
  options: ReadOptions,
): AsyncGenerator<HistoryPiece> {
  const kinds = entityKinds.filter((kind) => selection.kinds.has(kind))
  const { parts } = selection
  if (parts.has('raw')) for (const kind of kinds) yield* pointsOf(source, kind, selection, options)
  for (const tier of ['5m', '1h'] as const)
    if (parts.has(tier)) for (const kind of kinds) yield* rollUpsOf(source, kind, tier, selection, options)
  if (parts.has('events')) yield* eventsOf(source, selection, options)
  if (parts.has('marks')) {
    const marks = [...(await source.marks())].map(([spoolId, throughSeq]) => ({ spoolId, throughSeq }))
    if (marks.length > 0) yield { is: 'marks', marks }
  }
}

async function* pointsOf(
  source: HistorySource,
  kind: EntityKind,
  selection: Selection,
  { show, signal }: ReadOptions,
): AsyncGenerator<HistoryPiece> {
  const { fromMs, toMs } = selection
  const ids = (await seriesOf(source, kind, undefined, selection)).map(({ entity }) => entity.id)
  const places = new Map(ids.map((id, index) => [id, index]))
  const query = { kind, fromMs, toMs, signal, ...(selection.only === undefined ? {} : { ids: new Set(ids) }) }
  for await (const piece of source.export(query)) {
    show(`points, ${kind}`, (places.get(piece.at(-1)?.entity.id ?? '') ?? 0) / ids.length)
    const points = piece.flatMap((point) => withFields(point, selection.fields) ?? [])
    if (points.length > 0) yield { is: 'points', kind, points }
  }
}

async function* rollUpsOf(
  source: HistorySource,
  kind: EntityKind,
  tier: RollUpTier,
  selection: Selection,
  { now, show, signal }: ReadOptions,
): AsyncGenerator<HistoryPiece> {
  const series = await seriesOf(source, kind, tier, selection)
  const overMs = Math.floor(now() / hourMs) * hourMs
  const widthMs = windowMs[tier]
  for (const [index, { entity, firstMs, lastMs }] of series.entries()) {
    show(`${tier} roll-ups, ${kind}`, index / series.length)
    // Windows that the time holds whole.
    const endMs = floor(Math.min(selection.toMs, overMs, floor(lastMs, widthMs) + widthMs), widthMs)
    let nextMs = Math.max(Math.ceil(selection.fromMs / widthMs) * widthMs, floor(firstMs, widthMs))
    while (nextMs < endMs) {
      signal.throwIfAborted()
      const toMs = Math.min(endMs, nextMs + rowsAtOnce * widthMs)
      const found = await source.rollUps({ entity, tier, fromMs: nextMs, toMs })
      const rows = found.flatMap((row) => withFields({ entity, ...row }, selection.fields) ?? [])
      if (rows.length > 0) yield { is: 'rollUps', kind, tier, rows }
      nextMs = toMs
    }
  }
}

async function* eventsOf(
  source: HistorySource,
  selection: Selection,
  { show, signal }: ReadOptions,
): AsyncGenerator<HistoryPiece> {
  const { only } = selection
  show('events', 0)
  for await (const page of allEvents(source, selection)) {
    signal.throwIfAborted()
    const events = page.filter(
      ({ hostId, vmUuid }) => only === undefined || only.vms.has(vmUuid) || (vmUuid === '' && only.hosts.has(hostId)),
    )
    if (events.length > 0) yield { is: 'events', events }
  }
}

/** By id. */
async function seriesOf(
  source: HistorySource,
  kind: EntityKind,
  tier: RollUpTier | undefined,
  { only }: Selection,
): Promise<SeriesInfo[]> {
  const series = await source.series(tier === undefined ? { kind } : { kind, tier })
  const wanted = only === undefined ? series : series.filter(({ entity }) => belongs(entity, only))
  return wanted.toSorted((a, b) => (a.entity.id < b.entity.id ? -1 : 1))
}

function belongs(entity: EntityKey, { hosts, vms }: NonNullable<Selection['only']>): boolean {
  const tags = new Map(tagsOf(entity).map(({ name, value }) => [name, value]))
  const isOf = (kind: 'host' | 'vm', id: string): boolean =>
    tagsOf({ kind, id }).every(({ name, value }) => tags.get(name) === value)
  return [...hosts].some((id) => isOf('host', id)) || [...vms].some((id) => isOf('vm', id))
}

/** Undefined if nothing is left. */
function withFields<Row extends Point | (RollUpRow & { entity: EntityKey })>(
  row: Row,
  wanted: ReadonlySet<string> | undefined,
): Row | undefined {
  if (wanted === undefined) return row
  const fields = Object.fromEntries(Object.entries(row.fields).filter(([name]) => wanted.has(name)))
  return Object.keys(fields).length === 0 ? undefined : { ...row, fields }
}

function floor(atMs: number, widthMs: number): number {
  return Math.floor(atMs / widthMs) * widthMs
}
