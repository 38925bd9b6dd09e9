import type {
  AgentView,
  AlertView,
  ArrayView,
  CapacityView,
  ChangeView,
  EventView,
  FleetView,
  HostView,
  SessionView,
  VmView,
} from '../../api/views.js'

/** All that the page knows, immutable: each step returns a new state that shares what did not change. */
export interface PageState {
  readonly session: 'unknown' | 'signed-in' | 'signed-out'
  /** Who is signed in; undefined until that is known. */
  readonly me: SessionView | undefined
  readonly connection: Connection
  /** Grows with every new stream, so that charts fetch what they missed. */
  readonly streams: number
  readonly revision: number
  /**
   * The controller's clock minus the browser's, ms: ages are counted on the controller's clock. What comes in was made some time
   * before, so the largest difference ever seen is the nearest one.
   */
  readonly clockLeadMs: number | undefined
  /** When the newest live data was made, by the controller's clock. */
  readonly dataAt: number | undefined
  readonly hosts: ReadonlyMap<string, HostView>
  readonly vms: ReadonlyMap<string, VmView>
  readonly arrays: ReadonlyMap<string, ArrayView>
  readonly agents: ReadonlyMap<string, AgentView>
  /** Those that fire, by number. */
  readonly alerts: ReadonlyMap<number, AlertView>
  readonly fleet: FleetView | undefined
  readonly capacity: CapacityView | undefined
  /** Newest first, at most `eventLimit`. */
  readonly events: readonly EventView[]
  /** Why the last poll brought nothing; empty if it did. */
  readonly problem: string
}

export type Connection = 'connecting' | 'live' | 'lost'

export const eventLimit = 200

export const emptyState: PageState = {
  session: 'unknown',
  me: undefined,
  connection: 'connecting',
  streams: 0,
  revision: 0,
  clockLeadMs: undefined,
  dataAt: undefined,
  hosts: new Map(),
  vms: new Map(),
  arrays: new Map(),
  agents: new Map(),
  alerts: new Map(),
  fleet: undefined,
  capacity: undefined,
  events: [],
  problem: '',
}

/** One `change` of the stream. `now`: the browser's clock when it came. */
export function applyChange(state: PageState, change: ChangeView, now: number): PageState {
  const from = change.reset ? emptyState : state
  return {
    ...state,
    session: 'signed-in',
    connection: 'live',
    streams: state.connection === 'live' && !change.reset ? state.streams : state.streams + 1,
    revision: change.revision,
    clockLeadMs: largest(state.clockLeadMs, change.at - now),
    dataAt: change.at,
    hosts: merged(from.hosts, change.hosts, (host) => host.id, change.removedHosts),
    vms: merged(from.vms, change.vms, (vm) => vm.uuid, change.removedVms),
    arrays: merged(from.arrays, change.arrays, (array) => array.key, change.removedArrays),
    agents: merged(from.agents, change.agents, (agent) => agent.id, []),
    alerts: merged(from.alerts, change.alerts, (alert) => alert.number ?? 0, change.removedAlerts),
  }
}

function merged<Key, T>(
  old: ReadonlyMap<Key, T>,
  changed: readonly T[],
  keyOf: (entity: T) => Key,
  removed: readonly Key[],
): ReadonlyMap<Key, T> {
  if (changed.length === 0 && removed.length === 0) return old
  const next = new Map(old)
  for (const key of removed) next.delete(key)
  for (const entity of changed) next.set(keyOf(entity), entity)
  return next
}

/** Adds events, from history or live; what is there already is not added twice. */
export function addEvents(state: PageState, added: readonly EventView[]): PageState {
  const known = new Map(state.events.map((event) => [eventKey(event), event]))
  for (const event of added) known.set(eventKey(event), event)
  if (known.size === state.events.length) return state
  const events = [...known.values()].sort((a, b) => b.at - a.at).slice(0, eventLimit)
  return { ...state, events }
}

/** Tells events apart; also the key of a row. */
export function eventKey(event: EventView): string {
  return `${event.at} ${event.kind} ${event.hostId} ${event.vmUuid} ${event.reason}`
}

/** Figures that are polled. Undefined: that poll failed, the old figure stays. `now`: the browser's clock. */
export function applyPoll(
  state: PageState,
  poll: {
    readonly fleet: FleetView | undefined
    readonly capacity: CapacityView | undefined
    readonly problem: string
  },
  now: number,
): PageState {
  return {
    ...state,
    session: poll.fleet === undefined ? state.session : 'signed-in',
    clockLeadMs: poll.fleet === undefined ? state.clockLeadMs : largest(state.clockLeadMs, poll.fleet.at - now),
    fleet: poll.fleet ?? state.fleet,
    capacity: poll.capacity ?? state.capacity,
    problem: poll.problem,
  }
}

function largest(before: number | undefined, now: number): number {
  return before === undefined ? now : Math.max(before, now)
}

export function streamLost(state: PageState): PageState {
  return state.connection === 'lost' ? state : { ...state, connection: 'lost' }
}

/** Nothing of the fleet stays in the page of one who is not signed in. */
export function signedOut(state: PageState): PageState {
  return state.session === 'signed-out' ? state : { ...emptyState, session: 'signed-out', streams: state.streams }
}

export function findHost(state: PageState, name: string): HostView | undefined {
  for (const host of state.hosts.values()) if (host.name === name) return host
  return undefined
}
