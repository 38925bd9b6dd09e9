import { finding, vmSubject, type Finding, type Related, type Severity, type Subject } from '../../model/finding.js'
import { valueOf, type StorageArray } from '../../model/snapshot.js'
import { inPercent, inTime, named } from '../in-words.js'
import type { Culprits } from '../../model/culprits.js'
import type { WatchedArray } from '../../model/watched-array.js'
import type { PlacedFleet } from '../policy/placed-fleet.js'
import { victimsOf } from '../policy/victims.js'
import { blamedAt, type Blamed } from './array-culprits.js'
import { isAmongPersonal, isStalled, othersWaitMs, waitOf, waitWord, type BoxLoad, type BoxUser } from './box-load.js'
import { halfOfTheWork } from './half-of-the-work.js'
import { strengthAbove } from '../strength.js'

/** Arrays that are slow for those who share them, or that complete nothing at all. */
export function arrayLatency(
  { policy: { thresholds }, snapshot, loads }: PlacedFleet,
  watched: ReadonlyMap<string, WatchedArray>,
): Finding[] {
  const limits = thresholds['array-latency']
  return [...loads.values()].flatMap((load) => {
    if (load.userCount === 0) return []
    const blamed = (): Named => {
      const culprits = watched.get(load.box.id)?.culprits
      const one =
        culprits === undefined || !isAboutNow(culprits, snapshot.at) ? undefined : blamedAt(culprits, load, snapshot)
      return one === undefined ? busiest(load) : { ...one, text: `who makes others wait: ${one.text}` }
    }
    return load.arrays.flatMap((array) =>
      isStalled(array) ? [stalledFinding(array, load)] : slowFinding(array, load, limits, blamed),
    )
  })
}

/** Once the array moves again all who waited write what they held back, and latency is a mean of the last seconds: nobody else is to blame for that. */
const aftermathMs = 120_000

function isAboutNow({ incidentSince, endedAt }: Culprits, now: number): boolean {
  return incidentSince !== undefined || (endedAt !== undefined && now - endedAt <= aftermathMs)
}

type Named = Pick<Blamed, 'ids' | 'text' | 'related'>

type Limits = PlacedFleet['policy']['thresholds']['array-latency']

function stalledFinding(array: StorageArray, load: BoxLoad): Finding {
  const inFlight = valueOf(array.metrics['inFlight'])
  const { names, related } = victimsOf(load.users.map(({ one }) => one.place))
  return finding({
    check: 'array-latency',
    severity: 'critical',
    subject: subjectOf(array, load),
    message: `it stands still: ${inFlight ?? 0} requests wait, and none is completed; on it: ${names}`,
    evidence: [{ entityKind: 'array', entityId: array.key, field: 'inFlight', value: inFlight, limit: undefined }],
    related,
  })
}

function slowFinding(array: StorageArray, load: BoxLoad, limits: Limits, namedNow: () => Named): Finding[] {
  const wait = waitOf(array.metrics)
  if (wait === undefined) return []
  const waitMs = othersWaitMs(wait, load.userCount < 2)
  const strength = strengthAbove(waitMs, limits.above, limits.clearBelow)
  if (strength === undefined) return []
  const culprits = namedNow()
  const waiting = victimsOf(load.users.map(({ one }) => one.place).filter(({ uuid }) => !culprits.ids.has(uuid)))
  const parts = [
    `its ${waitWord(wait)} take ${inTime(wait.latencyMs)}`,
    ...(culprits.text === '' ? [] : [culprits.text]),
    ...(waiting.related.length > 0 ? [`others there: ${waiting.names}`] : []),
  ]
  return [
    finding({
      check: 'array-latency',
      severity: severityOf(waitMs >= limits.critical, load),
      subject: subjectOf(array, load),
      strength,
      message: parts.join('; '),
      evidence: [
        { entityKind: 'array', entityId: array.key, field: wait.field, value: wait.latencyMs, limit: limits.above },
      ],
      related: [...culprits.related, ...waiting.related],
    }),
  ]
}

/** Where nobody follows who does more than usual: who does most. */
function busiest({ users }: BoxLoad): Named {
  const most = halfOfTheWork(users)
  return {
    ids: new Set(most.map(({ one }) => one.place.uuid)),
    text: most.length === 0 ? '' : `most of its work: ${named(most.map(shareText))}`,
    related: most.map(({ one }): Related => ({ role: 'culprit', subject: vmSubject(one.vm) })),
  }
}

function severityOf(isCritical: boolean, load: BoxLoad): Severity {
  if (isAmongPersonal(load)) return isCritical ? 'warning' : 'info'
  return isCritical ? 'critical' : 'warning'
}

function subjectOf({ key }: StorageArray, { box }: BoxLoad): Subject {
  return { kind: 'array', id: key, name: box.name }
}

function shareText({ one, share }: BoxUser): string {
  return `${one.place.name} (${inPercent(share)})`
}
