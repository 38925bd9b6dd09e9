import { Counter, Gauge, type Registry } from 'prom-client'

/** Counters of everything that comes in, is refused or dropped. */
export interface IngestMetrics {
  readonly reports: Counter<'lane'>
  readonly duplicates: Counter
  readonly refusedFields: Counter<'field'>
  readonly refusedConnections: Counter<'reason'>
  readonly sessions: Gauge
  readonly unstoredReports: Gauge
  readonly storeFailures: Counter
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
  }
}
