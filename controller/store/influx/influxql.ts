import { createHash } from 'node:crypto'

import { entityKinds, fieldNames, measurements, type EntityKind } from '../measurements.js'
import type { Retention } from '../server/sink.js'
import { stats, type Stat } from '../server/summary.js'
import { rollUpTiers, windowMs, type RollUpTier } from '../server/tier-plan.js'
import { tiers, type Tier } from '../time-series.js'

/**
 * Texts of InfluxQL. Names of measurements, fields and tags are this program's own, the database's is checked by the configuration;
 * values of others never get into a text.
 */

/** Each tier has a retention policy of its name. Roll-ups have measurements of their own, because DELETE knows no policies. */
export function measurementOf(kind: EntityKind, tier: Tier): string {
  return tier === 'raw' ? kind : `${kind}_${tier}`
}

export function quoted(name: string): string {
  return `"${name.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
}

/** `"db"."5m"."vm_5m"` */
export function source(database: string, kind: EntityKind, tier: Tier): string {
  return [database, tier, measurementOf(kind, tier)].map(quoted).join('.')
}

/** InfluxDB counts nanoseconds in 64 bits. */
const mostMs = 9_223_372_036_853

export function timeBetween(fromMs: number, toMs: number): string {
  const clamped = (ms: number): number => Math.ceil(Math.min(Math.max(ms, 0), mostMs))
  return `time >= ${clamped(fromMs)}ms AND time < ${clamped(toMs)}ms`
}

const functions = {
  count: (field) => `count(${field})`,
  mean: (field) => `mean(${field})`,
  min: (field) => `min(${field})`,
  max: (field) => `max(${field})`,
  last: (field) => `last(${field})`,
  p95: (field) => `percentile(${field}, 95)`,
} as const satisfies Record<Stat, (field: string) => string>

/** `mean("cpuCores")` */
export function aggregate(stat: Stat, field: string): string {
  return functions[stat](quoted(field))
}

/** `"uuid", "target"`: what tells entities apart. Points of one entity may have several sets of labels. */
export function identityOf(kind: EntityKind): string {
  return measurements[kind].tags.map((name) => quoted(name)).join(', ')
}

/**
 * Computes a kind's windows of a tier from its points, those of `during` or, in a continuous query, those that InfluxDB chooses. Windows
 * have no labels: a VM that was renamed within one has one window.
 */
export function rollUp(
  database: string,
  kind: EntityKind,
  tier: RollUpTier,
  during?: { fromMs: number; toMs: number },
): string {
  const columns = fieldNames(kind).flatMap((field) =>
    stats.map((stat) => `${aggregate(stat, field)} AS ${quoted(`${field}_${stat}`)}`),
  )
  const where = during === undefined ? '' : ` WHERE ${timeBetween(during.fromMs, during.toMs)}`
  return `SELECT ${columns.join(', ')} INTO ${source(database, kind, tier)} FROM ${source(database, kind, 'raw')}${where} GROUP BY time(${seconds(windowMs[tier])}), ${identityOf(kind)}`
}

export interface NamedStatement {
  readonly name: string
  readonly text: string
}

/** Continuous queries that keep the roll-ups. A name carries a hash of its text: a query that has changed has another name. */
export function continuousQueries(database: string, retention: Retention): NamedStatement[] {
  return rollUpTiers
    .filter((tier) => retention[tier] > 0)
    .flatMap((tier) =>
      entityKinds.map((kind) => {
        const select = rollUp(database, kind, tier)
        const hash = createHash('sha256').update(select).digest('hex').slice(0, 8)
        const name = `headroom_${measurementOf(kind, tier)}_${hash}`
        return { name, text: `CREATE CONTINUOUS QUERY ${quoted(name)} ON ${quoted(database)} BEGIN ${select} END` }
      }),
    )
}

export interface RetentionPolicy {
  readonly tier: Tier
  readonly durationMs: number
  readonly shardMs: number
}

const hourMs = 3_600_000
const dayMs = 24 * hourMs

/** A policy for each tier that is kept. InfluxDB deletes whole shards: the shorter they are, the sooner. */
export function retentionPolicies(retention: Retention): RetentionPolicy[] {
  return tiers
    .filter((tier) => retention[tier] > 0)
    .map((tier) => {
      const durationMs = Math.max(hourMs, Math.ceil(retention[tier] / 1000) * 1000)
      const shardMs =
        durationMs < 2 * dayMs
          ? hourMs
          : durationMs < 90 * dayMs
            ? dayMs
            : durationMs < 1000 * dayMs
              ? 7 * dayMs
              : 30 * dayMs
      return { tier, durationMs, shardMs }
    })
}

export function retentionStatement(
  verb: 'CREATE' | 'ALTER',
  database: string,
  { tier, durationMs, shardMs }: RetentionPolicy,
): string {
  const replication = verb === 'CREATE' ? ' REPLICATION 1' : ''
  return `${verb} RETENTION POLICY ${quoted(tier)} ON ${quoted(database)} DURATION ${seconds(durationMs)}${replication} SHARD DURATION ${seconds(shardMs)}${tier === 'raw' ? ' DEFAULT' : ''}`
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1000)}s`
}

const goUnitsMs = { h: hourMs, m: 60_000, s: 1000 } as const

/** `72h0m0s` as milliseconds; `0s` means for ever: Infinity. Undefined if it is no such text. */
export function goDurationMs(text: string): number | undefined {
  if (!/^(\d+h)?(\d+m)?\d+s$/.test(text)) return undefined
  let sum = 0
  for (const [, count, unit] of text.matchAll(/(\d+)([hms])/g)) {
    if (unit === 'h' || unit === 'm' || unit === 's') sum += Number(count) * goUnitsMs[unit]
  }
  return sum === 0 ? Infinity : sum
}
