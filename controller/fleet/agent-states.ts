import type { FleetInput, ReportObservation } from '../model/observation.js'
import type { AgentState } from '../model/snapshot.js'

/** What is known of the agents themselves. */
export class AgentStates {
  readonly #agents = new Map<string, AgentState>()

  get all(): ReadonlyMap<string, AgentState> {
    return this.#agents
  }

  connected(input: Extract<FleetInput, { type: 'agent-connected' }>, now: number): void {
    const { agentId, name, version, hosts, clockOffsetMs } = input
    const known = this.#agents.get(agentId)
    this.#agents.set(agentId, {
      id: agentId,
      name,
      version,
      connected: true,
      since: known?.connected === true ? known.since : now,
      hostIds: [...new Set(hosts.map((host) => host.hostId))],
      clockOffsetMs,
      // What it says of itself only in reports stays until the next of them.
      spoolReports: known?.spoolReports ?? 0,
      droppedReports: input.droppedReports ?? known?.droppedReports ?? 0,
      skippedTicks: known?.skippedTicks ?? 0,
      rssBytes: known?.rssBytes,
      cpuSeconds: known?.cpuSeconds,
      collectors: known?.collectors ?? [],
    })
  }

  disconnected(agentId: string, now: number): void {
    const agent = this.#agents.get(agentId)
    if (agent !== undefined) this.#agents.set(agentId, { ...agent, connected: false, since: now })
  }

  /** @returns whether there was such an agent */
  forget(agentId: string): boolean {
    return this.#agents.delete(agentId)
  }

  /** Takes over what a report says of the agent. @returns whether it said how the agent is */
  told(agentId: string, { agent: health, collectors }: ReportObservation): boolean {
    const agent = this.#agents.get(agentId)
    if (agent === undefined) return false
    // Its hello may have told of more drops than a report that waited since before.
    const droppedReports = Math.max(agent.droppedReports, health?.droppedReports ?? 0)
    const told = { ...health, droppedReports, ...(collectors.length === 0 ? {} : { collectors }) }
    this.#agents.set(agentId, { ...agent, ...told })
    return health !== undefined
  }
}
