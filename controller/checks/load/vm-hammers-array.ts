import { formatRate } from '../../../common/units.js'
import { finding, vmSubject, type Evidence, type Finding } from '../../model/finding.js'
import type { Culprits } from '../../model/culprits.js'
import { valueOf, type StorageArray } from '../../model/snapshot.js'
import type { WatchedArray } from '../../model/watched-array.js'
import { inPercent, inTime } from '../in-words.js'
import type { PlacedFleet } from '../policy/placed-fleet.js'
import { victimsOf } from '../policy/victims.js'
import { isAmongPersonal, isStalled, waitOf, waitWord, type BoxLoad, type BoxUser, type Wait } from './box-load.js'
import { strengthAbove, weakest } from '../strength.js'

/**
 * VMs that do most of the work of an array which others use, while it is slow. A personal VM is named sooner than others are, as nobody
 * depends on it; a core VM is only told of: the array is there for it. Where it is seen that others wait since somebody else does more than usual, nobody
 * is told anew of one who does as much as always.
 */
export function vmHammersArray(
  { policy: { thresholds }, loads }: PlacedFleet,
  watched: ReadonlyMap<string, WatchedArray>,
): Finding[] {
  const limits = thresholds['vm-hammers-array']
  const least = limits.clearBelow * Math.min(limits.latency, limits.personalLatency)
  return [...loads.values()].flatMap((load) => {
    if (load.userCount < 2) return []
    const slow = slowestOf(load)
    if (slow !== undefined && slow.wait.latencyMs >= least) {
      const isCleared = clearedBy(watched.get(load.box.id)?.culprits)
      return load.users.flatMap((user) => hammerFinding(user, load, slow, limits, isCleared(user)))
    }
    // Nothing is completed, so nothing is counted: who did most before is not known, but it is not over either.
    return load.arrays.some(isStalled) ? load.users.map((user) => stalledFinding(user, load)) : []
  })
}

type Limits = PlacedFleet['policy']['thresholds']['vm-hammers-array']

interface Slow {
  readonly array: StorageArray
  readonly wait: Wait
}

function slowestOf({ arrays }: BoxLoad): Slow | undefined {
  let slowest: Slow | undefined
  for (const array of arrays) {
    const wait = waitOf(array.metrics)
    if (wait !== undefined && wait.latencyMs > (slowest?.wait.latencyMs ?? 0)) slowest = { array, wait }
  }
  return slowest
}

/** Others are to blame, surely or likely. */
function clearedBy(culprits: Culprits | undefined): (user: BoxUser) => boolean {
  const blamed = culprits?.incidentSince === undefined ? [] : culprits.suspects
  if (blamed[0] === undefined || blamed[0].confidence === 'low') return () => false
  const ids = new Set(blamed.flatMap(({ members }) => members.map(({ id }) => id)))
  return ({ one }) => !ids.has(one.place.uuid)
}

function hammerFinding(
  user: BoxUser,
  load: BoxLoad,
  { array, wait }: Slow,
  limits: Limits,
  isCleared: boolean,
): Finding[] {
  const isPersonal = user.one.place.class === 'personal'
  const share = isPersonal ? limits.personalShare : limits.share
  const latencyMs = isPersonal ? limits.personalLatency : limits.latency
  const above = (value: number, limit: number) => strengthAbove(value, limit, limits.clearBelow * limit)
  const strength = weakest(above(user.share, share), above(wait.latencyMs, latencyMs), above(user.work, limits.work))
  if (strength === undefined) return []
  const others = victimsOf(load.users.filter((other) => other !== user).map(({ one }) => one.place))
  const does = [
    user.bytesPerSecond === undefined ? [] : formatRate(user.bytesPerSecond),
    user.requestsPerSecond === undefined ? [] : `${Math.round(user.requestsPerSecond)} requests/s`,
  ].flat()
  return [
    finding({
      ...named(user, load),
      strength: isCleared ? 'keep' : strength,
      message: `it makes ${inPercent(user.share)} of the work on ${load.box.name} (${does.join(', ')}), whose ${waitWord(wait)} take ${inTime(wait.latencyMs)}; others there: ${others.names}`,
      evidence: [
        { entityKind: 'array', entityId: array.key, field: wait.field, value: wait.latencyMs, limit: latencyMs },
        ownEvidence(user),
      ],
      related: [{ role: 'partner', subject: { kind: 'array', id: array.key, name: load.box.name } }, ...others.related],
    }),
  ]
}

function stalledFinding(user: BoxUser, load: BoxLoad): Finding {
  return finding({
    ...named(user, load),
    strength: 'keep',
    message: `${load.box.name} stands still, so that nobody can say who makes most of its work`,
  })
}

function named({ one }: BoxUser, load: BoxLoad): Pick<Finding, 'check' | 'severity' | 'subject' | 'part'> {
  return {
    check: 'vm-hammers-array',
    severity: one.place.class === 'core' || isAmongPersonal(load) ? 'info' : 'warning',
    subject: vmSubject(one.vm),
    part: load.box.id,
  }
}

/** The way by which more goes. */
function ownEvidence({ disk: { id, metrics } }: BoxUser): Evidence {
  const read = valueOf(metrics['readBytesPerSecond'])
  const written = valueOf(metrics['writeBytesPerSecond'])
  const field = (read ?? 0) > (written ?? 0) ? 'readBytesPerSecond' : 'writeBytesPerSecond'
  return { entityKind: 'disk', entityId: id, field, value: valueOf(metrics[field]), limit: undefined }
}
