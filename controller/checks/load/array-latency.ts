import { finding, vmSubject, type Finding, type Related, type Severity, type Subject } from '../../model/finding.js'
import { valueOf, type StorageArray } from '../../model/snapshot.js'
import { inPercent, inTime, named } from '../in-words.js'
import type { PlacedFleet } from '../policy/placed-fleet.js'
import { victimsOf } from '../policy/victims.js'
import { isAmongPersonal, isStalled, othersWaitMs, waitOf, waitWord, type BoxLoad, type BoxUser } from './box-load.js'
import { halfOfTheWork } from './half-of-the-work.js'
import { strengthAbove } from '../strength.js'

/** Arrays that are slow for those who share them, or that complete nothing at all. */
export function arrayLatency({ policy: { thresholds }, loads }: PlacedFleet): Finding[] {
  return [...loads.values()].flatMap((load) =>
    load.userCount === 0
      ? []
      : load.arrays.flatMap((array) =>
          isStalled(array) ? [stalledFinding(array, load)] : slowFinding(array, load, thresholds['array-latency']),
        ),
  )
}

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

function slowFinding(array: StorageArray, load: BoxLoad, limits: Limits): Finding[] {
  const wait = waitOf(array.metrics)
  if (wait === undefined) return []
  const waitMs = othersWaitMs(wait, load.userCount < 2)
  const strength = strengthAbove(waitMs, limits.above, limits.clearBelow)
  if (strength === undefined) return []
  const culprits = halfOfTheWork(load.users)
  const waiting = victimsOf(load.users.filter((user) => !culprits.includes(user)).map(({ one }) => one.place))
  const parts = [
    `its ${waitWord(wait)} take ${inTime(wait.latencyMs)}`,
    ...(culprits.length > 0 ? [`most of its work: ${named(culprits.map(shareText))}`] : []),
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
      related: [
        ...culprits.map(({ one }): Related => ({ role: 'culprit', subject: vmSubject(one.vm) })),
        ...waiting.related,
      ],
    }),
  ]
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
