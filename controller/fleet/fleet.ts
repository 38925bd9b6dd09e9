import type { FleetInput, HostHello } from '../model/observation.js'
import type { FleetEvent, Snapshot } from '../model/snapshot.js'
import { AgentStates } from './agent-states.js'
import type { Applied } from './apply-report.js'
import { Contradictions } from './contradictions.js'
import type { FleetChange, FleetReader } from './fleet-reader.js'
import { HostRecord } from './host-record.js'
import { LateCopies } from './late-copies.js'
import { LateTracks } from './late-tracks.js'
import { Moves } from './moves.js'
import { PresentCopies } from './present-copies.js'
import { PresentReports } from './present-reports.js'
import { labelled } from './labels.js'
import { RunSpans } from './run-spans.js'
import { emptyView, SnapshotBuilder } from './snapshot-builder.js'

/** Where nothing changes a snapshot is of now again after this time: what is over by the clock alone is seen to be. */
const stillForMs = 60_000

const nothing: Applied = { points: [], events: [] }

/**
 * The live state of the fleet. The one writer is `apply`; readers take immutable snapshots. It reads no clock: `now` is
 * an argument, so that a month replays in seconds and ends in the same state.
 */
export class Fleet implements FleetReader {
  readonly #hosts = new Map<string, HostRecord>()
  readonly #agents = new AgentStates()
  /** Ids of agents that were revoked: what a session of one still says as it ends is not heard. */
  readonly #revoked = new Set<string>()
  readonly #listeners = new Set<(change: FleetChange) => void>()
  readonly #builder = new SnapshotBuilder()
  readonly #spans = new RunSpans()
  readonly #contradictions = new Contradictions()
  readonly #moves = new Moves((uuid, hostId, at) => this.#spans.isElsewhere(uuid, hostId, at))
  readonly #copies = new PresentCopies(this.#builder, this.#spans)
  readonly #present = new PresentReports(this.#copies, this.#moves, this.#builder)
  readonly #late = new LateTracks(new LateCopies(this.#copies.index, this.#spans), this.#moves, this.#contradictions)
  #revision = 0
  #at = 0
  #snapshot: Snapshot = emptyView()

  /** Applies one input at the controller's time `now`. */
  apply(input: FleetInput, now: number): Applied {
    const marksBefore = this.#builder.marks
    const applied = this.#apply(input, now)
    // Reports decide nothing by their order; a clock that was ahead and is set back is followed by the next tick.
    this.#at = input.type === 'tick' ? now : Math.max(this.#at, now)
    const hasChanged = this.#builder.marks > marksBefore
    if (hasChanged) this.#revision += 1
    if (hasChanged || applied.events.length > 0) this.#tell(applied.events, input.type === 'report' && input.isLate)
    return applied
  }

