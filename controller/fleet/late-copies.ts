import type { VmObservation } from '../model/observation.js'
import type { Copies } from './apply-report.js'
import { CopyIndex } from './copy-index.js'
import { isHeardLate } from './handover.js'
import type { HostRecord } from './host-record.js'
import type { RunSpans } from './run-spans.js'
import { VmCopy, type CopyContext } from './vm-copy.js'

/** The copies of VMs that late reports tell of. Of the present they say nothing, and of each other what they say is chance. */
export class LateCopies implements Copies {
  readonly index = new CopyIndex()

  /** @param present what the hosts have now */
  constructor(
    private readonly present: CopyIndex,
    private readonly spans: RunSpans,
  ) {}

  of(host: HostRecord, uuid: string, at: number): VmCopy {
    const known = host.copies.get(uuid)
    if (known !== undefined) return known
    const copy = new VmCopy(uuid, host.context(uuid), at)
    const oldest = host.add(copy)
    if (oldest !== undefined) this.index.remove(host, oldest.uuid)
    this.index.add(host, uuid)
    return copy
  }

  isLeftOver(): boolean {
    return false
  }

  /** What was told in time stands: a VM that is known to have run elsewhere is not the one that is told of late. */
  context(host: HostRecord, { uuid }: VmCopy, at: number): CopyContext {
    return host.context(this.spans.isElsewhere(uuid, host.id, at) ? `${uuid}@${host.id}` : uuid)
  }

  isHeard(host: HostRecord, copy: VmCopy, sample: VmObservation): boolean {
    return isHeardLate(copy, sample, () => this.#isElsewhere(host, copy.uuid))
  }

  told(): void {
    // Nothing of the present follows.
  }

  changed(): void {
    // Nobody looks at late figures.
  }

  remove(host: HostRecord, { uuid }: VmCopy): void {
    host.copies.delete(uuid)
    this.index.remove(host, uuid)
  }

  /** Whether another host has the VM, or had it. */
  #isElsewhere(host: HostRecord, uuid: string): boolean {
    const others = [...this.present.others(host, uuid), ...this.index.others(host, uuid)]
    return others.some((other) => other.host.id !== host.id)
  }
}
