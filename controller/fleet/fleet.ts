import { groupBy } from '../../common/group-by.js'
import type {
  FleetInput,
  HostHello,
  InventoryObservation,
  ReportObservation,
  VmObservation,
} from '../model/observation.js'
import { isRunning, type AgentState, type FleetEvent, type Snapshot } from '../model/snapshot.js'
import type { Point } from '../store/time-series.js'
import { Contradictions } from './contradictions.js'
import { CopyIndex } from './copy-index.js'
import { Disbelief } from './disbelief.js'
import type { FleetChange, FleetReader } from './fleet-reader.js'
import { isDouble, isHeard, refutes } from './handover.js'
import { HostRecord, mostCopies } from './host-record.js'
import { LateTracks } from './late-tracks.js'
import { Moves } from './moves.js'
import { RunSpans } from './run-spans.js'
import { emptyView, SnapshotBuilder } from './snapshot-builder.js'
import { tellsThatItLives, VmCopy, type CopyContext } from './vm-copy.js'

/** What one input brings for the store. */
export interface Applied {
  readonly points: readonly Point[]
  readonly events: readonly FleetEvent[]
}

const nothing: Applied = { points: [], events: [] }

/** A guest that was slow once is not stuck. */
const lastingGapMs = 1000

/**
 * The live state of the fleet. The one writer is `apply`; readers take immutable snapshots. It reads no clock: `now` is
 * an argument, so that a month replays in seconds and ends in the same state.
 */
export class Fleet implements FleetReader {
  readonly #hosts = new Map<string, HostRecord>()
  readonly #agents = new Map<string, AgentState>()
  readonly #listeners = new Set<(change: FleetChange) => void>()
  readonly #builder = new SnapshotBuilder()
  readonly #copies = new CopyIndex()
  readonly #spans = new RunSpans()
  readonly #disbelief = new Disbelief()
  readonly #contradictions = new Contradictions()
  readonly #moves = new Moves((uuid, hostId, at) => this.#spans.isElsewhere(uuid, hostId, at))
  readonly #late = new LateTracks(this.#moves, this.#copies, this.#spans, this.#contradictions)
  #revision = 0
  #at = 0
  #snapshot: Snapshot = emptyView()

