import { finding, vmSubject, type Finding } from '../../model/finding.js'
import { inTime } from '../in-words.js'
import type { PlacedFleet } from '../policy/placed-fleet.js'
import { isStalled, othersWaitMs, waitWord, type BoxLoad, type BoxUser } from './box-load.js'
import { strengthAbove } from '../strength.js'

/** VMs that wait long for their disks. Who makes most of the work of an array waits for itself: then it counts how long one request takes. */
export function vmDiskLatency({ policy: { thresholds }, loads }: PlacedFleet): Finding[] {
  const limits = thresholds['vm-disk-latency']
  const leastMs = Math.min(limits.above, limits.clearBelow)
  const found: Finding[] = []
  for (const load of loads.values()) {
    // Nothing is completed, so nothing is timed: it is not over.
    const stalled = load.arrays.some(isStalled)
    if (!stalled && load.slowestMs < leastMs) continue
    for (const user of load.users) {
      const one = stalled ? keptFinding(user, load) : slowFinding(user, load, limits)
      if (one !== undefined) found.push(one)
    }
  }
  return found
}

type Limits = PlacedFleet['policy']['thresholds']['vm-disk-latency']

const mostOfTheWork = 0.5

function slowFinding(user: BoxUser, load: BoxLoad, limits: Limits): Finding | undefined {
  const { wait, share, disk } = user
  if (wait === undefined) return undefined
  const waitMs = othersWaitMs(wait, share >= mostOfTheWork)
  const strength = strengthAbove(waitMs, limits.above, limits.clearBelow)
  if (strength === undefined) return undefined
  const { target, id } = wait.disk ?? disk
  const seenFrom = wait.source === 'device' ? ', as its host times the device beneath' : ''
  return finding({
    ...said(user, load),
    strength,
    message: `${waitWord(wait)} of its disk ${target} on ${load.box.name} take ${inTime(wait.latencyMs)}${seenFrom}`,
    evidence: [{ entityKind: 'disk', entityId: id, field: wait.field, value: wait.latencyMs, limit: limits.above }],
    related: load.arrays
      .slice(0, 1)
      .map(({ key }) => ({ role: 'partner', subject: { kind: 'array', id: key, name: load.box.name } })),
  })
}

function keptFinding(user: BoxUser, load: BoxLoad): Finding {
  return finding({ ...said(user, load), strength: 'keep', message: `${load.box.name} stands still` })
}

function said({ one }: BoxUser, { box }: BoxLoad): Pick<Finding, 'check' | 'severity' | 'subject' | 'part'> {
  return { check: 'vm-disk-latency', severity: 'warning', subject: vmSubject(one.vm), part: box.id }
}