  snapshot(): Snapshot {
    if (this.#builder.dirty) {
      this.#snapshot = this.#builder.build(this.#snapshot, {
        revision: this.#revision,
        at: this.#at,
        hosts: this.#hosts,
        agents: this.#agents.all,
      })
    } else if (this.#at - this.#snapshot.at >= stillForMs || this.#at < this.#snapshot.at) {
      this.#snapshot = { ...this.#snapshot, at: this.#at }
    }
    return this.#snapshot
  }

  /** Figures that were dropped because their hosts say that they cannot measure them, by `<kind>.<field>`. */
  contradictions(): ReadonlyMap<string, number> {
    return this.#contradictions.counts
  }

  subscribe(listener: (change: FleetChange) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #tell(told: readonly FleetEvent[], isLate = false): void {
    const [events, lateEvents] = isLate ? [[], told] : [told, []]
    const change: FleetChange = { revision: this.#revision, events, lateEvents }
    for (const listener of this.#listeners) listener(change)
  }

  #apply(input: FleetInput, now: number): Applied {
    switch (input.type) {
      case 'agent-connected':
        this.#connect(input, now)
        return nothing
      case 'agent-disconnected':
        this.#disconnect(input.agentId, now)
        return nothing
      case 'agent-revoked':
        this.#revoke(input.agentId)
        return nothing
      case 'inventory': {
        const host = this.#owned(input.agentId, input.inventory.hostId)
        if (host !== undefined) this.#present.inventory(host, input.inventory)
        return nothing
      }
      case 'report':
        return this.#report(input, now)
      case 'tick':
        this.#tick(now, input.silentAfterMs)
        return nothing
    }
  }

  #report({ agentId, report, isLate }: Extract<FleetInput, { type: 'report' }>, now: number): Applied {
    const host = this.#owned(agentId, report.hostId)
    if (host === undefined) return nothing
    if (isLate === true) return labelled(this.#late.apply(agentId, host, report, now), host)
    const applied = this.#present.apply({ host, report, now })
    if (this.#agents.told(agentId, report)) this.#builder.agentsChanged()
    return labelled(applied, host)
  }

  #connect(input: Extract<FleetInput, { type: 'agent-connected' }>, now: number): void {
    const { agentId, hosts, clockOffsetMs } = input
    if (this.#revoked.has(agentId)) return
    const listed = new Set(hosts.map((host) => host.hostId))
    // What this agent no longer speaks for has left the fleet; its history stays in the store.
    for (const host of this.#hosts.values()) {
      if (host.agentId === agentId && !listed.has(host.id)) this.#removeHost(host)
    }
    this.#followSpools(input)
    for (const hello of hosts) this.#greet(hello, agentId, clockOffsetMs, now)
    this.#agents.connected(input, now)
    this.#builder.agentsChanged()
  }

  /** After an outage the baselines go with the reports that follow them; the present begins afresh. */
  #followSpools({ agentId, spoolId, backlog = [] }: Extract<FleetInput, { type: 'agent-connected' }>): void {
    if (spoolId === undefined) return
    const own = [...this.#hosts.values()].filter((host) => host.agentId === agentId)
    if (!this.#late.connected(agentId, { spoolId, backlog }, own)) return
    for (const host of own) {
      const fresh = host.afresh()
      this.#hosts.set(host.id, fresh)
      this.#copies.index.removeAll(host)
      this.#copies.index.addAll(fresh)
      this.#builder.hostAndCopiesChanged(fresh)
    }
  }

  #greet(hello: HostHello, agentId: string, clockOffsetMs: number, now: number): void {
    let host = this.#hosts.get(hello.hostId)
    if (host === undefined) {
      host = new HostRecord(hello, agentId, now, this.#contradictions)
      this.#hosts.set(hello.hostId, host)
    }
    host.agentId = agentId
    if (host.introduce(hello)) this.#builder.hostAndCopiesChanged(host)
    host.clockOffsetMs = clockOffsetMs
    this.#copies.heardAgain(host)
    this.#builder.hostChanged(host)
  }

  #disconnect(agentId: string, now: number): void {
    this.#agents.disconnected(agentId, now)
    for (const host of this.#hosts.values()) {
      if (host.agentId === agentId && host.enter('silent', now)) this.#builder.hostAndCopiesChanged(host)
    }
    this.#builder.agentsChanged()
  }

  /** Its hosts leave the fleet, unless another agent speaks for them already; their history stays in the store. */
  #revoke(agentId: string): void {
    this.#revoked.add(agentId)
    for (const host of this.#hosts.values()) if (host.agentId === agentId) this.#removeHost(host)
    this.#late.forget(agentId)
    if (this.#agents.forget(agentId)) this.#builder.agentsChanged()
  }

  #tick(now: number, silentAfterMs: number): void {
    this.#moves.prune(now)
    for (const host of this.#hosts.values()) {
      if (host.lastReceivedAt === undefined) continue
      // What came while the clock was ahead came by now at the latest.
      host.lastReceivedAt = Math.min(host.lastReceivedAt, now)
      if (now - host.lastReceivedAt <= silentAfterMs) continue
      if (host.enter('silent', now)) this.#builder.hostAndCopiesChanged(host)
    }
  }

  /** The host, if this agent speaks for it. */
  #owned(agentId: string, hostId: string): HostRecord | undefined {
    const host = this.#hosts.get(hostId)
    return host?.agentId === agentId ? host : undefined
  }

  #removeHost(host: HostRecord): void {
    this.#builder.hostAndCopiesChanged(host)
    for (const array of host.arrays) this.#builder.arrayChanged(array.key)
    this.#copies.index.removeAll(host)
    this.#hosts.delete(host.id)
  }
}
