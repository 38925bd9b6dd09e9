import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { Registry } from 'prom-client'

import { createLog, type Log } from '../../common/log.js'
import { Fleet } from '../../controller/fleet/fleet.js'
import type { AgentLimits } from '../../controller/ingest/agent-quotas.js'
import { AgentRegistry } from '../../controller/ingest/agent-registry.js'
import { openCertificateAuthority, type CertificateAuthority } from '../../controller/ingest/ca.js'
import type { ConnectionLimits } from '../../controller/ingest/connection-limits.js'
import { openIngestServer, type IngestServer } from '../../controller/ingest/grpc-server.js'
import { ingestMetrics, type IngestMetrics } from '../../controller/ingest/ingest-metrics.js'
import { RememberedHosts } from '../../controller/ingest/remembered-from-wire.js'
import { ReportWriter } from '../../controller/ingest/report-writer.js'
import type { Intervals } from '../../controller/ingest/to-wire.js'
import { openEmbeddedState } from '../../controller/store/embedded-state/embedded-state.js'
import { openEmbeddedStore } from '../../controller/store/embedded/embedded-store.js'
import type { StateStore } from '../../controller/store/state-store.js'
import type { Batch, TimeSeries } from '../../controller/store/time-series.js'

const silent = createLog('test', 'silent')

type Counted =
  | 'refusedConnections'
  | 'refusedFields'
  | 'refusedMessages'
  | 'refusedEntities'
  | 'refusedEvents'
  | 'duplicates'
  | 'reports'
  | 'slowedMessages'
  | 'slowedSeconds'

/** Everything of the controller that agents meet, with real stores, on a free port of this machine. */
export interface IngestController {
  readonly state: StateStore
  readonly store: TimeSeries
  readonly fleet: Fleet
  readonly agents: AgentRegistry
  readonly ca: CertificateAuthority
  readonly metrics: IngestMetrics
  readonly writer: ReportWriter
  readonly server: IngestServer
  readonly address: string
  token(grant?: 'named' | 'any'): Promise<string>
  /** The value of a counter for one of its labels; the sum if none is given. */
  counted(counter: Counted, label?: string): Promise<number>
  stop(): Promise<void>
}

export interface IngestOptions {
  /** 127.0.0.1 if absent. */
  readonly host?: string
  readonly port?: number
  readonly helloWithinMs?: number
  readonly maxPending?: number
  readonly now?: () => number
  readonly intervals?: () => Intervals
  readonly connectionLimits?: Partial<ConnectionLimits>
  readonly agentLimits?: Partial<AgentLimits>
  readonly log?: Log
  /** In place of the store's own `write`, which it may call. */
  readonly write?: (batch: Batch, store: TimeSeries) => Promise<void>
}

const quick: Intervals = { stateMs: 500, fastMs: 500, blockMs: 500, guestMemoryMs: 500, inventoryMs: 60_000 }

/** Starts it on a data directory, which may be one that another has left. */
export async function startIngest(directory: string, options: IngestOptions = {}): Promise<IngestController> {
  const {
    host = '127.0.0.1',
    port = 0,
    helloWithinMs,
    maxPending = 4096,
    now = () => Date.now(),
    intervals = () => quick,
    log = silent,
  } = options
  const state = openEmbeddedState({ path: join(directory, 'state.db') })
  const store = await openEmbeddedStore({
    path: join(directory, 'series.db'),
    log,
    now,
    retention: { rawMs: 3 * 86_400_000, maxBytes: 2 ** 30 },
  })
  const metrics = ingestMetrics(new Registry())
  const fleet = new Fleet()
  const remembered = new RememberedHosts(state, log)
  for (const input of await remembered.inputs()) fleet.apply(input, now())
  const writer = new ReportWriter({ store: written(store, options.write), metrics, log, maxPending, maxPoints: 20_000 })
  await writer.start()
  const ca = await openCertificateAuthority(state, now())
  const agents = new AgentRegistry(state, ca)
  const server = await openIngestServer({
    host,
    port,
    ca,
    registry: agents,
    metrics,
    log,
    now,
    session: {
      fleet,
      writer,
      registry: agents,
      metrics,
      log,
      now,
      intervals,
      sessions: new Map(),
      remembered,
      ...(helloWithinMs === undefined ? {} : { helloWithinMs }),
    },
    ...(options.connectionLimits === undefined ? {} : { connectionLimits: options.connectionLimits }),
    ...(options.agentLimits === undefined ? {} : { agentLimits: options.agentLimits }),
  })
  return {
    state,
    store,
    fleet,
    agents,
    ca,
    metrics,
    writer,
    server,
    address: `${host}:${server.port}`,
    token: (grant = 'named') => agents.createJoinToken({ now: now(), validMs: 3_600_000, grant, note: 'test' }),
    async counted(counter, label) {
      const { values } = await metrics[counter].get()
      return values
        .filter(({ labels }) => label === undefined || Object.values(labels).includes(label))
        .reduce((total, { value }) => total + value, 0)
    },
    async stop() {
      await server.close()
      await writer.stop()
      await store.close()
      await state.close()
    },
  }
}

/** The real store, but for its `write`. */
function written(store: TimeSeries, write: IngestOptions['write']): TimeSeries {
  if (write === undefined) return store
  return {
    range: (query) => store.range(query),
    topN: (query) => store.topN(query),
    series: (filter) => store.series(filter),
    events: (query) => store.events(query),
    marks: () => store.marks(),
    drop: (beforeMs, tier) => store.drop(beforeMs, tier),
    export: (query) => store.export(query),
    health: () => store.health(),
    close: () => store.close(),
    write: (batch) => write(batch, store),
  }
}

/** A directory for the test, gone with `remove`. */
export async function scratch(): Promise<{ path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'headroom-ingest-'))
  return { path, remove: () => rm(path, { recursive: true, force: true }) }
}
