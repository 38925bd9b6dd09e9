import type { AgentState } from '../../controller/model/snapshot.js'
import { builtAt, hostIdOf } from './snapshot-builder.js'

/** An agent of a snapshot that is built by hand: connected, in order, of the host `a`. */
export function buildAgent(more: Partial<AgentState> = {}): AgentState {
  return {
    id: 'agent-a',
    name: 'a',
    version: '0.1.0',
    connected: true,
    since: builtAt,
    hostIds: [hostIdOf('a')],
    clockOffsetMs: 0,
    spoolReports: 0,
    droppedReports: 0,
    skippedTicks: 0,
    rssBytes: undefined,
    cpuSeconds: undefined,
    collectors: [],
    ...more,
  }
}
