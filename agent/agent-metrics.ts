import { Gauge, Registry } from 'prom-client'

import type { TallyRow } from '../common/command-tally.js'
import { cpuSeconds } from './cpu-seconds.js'
import type { AgentStatus } from './metrics-server.js'

/** What `/metrics` of the agent shows. */
export function agentRegistry(status: () => AgentStatus): Registry {
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
  gauge('headroom_agent_commands_waiting', 'Commands that have not begun', ({ commands }) => commands.waiting)
  gauge('headroom_agent_commands_running', 'Commands that have begun and not ended', ({ commands }) => commands.running)
  gauge(
    'headroom_agent_commands_turned_away_total',
    'Commands that were not taken in for want of room',
    ({ commands }) => commands.turnedAway,
  )
  gauge('headroom_agent_limited_vms', 'VMs whose disks the agent limits', ({ commands }) => commands.limitedVms)
  const perEnd = (name: string, help: string, value: (row: TallyRow) => number): void => {
    const metric: Gauge<'verb' | 'end'> = new Gauge({
      name,
      help,
      labelNames: ['verb', 'end'],
      registers: [registry],
      collect: () => {
        metric.reset()
        for (const row of status().commands.ended) metric.set({ verb: row.verb, end: row.end }, value(row))
      },
    })
  }
  perEnd('headroom_agent_commands_total', 'Commands that came to an end, by verb and end', (row) => row.count)
  perEnd(
    'headroom_agent_command_seconds_total',
    'Time of commands from their beginning to their end, by verb and end',
    (row) => row.seconds,
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
  const perCollector = (
    name: string,
    help: string,
    value: (run: AgentStatus['hosts'][number]['collectors'][number]) => number,
  ): void => {
    const metric: Gauge<'host' | 'collector'> = new Gauge({
      name,
      help,
      labelNames: ['host', 'collector'],
      registers: [registry],
      collect: () => {
        metric.reset()
        for (const host of status().hosts) {
          for (const run of host.collectors) metric.set({ host: host.name, collector: run.name }, value(run))
        }
      },
    })
  }
  perCollector(
    'headroom_agent_collector_duration_seconds',
    'Duration of the last run of each collector',
    (run) => run.durationSeconds,
  )
  perCollector('headroom_agent_collector_success', '1 if the last run of the collector succeeded', (run) =>
    run.success ? 1 : 0,
  )
  return registry
}
