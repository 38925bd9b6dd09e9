import { createServer } from 'node:http'

import { Gauge, Registry } from 'prom-client'

/** What the agent says of itself at any moment. */
export interface AgentStatus {
  readonly version: string
  readonly connected: boolean
  /** Why there is no connection, where it is more than a network; empty otherwise. */
  readonly problem: string
  readonly reconnects: number
  readonly spoolReports: number
  readonly spoolBytes: number
  readonly droppedReports: number
  readonly hosts: readonly {
    readonly name: string
    readonly unreachable: boolean
    readonly lastPassAt: number | undefined
    readonly skippedTicks: number
  }[]
  readonly collectors: readonly { readonly name: string; readonly durationSeconds: number; readonly success: boolean }[]
  /** Why nothing is read at all yet; empty once hypervisors are open. */
  readonly waitingFor: string
}

/** Serves `/metrics` and `/healthz` of the agent. */
export async function openMetricsServer(options: {
  readonly host: string
  readonly port: number
  readonly status: () => AgentStatus
  readonly now: () => number
  /** A host whose last pass is older than this is not healthy. */
  readonly staleAfterMs: () => number
}): Promise<{ readonly port: number; close(): Promise<void> }> {
  const { status, now, staleAfterMs } = options
  const registry = agentRegistry(status)
  const server = createServer((request, response) => {
    const reply = (code: number, type: string, body: string): void => {
      response.writeHead(code, { 'content-type': type, 'x-content-type-options': 'nosniff' })
      response.end(body)
    }
    if (request.method !== 'GET') return reply(405, 'text/plain', 'only GET\n')
    if (request.url === '/healthz') {
      const problems = problemsOf(status(), now(), staleAfterMs())
      return reply(
        problems.length === 0 ? 200 : 503,
        'application/json',
        JSON.stringify({ ok: problems.length === 0, problems }),
      )
    }
    if (request.url !== '/metrics') return reply(404, 'text/plain', 'try /metrics or /healthz\n')
    registry.metrics().then(
      (text) => reply(200, registry.contentType, text),
      () => reply(500, 'text/plain', 'metrics could not be gathered\n'),
    )
    return undefined
  })
  server.requestTimeout = 10_000
  server.maxConnections = 64
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, options.host, resolve)
  })
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : options.port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function problemsOf(status: AgentStatus, nowMs: number, staleAfterMs: number): string[] {
  if (status.waitingFor !== '') return [status.waitingFor]
  const problems = status.connected ? [] : [status.problem || 'not connected to the controller']
  for (const host of status.hosts) {
    if (host.unreachable) problems.push(`the hypervisor of ${host.name} cannot be read`)
    else if (host.lastPassAt === undefined || nowMs - host.lastPassAt > staleAfterMs) {
      problems.push(`no pass over ${host.name} has ended lately`)
    }
  }
  return problems
}

function agentRegistry(status: () => AgentStatus): Registry {
  const registry = new Registry()
  const gauge = (name: string, help: string, value: (now: AgentStatus) => number): void => {
    const metric: Gauge = new Gauge({ name, help, registers: [registry], collect: () => metric.set(value(status())) })
  }
  gauge('headroom_agent_connected', '1 while a session with the controller is open', (now) => (now.connected ? 1 : 0))
  gauge('headroom_agent_reconnects_total', 'Sessions that ended and were opened again', (now) => now.reconnects)
  gauge('headroom_agent_spool_reports', 'Reports that wait for their ack', (now) => now.spoolReports)
  gauge('headroom_agent_spool_bytes', 'Bytes of reports that wait for their ack', (now) => now.spoolBytes)
  gauge(
    'headroom_agent_dropped_reports_total',
    'Reports dropped because the spool was full',
    (now) => now.droppedReports,
  )
  gauge('headroom_agent_resident_memory_bytes', 'Resident memory', () => process.memoryUsage.rss())
  gauge('headroom_agent_cpu_seconds_total', 'CPU time used', () => cpuSeconds())
  const perHost = (name: string, help: string, value: (host: AgentStatus['hosts'][number]) => number): void => {
    const metric: Gauge<'host'> = new Gauge({
      name,
      help,
      labelNames: ['host'],
      registers: [registry],
      collect: () => {
        metric.reset()
        for (const host of status().hosts) metric.set({ host: host.name }, value(host))
      },
    })
  }
  perHost('headroom_agent_hypervisor_up', '1 while the hypervisor can be read', (host) => (host.unreachable ? 0 : 1))
  perHost(
    'headroom_agent_skipped_ticks_total',
    'Beats skipped because a pass outlasted them',
    (host) => host.skippedTicks,
  )
  const collectors: Gauge<'collector'> = new Gauge({
    name: 'headroom_agent_collector_duration_seconds',
    help: 'Duration of the last run of each collector',
    labelNames: ['collector'],
    registers: [registry],
    collect: () => {
      for (const run of status().collectors) collectors.set({ collector: run.name }, run.durationSeconds)
    },
  })
  const success: Gauge<'collector'> = new Gauge({
    name: 'headroom_agent_collector_success',
    help: '1 if the last run of the collector succeeded',
    labelNames: ['collector'],
    registers: [registry],
    collect: () => {
      for (const run of status().collectors) success.set({ collector: run.name }, run.success ? 1 : 0)
    },
  })
  return registry
}

/** CPU time of this process so far. */
export function cpuSeconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}
