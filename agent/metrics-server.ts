import { createServer } from 'node:http'

import type { Registry } from 'prom-client'

import type { CommandFigures } from '../common/command-tally.js'

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
  readonly commands: CommandFigures & {
    /** VMs whose disks the agent limits now. */
    readonly limitedVms: number
  }
  readonly hosts: readonly {
    readonly name: string
    readonly unreachable: boolean
    /** Why it, or a part of the way to it, was not reached; empty if all was. */
    readonly problem: string
    readonly lastPassAt: number | undefined
    readonly skippedTicks: number
    /** Of the last pass that had any. */
    readonly collectors: readonly {
      readonly name: string
      readonly durationSeconds: number
      readonly success: boolean
    }[]
  }[]
  /** Entries of the configuration that could not be opened yet, with the reason. */
  readonly unopened: readonly string[]
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
  // Most agents are never scraped: their figures go to the controller. The library is loaded with the first scrape.
  let registry: Promise<Registry> | undefined
  const scrape = async (): Promise<{ type: string; text: string }> => {
    registry ??= import('./agent-metrics.js').then(({ agentRegistry }) => agentRegistry(status))
    const found = await registry
    return { type: found.contentType, text: await found.metrics() }
  }
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
    scrape().then(
      ({ type, text }) => reply(200, type, text),
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
  problems.push(...status.unopened)
  for (const host of status.hosts) {
    if (host.unreachable)
      problems.push(`the hypervisor of ${host.name} cannot be read${host.problem === '' ? '' : `: ${host.problem}`}`)
    else if (host.problem !== '') problems.push(`${host.name}: ${host.problem}`)
    else if (host.lastPassAt === undefined || nowMs - host.lastPassAt > staleAfterMs) {
      problems.push(`no pass over ${host.name} has ended lately`)
    }
  }
  return problems
}
