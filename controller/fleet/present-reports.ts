import { groupBy } from '../../common/group-by.js'
import type { InventoryObservation, ReportObservation } from '../model/observation.js'
import { applyReport, type Applied, type Told } from './apply-report.js'
import { derivedArrayPoints } from './array-in-snapshot.js'
import type { HostRecord } from './host-record.js'
import type { Moves } from './moves.js'
import type { PresentCopies } from './present-copies.js'
import type { SnapshotBuilder } from './snapshot-builder.js'

/** A guest that was slow once is not stuck. */
const lastingGapMs = 1000

/** What hosts tell of now: of their VMs, and by what they leave out. */
export class PresentReports {
  constructor(
    private readonly copies: PresentCopies,
    private readonly moves: Moves,
    private readonly builder: SnapshotBuilder,
  ) {}

  inventory(host: HostRecord, inventory: InventoryObservation): void {
    for (const array of host.arrays) this.builder.arrayChanged(array.key)
    host.inventory = inventory
    host.listedAt = Math.max(host.listedAt, inventory.at)
    const listed = new Set(inventory.vms.map((vm) => vm.uuid))
    for (const copy of host.copies.values()) if (!listed.has(copy.uuid)) this.copies.remove(host, copy)
    for (const facts of inventory.vms) {
      const copy = this.copies.of(host, facts.uuid, inventory.at)
      this.copies.changed(copy)
      copy.define(facts, this.copies.context(host, copy, inventory.at), inventory.at)
      this.copies.changed(copy)
    }
    for (const array of inventory.arrays) this.builder.arrayChanged(array.key)
    this.builder.hostChanged(host)
  }

  apply(told: Told): Applied {
    const { host, report, now } = told
    const { points, events } = applyReport(told, this.copies, this.moves)
    for (const array of report.arrays) this.builder.arrayChanged(array.key)
    if (report.storageHealth !== undefined) host.tellStorage(report.storageHealth, report.bootId)
    const lost = report.gaps.some((gap) => gap.vmUuid === '' && gap.group === 'state')
    if (report.lane === 'state') this.#setGaps(host, report)
    if (report.lane === 'fast') this.#addGaps(host, report)
    if (report.lane === 'fast' && !lost && report.arraysApart !== true) this.#removeUntoldArrays(host, report)
    if (report.lane === 'state' && !lost) this.#removeUnlisted(host, report)
    if (report.lane === 'state') points.push(...derivedArrayPoints(host, report.at))
    if (report.lane !== 'event') {
      host.lastReportAt = Math.max(host.lastReportAt ?? 0, report.at)
      // Silence is measured on our own clock alone.
      host.lastReceivedAt = now
    }
    if (report.lane === 'state' || lost) {
      if (host.enter(lost ? 'unreachable' : 'up', now)) this.builder.hostAndCopiesChanged(host)
    }
    if (
      report.host !== undefined ||
      report.storageHealth !== undefined ||
      report.exports !== undefined ||
      report.lane !== 'fast'
    )
      this.builder.hostChanged(host)
    return { points, events }
  }

  /** The state lane lists every VM: one that it does not list, and could not have missed, is gone. */
  #removeUnlisted(host: HostRecord, report: ReportObservation): void {
    const listed = new Set([...report.vms.map((vm) => vm.uuid), ...report.gaps.map((gap) => gap.vmUuid)])
    for (const copy of host.copies.values()) {
      if (!listed.has(copy.uuid) && copy.lastListedAt < report.at) this.copies.remove(host, copy)
    }
    host.listedAt = Math.max(host.listedAt, report.at)
  }

  #removeUntoldArrays(host: HostRecord, report: ReportObservation): void {
    for (const key of host.keepArrays(new Set(report.arrays.map((array) => array.key)))) this.builder.arrayChanged(key)
  }

  #setGaps(host: HostRecord, report: ReportObservation): void {
    host.gaps = report.gaps.filter((gap) => gap.vmUuid === '')
    const byVm = groupBy(report.gaps, (gap) => gap.vmUuid)
    for (const copy of host.copies.values()) {
      const gaps = byVm.get(copy.uuid) ?? []
      if (gaps.length === 0 && copy.gaps.length === 0) continue
      copy.gaps = gaps
      this.builder.vmChanged(copy.uuid)
    }
  }

  /** A VM that the fast lane cannot read twice is marked; the state lane, which reads all of it, takes the mark away. */
  #addGaps(host: HostRecord, report: ReportObservation): void {
    const lasting = report.gaps.filter((gap) => report.at - gap.sinceMs >= lastingGapMs)
    for (const [uuid, gaps] of groupBy(lasting, (gap) => gap.vmUuid)) {
      const copy = host.copies.get(uuid)
      if (copy === undefined || copy.gaps.length > 0) continue
      copy.gaps = gaps
      this.builder.vmChanged(uuid)
    }
  }
}
