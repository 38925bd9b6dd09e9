import type { QueueHealth, TimeSeries } from '../../store/time-series.js'
import { isRunning, takesVms, valueOf } from '../../model/snapshot.js'
import type { PolicyInForce } from '../../policy/live-policy.js'
import type { ApiApp } from '../app.js'
import type { FleetViews } from '../fleet-views.js'
import { withDeadline } from '../store-call.js'
import { findingView } from '../to-view/finding-view.js'
import { fleetView, type FleetView } from '../views.js'
import { answers } from './answers.js'

interface FleetRouteOptions {
  readonly views: FleetViews
  readonly policy: () => Pick<PolicyInForce, 'version'>
  readonly store: Pick<TimeSeries, 'health'>
  readonly version: string
  readonly now: () => number
}

export function addFleetRoute(app: ApiApp, { views, policy, store, version, now }: FleetRouteOptions): void {
  app.get(
    '/api/v1/fleet',
    { schema: { summary: 'The whole fleet in a few figures', response: answers(fleetView) } },
    async () => fleetAnswer(views, { version, at: now(), policy: policy() }, await storeHealth(store)),
  )
}

/** The worst come first; a large fleet may have thousands for information. */
const mostFindings = 500

/** `at` is the controller's clock now: pages and commands take the ages of what they show from it. */
function fleetAnswer(
  views: FleetViews,
  { version, at, policy }: Pick<FleetView, 'version' | 'at'> & { readonly policy: Pick<PolicyInForce, 'version'> },
  store: FleetView['store'],
): FleetView {
  const { snapshot, capacity, findings, policyProblem } = views.current()
  const all = [...snapshot.hosts.values()]
  const hosts = all.filter(takesVms)
  const vms = [...snapshot.vms.values()]
  const agents = [...snapshot.agents.values()]
  const known = hosts.flatMap(({ memoryBytes }) => valueOf(memoryBytes) ?? [])
  return {
    at,
    revision: snapshot.revision,
    version,
    simulated: all.some(({ simulated }) => simulated),
    hosts: { total: hosts.length, up: hosts.filter(({ status }) => status === 'up').length },
    vms: { total: vms.length, running: vms.filter(({ state }) => isRunning(state)).length },
    ...(known.length === 0 && hosts.length > 0 ? {} : { memoryBytes: sum(known) }),
    configuredBytes: sum(capacity.hosts.map(({ ledger }) => ledger.configuredBytes)),
    room: capacity.fleet.room,
    survivesHostFailure: capacity.fleet.survivesHostFailure,
    agents: { total: agents.length, connected: agents.filter(({ connected }) => connected).length },
    store,
    policy: {
      ...(policy.version !== undefined && { version: policy.version.number }),
      ...(policyProblem !== undefined && { problem: policyProblem.message }),
    },
    findings: findings.stands.slice(0, mostFindings).map(findingView),
    ...(findings.stands.length > mostFindings && { findingsLeftOut: findings.stands.length - mostFindings }),
  }
}

/** A store that fails must not blank the fleet: its problem is part of the answer. */
async function storeHealth(store: Pick<TimeSeries, 'health'>): Promise<FleetView['store']> {
  try {
    const { ok, problem, sizeBytes, queue } = await withDeadline(store.health(), 2000)
    return { ok, problem, sizeBytes, ...(queue === undefined ? {} : { queue: queueView(queue) }) }
  } catch (error) {
    return { ok: false, problem: error instanceof Error ? error.message : String(error), sizeBytes: 0 }
  }
}

function queueView(queue: QueueHealth): FleetView['store']['queue'] {
  const { waitingPoints, bytes, oldestMs = null, droppedPoints, refusedPoints } = queue
  return { waitingPoints, bytes, oldestMs, droppedPoints, refusedPoints }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
