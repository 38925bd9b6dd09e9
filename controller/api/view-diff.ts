import type { ViewSet } from './fleet-views.js'
import type { AgentView, AlertView, ArrayView, ChangeView, HostView, VmView } from './views.js'

/** What a client was sent so far: views by key, compared by identity. */
export interface Sent {
  /** The set that it has all of. */
  whole: ViewSet | undefined
  readonly hosts: Map<string, HostView>
  readonly vms: Map<string, VmView>
  readonly arrays: Map<string, ArrayView>
  readonly agents: Map<string, AgentView>
  readonly alerts: Map<string, AlertView>
}

export function nothingSent(): Sent {
  return { whole: undefined, hosts: new Map(), vms: new Map(), arrays: new Map(), agents: new Map(), alerts: new Map() }
}

/**
 * What a client lacks of the current views, at most `limit` entities of it (`sent.whole` tells whether that was all). Updates `sent` as if it
 * arrived. Undefined if it has everything of this set; a new set without a visible change gives an empty change, so that the client knows
 * the revision. A change cannot name removed agents: when one is gone the client is told to start afresh.
 */
export function difference(current: ViewSet, sent: Sent, limit: number, startAfresh = false): ChangeView | undefined {
  if (sent.whole === current && !startAfresh) return undefined
  const reset = startAfresh || [...sent.agents.keys()].some((id) => !current.agents.has(id))
  if (reset) for (const map of [sent.hosts, sent.vms, sent.arrays, sent.agents, sent.alerts]) map.clear()
  const budget = { left: limit, cut: false }
  const change: ChangeView = {
    revision: current.snapshot.revision,
    at: current.snapshot.at,
    alerts: changed(current.alerts, sent.alerts, budget),
    hosts: changed(current.hosts, sent.hosts, budget),
    arrays: changed(current.arrays, sent.arrays, budget),
    agents: changed(current.agents, sent.agents, budget),
    vms: changed(current.vms, sent.vms, budget),
    removedHosts: forget(current.hosts, sent.hosts),
    removedVms: forget(current.vms, sent.vms),
    removedArrays: forget(current.arrays, sent.arrays),
    removedAlerts: forget(current.alerts, sent.alerts).map(Number),
    reset,
  }
  sent.whole = budget.cut ? undefined : current
  return change
}

/** Views that the client does not have, as far as the budget goes. */
function changed<V>(
  current: ReadonlyMap<string, V>,
  sent: Map<string, V>,
  budget: { left: number; cut: boolean },
): V[] {
  const views: V[] = []
  for (const [key, view] of current) {
    if (sent.get(key) === view) continue
    if (budget.left === 0) {
      budget.cut = true
      break
    }
    budget.left -= 1
    sent.set(key, view)
    views.push(view)
  }
  return views
}

function forget<V>(current: ReadonlyMap<string, V>, sent: Map<string, V>): string[] {
  const keys = [...sent.keys()].filter((key) => !current.has(key))
  for (const key of keys) sent.delete(key)
  return keys
}
