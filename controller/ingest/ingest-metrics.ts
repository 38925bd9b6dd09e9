import { Counter, Gauge, type Registry } from 'prom-client'

/** Counters of everything that comes in, is refused or dropped. */
export interface IngestMetrics {
  readonly reports: Counter<'lane'>
  readonly duplicates: Counter
  readonly missingReports: Counter
  readonly refusedFields: Counter<'field'>
  readonly refusedConnections: Counter<'reason'>
  readonly refusedMessages: Counter<'reason'>
  readonly refusedEntities: Counter
  readonly refusedEvents: Counter
  readonly slowedMessages: Counter
  readonly slowedSeconds: Counter
  readonly connections: Gauge<'of'>
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
    missingReports: new Counter({
      name: 'headroom_ingest_missing_reports_total',
      help: 'Reports that were acked, and that the store does not have: it lost them, or an older one is in its place',
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
      help: 'Connections and calls of agents that were refused, or ended by the controller',
      labelNames: ['reason'],
      registers,
    }),
    refusedMessages: new Counter({
      name: 'headroom_ingest_refused_messages_total',
      help: 'Messages from agents that were refused as a whole',
      labelNames: ['reason'],
      registers,
    }),
    refusedEntities: new Counter({
      name: 'headroom_ingest_refused_entities_total',
      help: 'VMs, disks, interfaces and the like left out because an agent told of too many, or too many new ones',
      registers,
    }),
    refusedEvents: new Counter({
      name: 'headroom_ingest_refused_events_total',
      help: 'Events left out because an agent told of too many',
      registers,
    }),
    slowedMessages: new Counter({
      name: 'headroom_ingest_slowed_messages_total',
      help: 'Messages after which an agent was not read for a while because it says more than it may',
      registers,
    }),
    slowedSeconds: new Counter({
      name: 'headroom_ingest_slowed_seconds_total',
      help: 'How long agents were not read because they say more than they may',
      registers,
    }),
    connections: new Gauge({
      name: 'headroom_ingest_connections',
      help: 'Open connections: of agents, and of strangers, which have not shown a certificate of this controller',
      labelNames: ['of'],
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
