import type { VmObservation } from '../model/observation.js'
import { isRunning } from '../model/snapshot.js'
import type { HostRecord } from './host-record.js'
import type { VmCopy } from './vm-copy.js'

/**
 * A VM that moves has two copies, and one history. The source tells of it up to the moment when it is suspended for good, and
 * what is read of it later is of that moment; the destination tells of it from the moment when it runs there, where its totals
 * began at 0. So no moment is told of by both, and rates times intervals give what was written, moves included.
 */

/** A copy and the host that tells of it. */
export interface CopyOnHost {
  readonly host: HostRecord
  readonly copy: VmCopy
}

/** What is known of `copy` is from before `other` came running from elsewhere: of now it says nothing. */
export function isOutdatedBy(copy: VmCopy, other: VmCopy): boolean {
  return isRunning(other.state) && other.isBelieved && copy.lastHeardAt <= (other.passage.cameAt ?? -Infinity)
}

/**
 * Whether the VM is said to run here while another host runs it, which was seen to do so first. Then this is told apart from the
 * VM whose UUID it has: that one's history goes on, whoever claims to run it too.
 */
export function isDouble({ host, copy }: CopyOnHost, others: readonly CopyOnHost[]): boolean {
  return others.some(
    (other) =>
      other.host.status !== 'silent' &&
      isRunning(other.copy.state) &&
      !isOutdatedBy(copy, other.copy) &&
      !isOutdatedBy(other.copy, copy) &&
      ranFirst(other, { host, copy }),
  )
}

/** Which of two was seen to run first, by our own clock: what hosts say of the past may be anything. */
export function ranFirst(one: CopyOnHost, other: CopyOnHost): boolean {
  const [a, b] = [one.copy.runsSince ?? Infinity, other.copy.runsSince ?? Infinity]
  return a === b ? one.host.id < other.host.id : a < b
}

/** Hosts' clocks that differ by less are taken as equal. */
const clocksDifferByMs = 2000

/** Whether a running copy shows that the VM cannot have come to the other: it runs on, and did not come back meanwhile. */
export function refutes(copy: VmCopy, other: VmCopy): boolean {
  const otherCameAt = other.passage.cameAt
  return (
    otherCameAt !== undefined &&
    isRunning(copy.state) &&
    isRunning(other.state) &&
    copy.lastHeardAt > otherCameAt + clocksDifferByMs &&
    (copy.passage.cameAt ?? -Infinity) < otherCameAt
  )
}

/**
 * Whether a sample belongs in the VM's history. Of copies that do not run only the one that ran counts, and none while one
 * runs, or may.
 */
export function isHeard(copy: VmCopy, sample: VmObservation, others: readonly CopyOnHost[]): boolean {
  return (
    isHeardAlone(copy, sample) ??
    !others.some(
      ({ host, copy: other }) =>
        (other.hasRun && !copy.hasRun) ||
        (host.status !== 'silent' && (isRunning(other.state) || other.passage.isLeaving || other.passage.isComing)),
    )
  )
}

/**
 * The same of a late sample: what other hosts' late reports have told by now is chance. Of a copy that does not run only
 * the one that ran last counts, or the only one that there is.
 */
export function isHeardLate(copy: VmCopy, sample: VmObservation, isElsewhere: () => boolean): boolean {
  return isHeardAlone(copy, sample) ?? (copy.hasRun || !isElsewhere())
}

/**
 * As far as the copy's own passage says: what it did from its arrival to its departure, and after that what it had done by
 * then. A sample may be told long after it was taken, when it has left again.
 */
function isHeardAlone(copy: VmCopy, sample: VmObservation): boolean | undefined {
  const { passage } = copy
  const told = sample.state ?? copy.state
  const { leftAt } = passage
  if (sample.at < passage.since || (passage.isComing && !isRunning(told))) return false
  if (leftAt !== undefined && sample.at < leftAt) return true
  if (isRunning(told) || isRunning(copy.stateAfter(sample))) return true
  if (passage.isLeaving) return told === 'paused'
  if (passage.isElsewhere) return sample.disks.length > 0 && passage.isOfItsEnd(sample.at)
  return undefined
}
