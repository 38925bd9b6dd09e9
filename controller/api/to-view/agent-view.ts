import type { AgentState } from '../../model/snapshot.js'
import type { AgentView } from '../views.js'
import { given } from './metrics-view.js'

export function agentView(agent: AgentState, hosts: readonly string[]): AgentView {
  return given({
    id: agent.id,
    name: agent.name,
    version: agent.version,
    connected: agent.connected,
    since: agent.since,
    hosts: [...hosts],
    clockOffsetMs: agent.clockOffsetMs,
    spoolReports: agent.spoolReports,
    droppedReports: agent.droppedReports,
    skippedTicks: agent.skippedTicks,
    rssBytes: agent.rssBytes,
    cpuSeconds: agent.cpuSeconds,
    collectors: agent.collectors.map((collector) => ({ ...collector })),
  })
}
