import type { FleetEvent } from '../../model/snapshot.js'
import { checkEventsAndMarks, checkPoint, checkValue, InvalidBatchError } from '../embedded/invalid-batch.js'
import { sketchBucket } from '../embedded/sketch.js'
import { fieldNames, isField, measurements, type EntityKind } from '../measurements.js'
import type { FieldRollUp } from '../roll-ups.js'
import { idOf, unescaped } from '../server/entity-tags.js'
import { stats, type Stat } from '../server/summary.js'
import { windowMs, type RollUpTier } from '../server/tier-plan.js'
import type { Point } from '../time-series.js'
import { BadLine } from './format.js'
import type { HistoryPiece } from './history.js'

/** Texts and numbers of a line by name, as they stand there. */
export interface LineParts {
  readonly tags: ReadonlyMap<string, string>
  readonly fields: ReadonlyMap<string, number>
  readonly atMs: number
}

const oldestMs = Date.UTC(2000, 0, 1)
const dayMs = 86_400_000
const hourMs = windowMs['1h']

/** @throws BadLine: not a time at which this program measured */
export function checkTime(atMs: number, nowMs: number, got: string): void {
  if (Number.isInteger(atMs) && atMs >= oldestMs && atMs <= nowMs + dayMs) return
  const shown = Number.isFinite(atMs) && Math.abs(atMs) < 8.64e15 ? ` (${new Date(atMs).toISOString()})` : ''
  throw new BadLine('a time from the year 2000 to tomorrow, in whole milliseconds', `${got}${shown}`)
}

/** @throws BadLine */
export function pointPiece(kind: EntityKind, { tags, fields, atMs }: LineParts): HistoryPiece {
  const id = entityIdOf(kind, tags)
  const labels = new Map(measurements[kind].labels.map((name) => [name, unescaped(tags.get(name) ?? '')]))
  const known = Object.fromEntries([...labels].filter(([, value]) => value !== ''))
  for (const name of fields.keys())
    if (!isField(kind, name)) throw new BadLine(`fields of ${kind} (${fieldNames(kind).join(', ')})`, name)
  if (fields.size === 0) throw new BadLine('at least one field', '')
  const base = { entity: { kind, id }, atMs, fields: Object.fromEntries(fields) }
  const point: Point = Object.keys(known).length === 0 ? base : { ...base, labels: known }
  valid(() => {
    checkPoint(point)
    for (const [name, value] of fields) checkValue(point, name, value)
  })
  return { is: 'points', kind, points: [point] }
}

/** `sketches`: by field. @throws BadLine */
export function rollUpPiece(
  kind: EntityKind,
  tier: RollUpTier,
  { tags, fields, atMs }: LineParts,
  sketches: ReadonlyMap<string, ReadonlyMap<number, number>>,
  nowMs: number,
): HistoryPiece {
  if (atMs % windowMs[tier] !== 0)
    throw new BadLine(`the start of a window of ${tier === '1h' ? 'an hour' : 'five minutes'}`, String(atMs))
  if (atMs >= Math.floor(nowMs / hourMs) * hourMs) throw new BadLine('an hour that is over', String(atMs))
  const known = new Map<string, Partial<Record<Stat, number>>>()
  for (const [name, value] of fields) {
    const end = name.lastIndexOf('_')
    const field = name.slice(0, end)
    const stat = stats.find((one) => one === name.slice(end + 1))
    if (stat === undefined || !isField(kind, field))
      throw new BadLine(`fields of ${kind} with _${stats.join(', _')}`, name)
    known.set(field, { ...known.get(field), [stat]: value })
  }
  if (known.size === 0) throw new BadLine('at least one field', '')
  const entity = { kind, id: entityIdOf(kind, tags) }
  const rolled = [...known].map(([field, found]) => [field, checkedRollUp(field, found, sketches.get(field))] as const)
  valid(() => checkPoint({ entity, atMs, fields: {} }))
  return { is: 'rollUps', kind, tier, rows: [{ entity, startMs: atMs, fields: Object.fromEntries(rolled) }] }
}

/** @throws BadLine */
export function eventPiece(event: FleetEvent): HistoryPiece {
  if (event.kind === '') throw new BadLine('an event of some kind', '')
  valid(() => checkEventsAndMarks({ events: [event], marks: [] }))
  return { is: 'events', events: [event] }
}

/** @throws BadLine */
export function markPiece(spoolId: string, throughSeq: number): HistoryPiece {
  const marks = [{ spoolId, throughSeq }]
  valid(() => checkEventsAndMarks({ events: [], marks }))
  return { is: 'marks', marks }
}

function entityIdOf(kind: EntityKind, tags: ReadonlyMap<string, string>): string {
  const { tags: names, labels } = measurements[kind]
  const known: readonly string[] = [...names, ...labels]
  for (const name of tags.keys())
    if (!known.includes(name)) throw new BadLine(`the tags ${known.join(', ')} of ${kind}`, name)
  const id = idOf(kind, Object.fromEntries(tags))
  if (id === undefined) throw new BadLine(`the tag ${names[0]}`, '')
  return id
}

function checkedRollUp(
  field: string,
  { count, mean, min, max, last, p95 }: Partial<Record<Stat, number>>,
  sketch: ReadonlyMap<number, number> | undefined,
): FieldRollUp {
  if (
    count === undefined ||
    mean === undefined ||
    min === undefined ||
    max === undefined ||
    last === undefined ||
    p95 === undefined
  )
    throw new BadLine(`${field} with each of _${stats.join(', _')}`, 'some of them')
  if (!Number.isSafeInteger(count) || count < 1)
    throw new BadLine(`a whole number of values of ${field}`, String(count))
  // Each of them was rounded by itself.
  const room = Math.max(Math.abs(min), Math.abs(max)) / 1000 + 1e-300
  for (const [stat, value] of Object.entries({ mean, last, p95 }))
    if (!(value >= min - room && value <= max + room) || Math.abs(value) > 1e300)
      throw new BadLine(`${field}_${stat} from ${min} to ${max}`, String(value))
  if (sketch === undefined) return { count, mean, min, max, last, p95 }
  let values = 0
  const [first, end] = [sketchBucket(min) - 1, sketchBucket(max) + 1]
  for (const [bucket, one] of sketch) {
    if (bucket < first || bucket > end)
      throw new BadLine(`buckets from ${first} to ${end} in ${field}_sketch`, String(bucket))
    values += one
  }
  if (values !== count) throw new BadLine(`${count} values in ${field}_sketch`, String(values))
  return { count, mean, min, max, last, p95, sketch }
}

function valid(check: () => void): void {
  try {
    check()
  } catch (error) {
    if (error instanceof InvalidBatchError) throw new BadLine('what can be stored', error.message)
    throw error
  }
}