  /** Applies one input at the controller's time `now`. */
  apply(input: FleetInput, now: number): Applied {
    const marksBefore = this.#builder.marks
    const applied = this.#apply(input, now)
    this.#at = Math.max(this.#at, now)
    if (this.#builder.marks > marksBefore) {
      this.#revision += 1
      const change: FleetChange = { revision: this.#revision, events: applied.events }
      for (const listener of this.#listeners) listener(change)
    }
    return applied
  }

  snapshot(): Snapshot {
    if (this.#builder.dirty) {
      this.#snapshot = this.#builder.build(this.#snapshot, {
        revision: this.#revision,
        at: this.#at,
        hosts: this.#hosts,
        agents: this.#agents,
      })
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

  #apply(input: FleetInput, now: number): Applied {
    switch (input.type) {
      case 'agent-connected':
        return this.#connect(input, now)
      case 'agent-disconnected':
        return this.#disconnect(input.agentId, now)
      case 'inventory':
        return this.#inventory(input.agentId, input.inventory)
      case 'report':
        return input.isLate === true
          ? this.#lateReport(input.agentId, input.report, now)
          : this.#report(input.agentId, input.report, now)
      case 'tick':
        return this.#tick(now, input.silentAfterMs)
    }
  }

  #connect(input: Extract<FleetInput, { type: 'agent-connected' }>, now: number): Applied {
    const { agentId, name, version, hosts, clockOffsetMs } = input
    const listed = new Set(hosts.map((host) => host.hostId))
    // What this agent no longer speaks for has left the fleet; its history stays in the store.
    for (const host of this.#hosts.values()) {
      if (host.agentId === agentId && !listed.has(host.id)) this.#removeHost(host)
    }
    this.#followSpools(input)
    for (const hello of hosts) this.#greet(hello, agentId, clockOffsetMs, now)
    const known = this.#agents.get(agentId)
    this.#agents.set(agentId, {
      id: agentId,
      name,
      version,
      connected: true,
      since: known?.connected === true ? known.since : now,
      hostIds: [...listed],
      clockOffsetMs,
      spoolReports: 0,
      droppedReports: 0,
      skippedTicks: 0,
      rssBytes: undefined,
      cpuSeconds: undefined,
      collectors: [],
    })
    this.#builder.agentsChanged()
    return nothing
  }

  /** After an outage the baselines go with the reports that follow them; the present begins afresh. */
  #followSpools({ agentId, spoolId, backlog = [] }: Extract<FleetInput, { type: 'agent-connected' }>): void {
    if (spoolId === undefined) return
    const own = [...this.#hosts.values()].filter((host) => host.agentId === agentId)
    if (!this.#late.connected(agentId, { spoolId, backlog }, own)) return
    for (const host of own) {
      const fresh = host.afresh()
      this.#hosts.set(host.id, fresh)
      for (const uuid of host.copies.keys()) {
        this.#copies.remove(host, uuid)
        this.#copies.add(fresh, uuid)
      }
      this.#hostAndVmsChanged(fresh)
    }
  }

  #lateReport(agentId: string, report: ReportObservation, now: number): Applied {
    const host = this.#owned(agentId, report.hostId)
    return host === undefined ? nothing : this.#late.apply(agentId, host, report, now)
  }

  #greet(hello: HostHello, agentId: string, clockOffsetMs: number, now: number): void {
    let host = this.#hosts.get(hello.hostId)
    if (host === undefined) {
      host = new HostRecord(hello, agentId, now, this.#contradictions)
      this.#hosts.set(hello.hostId, host)
    }
    host.agentId = agentId
    if (host.introduce(hello)) this.#hostAndVmsChanged(host)
    // What happened since it was heard last is not known yet.
    for (const uuid of host.copies.keys()) this.#spans.rests(uuid, host.id)
    host.clockOffsetMs = clockOffsetMs
    this.#builder.hostChanged(host)
  }

  #disconnect(agentId: string, now: number): Applied {
    const agent = this.#agents.get(agentId)
    if (agent !== undefined) this.#agents.set(agentId, { ...agent, connected: false, since: now })
    for (const host of this.#hosts.values()) {
      if (host.agentId === agentId && host.enter('silent', now)) this.#hostAndVmsChanged(host)
    }
    this.#builder.agentsChanged()
    return nothing
  }

  #inventory(agentId: string, inventory: InventoryObservation): Applied {
    const host = this.#owned(agentId, inventory.hostId)
    if (host === undefined) return nothing
    for (const array of host.arrays) this.#builder.arrayChanged(array.key)
    host.inventory = inventory
    host.listedAt = Math.max(host.listedAt, inventory.at)
    const listed = new Set(inventory.vms.map((vm) => vm.uuid))
    for (const copy of host.copies.values()) if (!listed.has(copy.uuid)) this.#removeCopy(host, copy)
    for (const facts of inventory.vms) {
      const copy = this.#copy(host, facts.uuid, inventory.at)
      for (const disk of copy.facts?.disks ?? []) this.#builder.arrayChanged(disk.arrayKey)
      copy.define(facts, this.#context(host, facts.uuid), inventory.at)
      for (const disk of facts.disks) this.#builder.arrayChanged(disk.arrayKey)
      this.#builder.vmChanged(facts.uuid)
    }
    for (const array of inventory.arrays) this.#builder.arrayChanged(array.key)
    this.#builder.hostChanged(host)
    return nothing
  }

  #report(agentId: string, report: ReportObservation, now: number): Applied {
    const host = this.#owned(agentId, report.hostId)
    if (host === undefined) return nothing
    const points: Point[] = []
    const events = report.events.map((event): FleetEvent => {
      const { vmUuid, kind, reason, message, at } = event
      const copy = vmUuid === '' ? undefined : this.#eventCopy(host, vmUuid, kind, at)
      if (copy !== undefined) {
        copy.happened(event)
        this.#followRun(host, copy, now)
        points.push(...this.#moves.heard(copy, this.#context(host, vmUuid), now))
      }
      if (copy !== undefined && copy.facts === undefined && event.vmName !== '') copy.name = event.vmName
      if (kind === 'undefined' && copy !== undefined) this.#removeCopy(host, copy)
      if (vmUuid !== '') this.#builder.vmChanged(vmUuid)
      const vmName = event.vmName === '' ? (copy?.name ?? '') : event.vmName
      return { at, hostId: host.id, vmUuid, vmName, kind, reason, message }
    })
    for (const sample of report.vms) {
      if (isLeftOver(host, sample)) continue
      const copy = this.#copy(host, sample.uuid, sample.at)
      if (isHeard(copy, sample, this.#copies.others(host, sample.uuid))) {
        const context = this.#context(host, sample.uuid, sample)
        points.push(...copy.observe(sample, context, this.#moves))
        points.push(...this.#moves.heard(copy, context, now))
      } else {
        copy.note(sample)
      }
      this.#followRun(host, copy, now)
      this.#touch(copy)
    }
    if (report.lane === 'fast') {
      for (const copy of host.proveIdle(report, (uuid) => this.#context(host, uuid))) this.#touch(copy)
    }
    if (report.lane === 'state') this.#setGaps(host, report)
    else if (report.lane === 'fast') this.#addGaps(host, report)
    if (report.host !== undefined) points.push(...host.observe(report.host, report.bootId, report.at))
    for (const array of report.arrays) {
      points.push(...host.observeArray(array, report.bootId, report.at))
      this.#builder.arrayChanged(array.key)
    }
    const lost = report.gaps.some((gap) => gap.vmUuid === '' && gap.group === 'state')
    if (report.lane === 'fast' && !lost) {
      for (const key of host.keepArrays(new Set(report.arrays.map((array) => array.key))))
        this.#builder.arrayChanged(key)
    }
    if (report.lane === 'state' && !lost) this.#removeUnlisted(host, report)
    if (report.lane === 'state') points.push(...this.#builder.derivedArrayPoints(host, report))
    if (report.lane !== 'event') {
      host.lastReportAt = Math.max(host.lastReportAt ?? 0, report.at)
      // Silence is measured on our own clock alone.
      host.lastReceivedAt = now
    }
    if (report.lane === 'state' || lost) {
      if (host.enter(lost ? 'unreachable' : 'up', now)) this.#hostAndVmsChanged(host)
    }
    if (report.host !== undefined || report.lane !== 'fast') this.#builder.hostChanged(host)
    this.#health(agentId, report)
    return { points, events }
  }

  #tick(now: number, silentAfterMs: number): Applied {
    this.#moves.prune(now)
    for (const host of this.#hosts.values()) {
      if (host.status === 'silent' || host.lastReceivedAt === undefined) continue
      if (now - host.lastReceivedAt > silentAfterMs) {
        host.enter('silent', now)
        this.#hostAndVmsChanged(host)
      }
    }
    return nothing
  }

  /** The state lane lists every VM: one that it does not list, and could not have missed, is gone. */
  #removeUnlisted(host: HostRecord, report: ReportObservation): void {
    const listed = new Set([...report.vms.map((vm) => vm.uuid), ...report.gaps.map((gap) => gap.vmUuid)])
    for (const copy of host.copies.values()) {
      if (!listed.has(copy.uuid) && copy.lastListedAt < report.at) this.#removeCopy(host, copy)
    }
    host.listedAt = Math.max(host.listedAt, report.at)
  }

  #setGaps(host: HostRecord, report: ReportObservation): void {
    host.gaps = report.gaps.filter((gap) => gap.vmUuid === '')
    const byVm = groupBy(report.gaps, (gap) => gap.vmUuid)
    for (const copy of host.copies.values()) {
      const gaps = byVm.get(copy.uuid) ?? []
      if (gaps.length === 0 && copy.gaps.length === 0) continue
      copy.gaps = gaps
      this.#builder.vmChanged(copy.uuid)
    }
  }

  /** A VM that the fast lane cannot read twice is marked; the state lane, which reads all of it, takes the mark away. */
  #addGaps(host: HostRecord, report: ReportObservation): void {
    const lasting = report.gaps.filter((gap) => report.at - gap.sinceMs >= lastingGapMs)
    for (const [uuid, gaps] of groupBy(lasting, (gap) => gap.vmUuid)) {
      const copy = host.copies.get(uuid)
      if (copy === undefined || copy.gaps.length > 0) continue
      copy.gaps = gaps
      this.#builder.vmChanged(uuid)
    }
  }

  #health(agentId: string, report: ReportObservation): void {
    const agent = this.#agents.get(agentId)
    if (agent === undefined) return
    const health = report.agent
    this.#agents.set(agentId, {
      ...agent,
      ...(health === undefined
        ? {}
        : {
            spoolReports: health.spoolReports,
            droppedReports: health.droppedReports,
            skippedTicks: health.skippedTicks,
            rssBytes: health.rssBytes,
            cpuSeconds: health.cpuSeconds,
          }),
      ...(report.collectors.length === 0 ? {} : { collectors: report.collectors }),
    })
    if (health !== undefined) this.#builder.agentsChanged()
  }

  /** The host, if this agent speaks for it. */
  #owned(agentId: string, hostId: string): HostRecord | undefined {
    const host = this.#hosts.get(hostId)
    return host?.agentId === agentId ? host : undefined
  }

  #copy(host: HostRecord, uuid: string, at: number): VmCopy {
    let copy = host.copies.get(uuid)
    if (copy === undefined) {
      // A host that tells of ever new ones, and never of all, must not fill our memory.
      const [oldest] = host.copies.values()
      if (host.copies.size >= mostCopies && oldest !== undefined) this.#removeCopy(host, oldest)
      copy = new VmCopy(uuid, this.#context(host, uuid), at)
      copy.isBelieved = !this.#disbelief.has(uuid, host.id)
      host.copies.set(uuid, copy)
      this.#copies.add(host, uuid)
      this.#builder.vmChanged(uuid)
    }
    return copy
  }

  #eventCopy(host: HostRecord, uuid: string, kind: string, at: number): VmCopy | undefined {
    return tellsThatItLives(kind) ? this.#copy(host, uuid, at) : host.copies.get(uuid)
  }

  /** Two hosts that run the same UUID get two series: merged they would be nonsense. The one that ran it first goes on. */
  #context(host: HostRecord, uuid: string, sample?: VmObservation): CopyContext {
    const copy = host.copies.get(uuid)
    if (copy === undefined) return host.context(uuid)
    const others = this.#copies.others(host, uuid)
    if (isRunning(sample === undefined ? copy.state : copy.stateAfter(sample))) {
      // One that comes is said to by its events; they may be behind.
      copy.isApart = !copy.passage.isComing && isDouble({ host, copy }, others)
    } else if (copy.passage.leftAt === undefined) {
      copy.isApart = false
    } else if (!copy.ranUntilItLeft) {
      copy.isApart = others.some((other) => other.host.status !== 'silent' && isRunning(other.copy.state))
    }
    return host.context(copy.isApart ? `${uuid}@${host.id}` : uuid)
  }

  /** Takes note of whether a copy runs by what it said last, and of what that says of others. */
  #followRun(host: HostRecord, copy: VmCopy, now: number): void {
    const { uuid } = copy
    if (!isRunning(copy.state)) {
      copy.runsSince = undefined
      this.#spans.rests(uuid, host.id)
      if (!this.#disbelief.lift(uuid, host.id)) return
      for (const other of this.#copies.others(host, uuid)) other.copy.isBelieved = true
      return
    }
    copy.runsSince ??= now
    if (!copy.isApart) {
      this.#spans.runs(uuid, host.id, { sinceAt: copy.passage.cameAt ?? now, heardAt: copy.lastHeardAt })
    }
    for (const other of this.#copies.others(host, uuid)) {
      if (!refutes(copy, other.copy)) continue
      this.#disbelief.add(uuid, other.host.id)
      other.copy.isBelieved = false
    }
  }

  #touch(copy: VmCopy): void {
    this.#builder.vmChanged(copy.uuid)
    for (const disk of copy.facts?.disks ?? []) this.#builder.arrayChanged(disk.arrayKey)
  }

  #hostAndVmsChanged(host: HostRecord): void {
    this.#builder.hostChanged(host)
    for (const key of host.arrayMetrics.keys()) this.#builder.arrayChanged(key)
    for (const copy of host.copies.values()) this.#touch(copy)
  }

  #removeCopy(host: HostRecord, copy: VmCopy): void {
    this.#touch(copy)
    host.copies.delete(copy.uuid)
    this.#copies.remove(host, copy.uuid)
    this.#builder.hostChanged(host)
  }

  #removeHost(host: HostRecord): void {
    this.#hostAndVmsChanged(host)
    for (const array of host.arrays) this.#builder.arrayChanged(array.key)
    for (const uuid of host.copies.keys()) this.#copies.remove(host, uuid)
    this.#hosts.delete(host.id)
  }
}

/** A sample from before the list that does not name its VM any more. */
function isLeftOver(host: HostRecord, sample: VmObservation): boolean {
  return !host.copies.has(sample.uuid) && sample.at < host.listedAt
}
