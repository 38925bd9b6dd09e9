import type { VmObservation } from '../model/observation.js'
import { isRunning } from '../model/snapshot.js'
import type { Copies } from './apply-report.js'
import { CopyIndex } from './copy-index.js'
import { Disbelief } from './disbelief.js'
import { isDouble, isHeard, refutes } from './handover.js'
import type { HostRecord } from './host-record.js'
import type { RunSpans } from './run-spans.js'
import type { SnapshotBuilder } from './snapshot-builder.js'
import { VmCopy, type CopyContext } from './vm-copy.js'

/** The copies of VMs that hosts have now: which series each belongs to, and what one says of the others. */
export class PresentCopies implements Copies {
  readonly index = new CopyIndex()
  readonly #disbelief = new Disbelief()

  constructor(
    private readonly builder: SnapshotBuilder,
    private readonly spans: RunSpans,
  ) {}

  of(host: HostRecord, uuid: string, at: number): VmCopy {
    const known = host.copies.get(uuid)
    if (known !== undefined) return known
    const copy = new VmCopy(uuid, host.context(uuid), at)
    copy.isBelieved = !this.#disbelief.has(uuid, host.id)
    const oldest = host.add(copy)
    if (oldest !== undefined) this.#removed(host, oldest)
    this.index.add(host, uuid)
    this.builder.vmChanged(uuid)
    return copy
  }

  /** A sample from before the list that does not name its VM any more. */
  isLeftOver(host: HostRecord, sample: VmObservation): boolean {
    return !host.copies.has(sample.uuid) && sample.at < host.listedAt
  }

  /** Two hosts that run the same UUID get two series: merged they would be nonsense. The one that ran it first goes on. */
  context(host: HostRecord, copy: VmCopy, _at: number, sample?: VmObservation): CopyContext {
    const { uuid, passage } = copy
    const others = this.index.others(host, uuid)
    if (isRunning(sample === undefined ? copy.state : copy.stateAfter(sample))) {
      // One that comes is said to by its events; they may be behind.
      copy.isApart = !passage.isComing && isDouble({ host, copy }, others)
    } else if (passage.leftAt === undefined) {
      copy.isApart = false
    } else if (!copy.ranUntilItLeft) {
      copy.isApart = others.some((other) => other.host.status !== 'silent' && isRunning(other.copy.state))
    }
    return host.context(copy.isApart ? `${uuid}@${host.id}` : uuid)
  }

  isHeard(host: HostRecord, copy: VmCopy, sample: VmObservation): boolean {
    return isHeard(copy, sample, this.index.others(host, copy.uuid))
  }

  /** Takes note of whether a copy runs by what it said last, and of what that says of others. */
  told(host: HostRecord, copy: VmCopy, now: number): void {
    this.changed(copy)
    if (isRunning(copy.state)) this.#runs(host, copy, now)
    else this.#rests(host, copy)
  }

  changed(copy: VmCopy): void {
    this.builder.copyChanged(copy)
  }

  /** What happened on a host since it was heard last is not known yet. */
  heardAgain(host: HostRecord): void {
    for (const uuid of host.copies.keys()) this.spans.rests(uuid, host.id)
  }

  remove(host: HostRecord, copy: VmCopy): void {
    host.copies.delete(copy.uuid)
    this.#removed(host, copy)
  }

  #removed(host: HostRecord, copy: VmCopy): void {
    this.index.remove(host, copy.uuid)
    this.changed(copy)
    this.builder.hostChanged(host)
  }

  #runs(host: HostRecord, copy: VmCopy, now: number): void {
    const { uuid } = copy
    copy.runsSince ??= now
    if (!copy.isApart) {
      this.spans.runs(uuid, host.id, { sinceAt: copy.passage.cameAt ?? now, heardAt: copy.lastHeardAt })
    }
    for (const other of this.index.others(host, uuid)) {
      if (!refutes(copy, other.copy)) continue
      this.#disbelief.add(uuid, other.host.id)
      other.copy.isBelieved = false
    }
  }

  #rests(host: HostRecord, copy: VmCopy): void {
    const { uuid } = copy
    copy.runsSince = undefined
    this.spans.rests(uuid, host.id)
    if (!this.#disbelief.lift(uuid, host.id)) return
    for (const other of this.index.others(host, uuid)) other.copy.isBelieved = true
  }
}
