import type { ReportObservation } from '../model/observation.js'
import type { FleetEvent } from '../model/snapshot.js'
import type { Point } from '../store/time-series.js'
import type { Contradictions } from './contradictions.js'
import { CopyIndex } from './copy-index.js'
import { isHeardLate } from './handover.js'
import { HostRecord, mostCopies } from './host-record.js'
import type { Moves } from './moves.js'
import type { RunSpans } from './run-spans.js'
import { tellsThatItLives, VmCopy, type CopyContext } from './vm-copy.js'

/**
 * Hosts as late reports see them. What comes out of a backlog goes to its own time: its rates count from the reports before
 * it in the same spool, and nothing of it touches the present. One track for each spool and host; it ends when the agent
 * does not name the spool any more. An agent that has more copies of VMs in all its tracks than a host may have (each takes
 * about 2 KiB) loses its oldest tracks: what their spools still tell begins anew.
 */
export class LateTracks {
  /** By agent: spool of its present reports. */
  readonly #present = new Map<string, string>()
  /** By agent, then `<spool> <host>`. */
  readonly #records = new Map<string, Map<string, HostRecord>>()
  readonly #copies = new CopyIndex()

  /**
   * @param moves the halves of a move may be told late and in time
   * @param presentCopies what the hosts have now
   */
  constructor(
    private readonly moves: Moves,
    private readonly presentCopies: CopyIndex,
    private readonly spans: RunSpans,
    private readonly contradictions: Contradictions,
  ) {}

  /**
   * An agent says which spool is the present and which are backlog.
   * @returns whether the spool that was the present until now has become backlog: then its hosts' baselines go with it
   */
  connected(
    agentId: string,
    { spoolId, backlog }: { readonly spoolId: string; readonly backlog: readonly string[] },
    hosts: readonly HostRecord[],
  ): boolean {
    const before = this.#present.get(agentId)
    this.#present.set(agentId, spoolId)
    const records = this.#recordsOf(agentId)
    for (const key of records.keys()) {
      if (!backlog.includes(key.split(' ', 1)[0] ?? '')) this.#end(records, key)
    }
    if (before === undefined || before === spoolId || !backlog.includes(before)) return false
    for (const host of hosts) {
      records.set(`${before} ${host.id}`, host)
      for (const uuid of host.copies.keys()) this.#copies.add(host, uuid)
    }
    return true
  }

  /** Copies of VMs in all tracks of an agent. */
  copiesOf(agentId: string): number {
    let copies = 0
    for (const record of this.#records.get(agentId)?.values() ?? []) copies += record.copies.size
    return copies
  }

  /** Applies a late report: points and events for the store, at their own time. */
  apply(
    agentId: string,
    present: HostRecord,
    report: ReportObservation,
    now: number,
  ): { points: Point[]; events: FleetEvent[] } {
    const key = `${report.spoolId} ${present.id}`
    const records = this.#recordsOf(agentId)
    const host = records.get(key) ?? new HostRecord(present.hello, agentId, report.at, this.contradictions)
    records.set(key, host)
    this.#makeRoom(agentId, key)
    const points: Point[] = []
    const events = report.events.map(({ at, vmUuid, vmName, kind, reason, message }): FleetEvent => {
      const copy = tellsThatItLives(kind) ? this.#copy(host, vmUuid, at) : host.copies.get(vmUuid)
      if (copy !== undefined) {
        copy.happened({ at, vmUuid, vmName, kind, reason, message })
        points.push(...this.moves.heard(copy, this.#context(host, vmUuid, at), now))
      }
      return { at, hostId: host.id, vmUuid, vmName, kind, reason, message }
    })
    for (const sample of report.vms) {
      const copy = this.#copy(host, sample.uuid, sample.at)
      if (copy === undefined) continue
      const context = this.#context(host, sample.uuid, copy.passage.momentOf(sample.at))
      if (isHeardLate(copy, sample, () => this.#isElsewhere(host, sample.uuid))) {
        points.push(...copy.observe(sample, context, this.moves))
        points.push(...this.moves.heard(copy, context, now))
      } else {
        copy.note(sample)
      }
    }
    if (report.lane === 'fast') host.proveIdle(report, (uuid) => host.context(uuid))
    if (report.host !== undefined) points.push(...host.observe(report.host, report.bootId, report.at))
    for (const array of report.arrays) points.push(...host.observeArray(array, report.bootId, report.at))
    return { points, events }
  }

  /** What was told in time stands: a VM that is known to have run elsewhere is not the one that is told of late. */
  #context(host: HostRecord, uuid: string, at: number): CopyContext {
    return host.context(this.spans.isElsewhere(uuid, host.id, at) ? `${uuid}@${host.id}` : uuid)
  }

  /** Whether another host has the VM, or had it. */
  #isElsewhere(host: HostRecord, uuid: string): boolean {
    const others = [...this.presentCopies.others(host, uuid), ...this.#copies.others(host, uuid)]
    return others.some((other) => other.host.id !== host.id)
  }

  #copy(host: HostRecord, uuid: string, at: number): VmCopy | undefined {
    if (uuid === '') return undefined
    const known = host.copies.get(uuid)
    if (known !== undefined) return known
    const [oldest] = host.copies.keys()
    if (host.copies.size >= mostCopies && oldest !== undefined) {
      host.copies.delete(oldest)
      this.#copies.remove(host, oldest)
    }
    const copy = new VmCopy(uuid, host.context(uuid), at)
    host.copies.set(uuid, copy)
    this.#copies.add(host, uuid)
    return copy
  }

  /** Before a report, which brings some more: the track that it is of stays. */
  #makeRoom(agentId: string, present: string): void {
    const records = this.#recordsOf(agentId)
    let copies = this.copiesOf(agentId)
    for (const [key, record] of records) {
      if (copies <= mostCopies) return
      if (key === present) continue
      copies -= record.copies.size
      this.#end(records, key)
    }
  }

  #end(records: Map<string, HostRecord>, key: string): void {
    const record = records.get(key)
    if (record === undefined) return
    for (const uuid of record.copies.keys()) this.#copies.remove(record, uuid)
    records.delete(key)
  }

  #recordsOf(agentId: string): Map<string, HostRecord> {
    const known = this.#records.get(agentId)
    if (known !== undefined) return known
    const records = new Map<string, HostRecord>()
    this.#records.set(agentId, records)
    return records
  }
}
