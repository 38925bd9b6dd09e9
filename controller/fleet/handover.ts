import type { VmObservation } from '../model/observation.js'
import { isRunning } from '../model/snapshot.js'
import type { HostRecord } from './host-record.js'
import type { LastWord } from './passage.js'
import type { VmCopy } from './vm-copy.js'

/**
 * A VM that moves has two copies, and one history. The source tells of it up to the moment when it is suspended for good; the
 * destination, whose totals begin at 0, goes on from there. So rates times intervals give what was written, moves included.
 */

/** A copy on another host. */
export interface OtherCopy {
  readonly host: HostRecord
  readonly copy: VmCopy
}

/** What is known of `copy` is from before `other` came running from elsewhere: of now it says nothing. */
export function isOutdatedBy(copy: VmCopy, other: VmCopy): boolean {
  return isRunning(other.state) && copy.lastHeardAt <= (other.passage.cameAt ?? -Infinity)
}

/** Whether one of the others runs the VM as well, at the same time. */
export function isDoubled(copy: VmCopy, others: readonly OtherCopy[]): boolean {
  return (
    isRunning(copy.state) &&
    others.some(
      ({ host, copy: other }) =>
        host.status !== 'silent' && isRunning(other.state) && !isOutdatedBy(copy, other) && !isOutdatedBy(other, copy),
    )
  )
}

/**
 * Whether a sample belongs in the VM's history. Of a copy that does not run while another does, or may, only this does: what
 * it wrote until it left, as long as the other has not gone on without it.
 */
export function isHeard(copy: VmCopy, sample: VmObservation, others: readonly OtherCopy[]): boolean {
  if (isRunning(sample.state ?? copy.state)) return true
  if (copy.passage.isComing) return false
  const live = others.filter(({ host }) => host.status !== 'silent').map((other) => other.copy)
  if (copy.passage.isLeaving)
    return (sample.state ?? copy.state) === 'paused' && !live.some((other) => other.passage.hasSettled)
  return !live.some((other) => isRunning(other.state) || other.passage.isLeaving || other.passage.isComing)
}

/** A word that nobody took up by then is of no use. */
const forgottenAfterMs = 60_000

/** Last words of VMs that left a host and did not go on elsewhere yet. */
export class LastWords {
  readonly #words = new Map<string, LastWord>()

  get(uuid: string): LastWord | undefined {
    return this.#words.get(uuid)
  }

  /** Takes note of what a copy said: one that leaves, or one that has gone on from there. */
  heard(copy: VmCopy): void {
    const word = copy.passage.lastWord
    if (word !== undefined) this.#words.set(copy.uuid, word)
    else if (copy.passage.hasSettled) this.#words.delete(copy.uuid)
  }

  prune(now: number): void {
    for (const [uuid, { at }] of this.#words) if (now - at > forgottenAfterMs) this.#words.delete(uuid)
  }
}
