import type { ReportObservation } from '../model/observation.js'
import { applyReport, type Applied } from './apply-report.js'
import type { Contradictions } from './contradictions.js'
import { HostRecord, mostCopies } from './host-record.js'
import type { LateCopies } from './late-copies.js'
import type { Moves } from './moves.js'

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

  /** @param moves the halves of a move may be told late and in time */
  constructor(
    private readonly copies: LateCopies,
    private readonly moves: Moves,
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
      this.copies.index.addAll(host)
    }
    return true
  }

  /** An agent that is gone for good. */
  forget(agentId: string): void {
    const records = this.#recordsOf(agentId)
    for (const key of records.keys()) this.#end(records, key)
    this.#records.delete(agentId)
    this.#present.delete(agentId)
  }

  /** Copies of VMs in all tracks of an agent. */
  copiesOf(agentId: string): number {
    let copies = 0
    for (const record of this.#records.get(agentId)?.values() ?? []) copies += record.copies.size
    return copies
  }

  /** Applies a late report: points and events for the store, at their own time. */
  apply(agentId: string, present: HostRecord, report: ReportObservation, now: number): Applied {
    const key = `${report.spoolId} ${present.id}`
    const records = this.#recordsOf(agentId)
    const host = records.get(key) ?? new HostRecord(present.hello, agentId, report.at, this.contradictions)
    records.set(key, host)
    this.#makeRoom(agentId, key)
    return applyReport({ host, report, now }, this.copies, this.moves)
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
    this.copies.index.removeAll(record)
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
