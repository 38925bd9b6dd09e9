import type { ReportObservation, VmObservation } from '../model/observation.js'
import type { FleetEvent } from '../model/snapshot.js'
import type { Point } from '../store/time-series.js'
import type { HostRecord } from './host-record.js'
import type { Moves } from './moves.js'
import { storagePoints } from './storage-points.js'
import { tellsThatItLives, type CopyContext, type VmCopy } from './vm-copy.js'

/** What one input brings for the store. */
export interface Applied {
  readonly points: readonly Point[]
  readonly events: readonly FleetEvent[]
}

/** The copies of VMs that one kind of reports tells of, those of now or late ones, and how they are judged. */
export interface Copies {
  /** The copy of a VM that is told to be there; a new one if it was not. */
  of(host: HostRecord, uuid: string, at: number): VmCopy
  /** Whether a sample is from before its VM went. */
  isLeftOver(host: HostRecord, sample: VmObservation): boolean
  /** The series that a copy's figures of a moment belong to. @param sample what tells of that moment, unless it was an event */
  context(host: HostRecord, copy: VmCopy, at: number, sample?: VmObservation): CopyContext
  /** Whether a sample belongs in the VM's history. */
  isHeard(host: HostRecord, copy: VmCopy, sample: VmObservation): boolean
  /** What was told of a copy has been applied to it. */
  told(host: HostRecord, copy: VmCopy, now: number): void
  /** Its figures have changed. */
  changed(copy: VmCopy): void
  remove(host: HostRecord, copy: VmCopy): void
}

export interface Told {
  readonly host: HostRecord
  readonly report: ReportObservation
  /** Our own clock. */
  readonly now: number
}

/** Applies what a report says of VMs, of the machine and of its arrays; returns points and events for the store. */
export function applyReport(told: Told, copies: Copies, moves: Moves): { points: Point[]; events: FleetEvent[] } {
  const points: Point[] = []
  const events = applyEvents(told, copies, moves, points)
  applySamples(told, copies, moves, points)
  const { host, report } = told
  if (report.lane === 'fast') {
    for (const copy of host.proveIdle(report, (idle) => copies.context(host, idle, report.at))) copies.changed(copy)
  }
  if (report.host !== undefined) points.push(...host.observe(report.host, report.bootId, report.at))
  if (report.storageHealth !== undefined) points.push(...storagePoints(host.id, report.storageHealth, report.at))
  if (report.exports !== undefined) points.push(...host.observeExports(report.exports, report.bootId, report.at))
  for (const array of report.arrays) points.push(...host.observeArray(array, report.bootId, report.at))
  return { points, events }
}

function applyEvents({ host, report, now }: Told, copies: Copies, moves: Moves, points: Point[]): FleetEvent[] {
  return report.events.map((event) => {
    const { at, vmUuid, kind, reason, message } = event
    const isOfVm = vmUuid !== ''
    const copy = isOfVm && tellsThatItLives(kind) ? copies.of(host, vmUuid, at) : host.copies.get(vmUuid)
    if (copy !== undefined) {
      copy.happened(event)
      copies.told(host, copy, now)
      points.push(...moves.heard(copy, copies.context(host, copy, at), now))
      if (copy.facts === undefined && event.vmName !== '') copy.name = event.vmName
      if (kind === 'undefined') copies.remove(host, copy)
    }
    const vmName = event.vmName === '' ? (copy?.name ?? '') : event.vmName
    return { at, hostId: host.id, vmUuid, vmName, kind, reason, message }
  })
}

function applySamples({ host, report, now }: Told, copies: Copies, moves: Moves, points: Point[]): void {
  for (const sample of report.vms) {
    if (copies.isLeftOver(host, sample)) continue
    const copy = copies.of(host, sample.uuid, sample.at)
    if (copies.isHeard(host, copy, sample)) {
      const context = copies.context(host, copy, copy.passage.momentOf(sample.at), sample)
      points.push(...copy.observe(sample, context, moves), ...moves.heard(copy, context, now))
    } else {
      copy.note(sample)
    }
    copies.told(host, copy, now)
  }
}
