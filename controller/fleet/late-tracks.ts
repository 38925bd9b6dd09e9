import type { ReportObservation } from '../model/observation.js'
import { isRunning, type FleetEvent } from '../model/snapshot.js'
import type { Point } from '../store/time-series.js'
import { HostRecord } from './host-record.js'
import { VmCopy } from './vm-copy.js'

/**
 * Hosts as late reports see them. What comes out of a backlog goes to its own time: its rates count from the reports before
 * it in the same spool, and nothing of it touches the present. One track for each spool and host; it ends when the agent
 * does not name the spool any more.
 */
export class LateTracks {
  /** By agent: spool of its present reports. */
  readonly #present = new Map<string, string>()
  /** By agent, then `<spool> <host>`. */
  readonly #records = new Map<string, Map<string, HostRecord>>()

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
    for (const key of records.keys()) if (!backlog.includes(key.split(' ', 1)[0] ?? '')) records.delete(key)
    if (before === undefined || before === spoolId || !backlog.includes(before)) return false
    for (const host of hosts) records.set(`${before} ${host.id}`, host)
    return true
  }

  /** Applies a late report: points and events for the store, at their own time. */
  apply(agentId: string, present: HostRecord, report: ReportObservation): { points: Point[]; events: FleetEvent[] } {
    const key = `${report.spoolId} ${present.id}`
    const records = this.#recordsOf(agentId)
    const host = records.get(key) ?? new HostRecord(present.hello, agentId, report.at)
    records.set(key, host)
    const points: Point[] = []
    const events = report.events.map(({ at, vmUuid, vmName, kind, reason, message }): FleetEvent => {
      copyOf(host, vmUuid, at)?.happened({ at, vmUuid, vmName, kind, reason, message })
      return { at, hostId: host.id, vmUuid, vmName, kind, reason, message }
    })
    for (const sample of report.vms) {
      const copy = copyOf(host, sample.uuid, sample.at)
      if (copy !== undefined) points.push(...copy.observe(sample, host.context(sample.uuid)))
    }
    if (report.lane === 'fast') proveIdle(host, report)
    if (report.host !== undefined) points.push(...host.observe(report.host, report.bootId, report.at))
    for (const array of report.arrays) points.push(...host.observeArray(array, report.bootId, report.at))
    return { points, events }
  }

  #recordsOf(agentId: string): Map<string, HostRecord> {
    const known = this.#records.get(agentId)
    if (known !== undefined) return known
    const records = new Map<string, HostRecord>()
    this.#records.set(agentId, records)
    return records
  }
}

function copyOf(host: HostRecord, uuid: string, at: number): VmCopy | undefined {
  if (uuid === '') return undefined
  const known = host.copies.get(uuid)
  if (known !== undefined) return known
  const copy = new VmCopy(uuid, host.context(uuid), at)
  host.copies.set(uuid, copy)
  return copy
}

function proveIdle(host: HostRecord, report: ReportObservation): void {
  const read = new Set([...report.vms.map((vm) => vm.uuid), ...report.gaps.map((gap) => gap.vmUuid)])
  if (read.has('')) return
  for (const copy of host.copies.values()) {
    if (isRunning(copy.state) && !read.has(copy.uuid)) copy.proveIdle(report.at, host.context(copy.uuid))
  }
}
