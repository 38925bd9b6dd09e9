import { Counter, Gauge, type Registry } from 'prom-client'

import type { Log } from '../../common/log.js'
import type { FieldCheck } from './field-check.js'

/** Counters of everything that comes in, is refused or dropped. */
export interface IngestMetrics {
  readonly reports: Counter<'lane'>
  readonly duplicates: Counter
  readonly refusedFields: Counter<'field'>
  readonly refusedConnections: Counter<'reason'>
  readonly sessions: Gauge
  readonly unstoredReports: Gauge
  readonly storeFailures: Counter
  readonly unstorable: Counter
  readonly faults: Counter
}

export function ingestMetrics(registry: Registry): IngestMetrics {
  const registers = [registry]
  return {
    reports: new Counter({
      name: 'headroom_ingest_reports_total',
      help: 'Reports taken in, by lane',
      labelNames: ['lane'],
      registers,
    }),
    duplicates: new Counter({
      name: 'headroom_ingest_duplicate_reports_total',
      help: 'Reports that had been taken in before',
      registers,
    }),
    refusedFields: new Counter({
      name: 'headroom_ingest_refused_fields_total',
      help: 'Fields of messages from agents that were refused or cleaned',
      labelNames: ['field'],
      registers,
    }),
    refusedConnections: new Counter({
      name: 'headroom_ingest_refused_connections_total',
      help: 'Calls of agents that were refused',
      labelNames: ['reason'],
      registers,
    }),
    sessions: new Gauge({ name: 'headroom_ingest_sessions', help: 'Open sessions of agents', registers }),
    unstoredReports: new Gauge({
      name: 'headroom_ingest_unstored_reports',
      help: 'Reports applied to the live state and not yet durable',
      registers,
    }),
    storeFailures: new Counter({
      name: 'headroom_ingest_store_failures_total',
      help: 'Writes to the store that failed and were tried again',
      registers,
    }),
    unstorable: new Counter({
      name: 'headroom_ingest_unstorable_reports_total',
      help: 'Reports whose figures the store can never take; they were left out',
      registers,
    }),
    faults: new Counter({
      name: 'headroom_ingest_faults_total',
      help: 'Messages of agents that were left out because of a fault of the controller',
      registers,
    }),
  }
}

/** Counts what a check refused or cleaned in one message. */
export function countRefusals(metrics: IngestMetrics, check: FieldCheck, log: Log): void {
  if (check.refused.size === 0) return
  for (const [field, count] of check.refused) metrics.refusedFields.inc({ field }, count)
  log.debug({ fields: Object.fromEntries(check.refused) }, 'fields of an agent refused or cleaned')
}
