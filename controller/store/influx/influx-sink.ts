import type { IPoint } from 'influx'

import { oneLine } from '../event-text.js'
import { entityKinds, eventMeasurement, isField, measurements } from '../measurements.js'
import type { RolledUp } from '../roll-ups.js'
import { labelTags, tagsOf, type Tag } from '../server/entity-tags.js'
import { sendInParts, together, type PartVerdict } from '../server/send-in-parts.js'
import type { QueuedPoint, Refusal, ServerLook, Sink, SinkTraits, WriteOutcome } from '../server/sink.js'
import { rolledUpFields } from '../server/summary.js'
import { rollUpTiers, windowMs, type RollUpTier } from '../server/tier-plan.js'
import type { DueWindow } from '../server/window-table.js'
import type { InfluxServer, ServerOptions } from '../server/worker-options.js'
import type { Tier, TierHealth } from '../time-series.js'
import { InfluxConnection, type InfluxSeries } from './influx-connection.js'
import { measurementOf, rollUp } from './influxql.js'
import { isNotAllowed, policiesInForce, prepareDatabase, rowsOf } from './prepare-database.js'
import { writeVerdict } from './write-verdict.js'

const pointsOfOneWrite = 5000

/**
 * Writes to InfluxDB 1.x. It answers after its write-ahead log is on disk (`wal-fsync-delay = "0s"`, its default), and a point that is sent
 * again takes the place of the one before. Continuous queries compute each window once, when it is over; `rollUp` does it again when
 * points came later, or when the server was not there.
 */
export class InfluxSink implements Sink {
  readonly traits: SinkTraits
  readonly #connection: InfluxConnection

  constructor(private readonly options: ServerOptions & InfluxServer) {
    const { address, database, pace, retention } = options
    this.#connection = new InfluxConnection(address, database, pace.requestMs)
    this.traits = {
      name: `InfluxDB at ${address.url}`,
      durableAfterMs: 0,
      lookEveryMs: pace.lookEveryMs,
      rollUpEveryMs: pace.rollUpEveryMs,
      settleMs: pace.settleMs,
      rollUps: rollUpTiers.filter((tier) => retention[tier] > 0),
    }
  }

  prepare(): Promise<void> {
    return prepareDatabase(this.#connection, this.options.retention)
  }

  async write(points: readonly QueuedPoint[]): Promise<WriteOutcome> {
    const known: IPoint[] = []
    const refusals: Refusal[] = []
    for (const point of points) {
      const taken = influxPoint(point)
      if (taken === undefined) refusals.push({ points: 1, reason: `unknown: ${point.kind} ${point.names.join(' ')}` })
      else known.push(taken)
    }
    const outcome = await sendInParts(known, pointsOfOneWrite, (part) => this.#write(part, 'raw'))
    if (outcome.is === 'failed') return outcome
    return {
      is: 'stored',
      refused: together([...refusals, ...(outcome.refused === undefined ? [] : [outcome.refused])]),
    }
  }

  async #write(points: readonly IPoint[], tier: Tier): Promise<PartVerdict> {
    try {
      await this.#connection.write(points, tier)
      return { is: 'taken' }
    } catch (error) {
      return writeVerdict(error instanceof Error ? error.message : String(error))
    }
  }

  async rollUp(windows: readonly DueWindow[]): Promise<void> {
    const [first, last] = [windows[0], windows.at(-1)]
    if (first === undefined || last === undefined) return
    const during = { fromMs: first.startMs, toMs: last.startMs + windowMs[last.tier] }
    await this.#connection.query(rollUp(this.options.database, first.kind, first.tier, during))
  }

  writeRollUps(tier: RollUpTier, rows: readonly RolledUp[]): Promise<WriteOutcome> {
    const points = rows.map(({ entity, startMs, fields }): IPoint => ({
      measurement: measurementOf(entity.kind, tier),
      tags: asRecord(tagsOf(entity)),
      fields: Object.fromEntries(rolledUpFields(fields)),
      timestamp: String(startMs),
    }))
    return sendInParts(points, pointsOfOneWrite, (part) => this.#write(part, tier))
  }

  async look(): Promise<ServerLook> {
    const policies = await policiesInForce(this.#connection)
    const oldest = policies === undefined ? new Map<string, number>() : await this.#oldestShards()
    const inForce = (tier: Tier): TierHealth => {
      return { retentionMs: policies?.get(tier)?.durationMs, oldestMs: oldest.get(tier) }
    }
    const health = { raw: inForce('raw'), '5m': inForce('5m'), '1h': inForce('1h') }
    const sizeBytes = policies === undefined ? 0 : await this.#diskBytes()
    return { sizeBytes, tiers: health, problem: '', processes: new Map(), isComplete: true, isClear: true }
  }

  close(): void {
    this.#connection.close()
  }

  /** Where the oldest shard of each policy begins. */
  async #oldestShards(): Promise<Map<string, number>> {
    const oldest = new Map<string, number>()
    const [series = []] = await this.#ifAllowed('SHOW SHARDS')
    for (const row of series.flatMap(rowsOf)) {
      if (row.get('database') !== this.options.database) continue
      const policy = String(row.get('retention_policy'))
      oldest.set(policy, Math.min(oldest.get(policy) ?? Infinity, Date.parse(String(row.get('start_time')))))
    }
    return oldest
  }

  /** Nothing if only an administrator may ask that. */
  async #ifAllowed(statement: string): Promise<readonly (readonly InfluxSeries[])[]> {
    try {
      return await this.#connection.query(statement)
    } catch (error) {
      if (isNotAllowed(error)) return []
      throw error
    }
  }

  async #diskBytes(): Promise<number> {
    const [series = []] = await this.#ifAllowed("SHOW STATS FOR 'shard'")
    return series
      .filter(({ tags }) => tags['database'] === this.options.database)
      .flatMap(rowsOf)
      .reduce((sum, row) => sum + Number(row.get('diskBytes') ?? 0), 0)
  }
}

/** Undefined if this version of the program knows nothing of it. */
function influxPoint(point: QueuedPoint): IPoint | undefined {
  const { kind: name, id, atMs, names, values, labels } = point
  if (name === eventMeasurement.name) return influxEvent(point)
  const kind = entityKinds.find((one) => one === name)
  if (kind === undefined) return undefined
  const fields: Record<string, number> = {}
  for (const [index, field] of names.entries()) {
    const value = values[index]
    if (value !== undefined && isField(kind, field)) fields[field] = value
  }
  if (Object.keys(fields).length === 0) return undefined
  const known = labels.filter(({ name }) => measurements[kind].labels.some((one) => one === name))
  const tags = asRecord([...tagsOf({ kind, id }), ...labelTags(known)])
  return { measurement: kind, tags, fields, timestamp: String(atMs) }
}

function influxEvent({ atMs, labels }: QueuedPoint): IPoint {
  const tags = labels.filter(({ name }) => eventMeasurement.tags.some((one) => one === name))
  const text = labels.find(({ name }) => name === eventMeasurement.text)?.value ?? ''
  const fields = { [eventMeasurement.field]: 1, [eventMeasurement.text]: oneLine(text) }
  return { measurement: eventMeasurement.name, tags: asRecord(labelTags(tags)), fields, timestamp: String(atMs) }
}

function asRecord(tags: readonly Tag[]): Record<string, string> {
  return Object.fromEntries(tags.map(({ name, value }) => [name, value]))
}
