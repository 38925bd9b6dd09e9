import { formatBytes, formatRate } from '../../../common/units.js'
import type { ArrayCondition, Interval } from '../../model/array-condition.js'
import { finding, type Finding, type Related, type Severity, type Subject } from '../../model/finding.js'
import type { Snapshot } from '../../model/snapshot.js'
import type { WatchedArray } from '../../model/watched-array.js'
import { inPercent, inTime, named } from '../in-words.js'
import type { PlacedFleet } from '../policy/placed-fleet.js'
import { victimsOf } from '../policy/victims.js'
import { rankSuspects, type Suspect } from './array-suspects.js'
import type { BoxUser } from './box-load.js'

/** Write caches that are nearly full or overflow, arrays that stand still, and what fills one at any time; who did it, who waits, what helps. */
export function arrayCache(fleet: PlacedFleet, watched: ReadonlyMap<string, WatchedArray>): Finding[] {
  const { burstWithin, clearBelow } = fleet.policy.thresholds['array-cache']
  return [...watched.values()].flatMap((one) => {
    const subject = subjectOf(one, fleet)
    return subject === undefined
      ? []
      : [
          ...stateFinding(one, subject, fleet),
          ...keepingFinding(one.condition, subject, clearBelow),
          ...burstFinding(one, subject, burstWithin),
        ]
  })
}

/** The box, whichever of its arrays are in sight. */
function subjectOf({ condition, arrayKeys }: WatchedArray, { boxOf, snapshot }: PlacedFleet): Subject | undefined {
  const key = arrayKeys.find((one) => snapshot.arrays.has(one))
  return key === undefined ? undefined : { kind: 'array', id: condition.boxId, name: boxOf(key).name }
}

/** Ignorance ends nothing; and a cache that was full is not well as soon as there is a little room. */
function keepingFinding({ state, fill, capacity }: ArrayCondition, subject: Subject, clearBelow: number): Finding[] {
  const isUnknown = state === 'unknown'
  const isFullStill = fill !== undefined && fill.likely >= clearBelow * capacity.likely
  // What is raised needs no keeping.
  if ((!isUnknown && !isFullStill) || isWorse.has(state)) return []
  const message = isUnknown ? 'what its write cache does is not known' : 'its write cache is not clearly below full yet'
  return [finding({ check: 'array-cache', severity: 'warning', subject, strength: 'keep', message })]
}

function stateFinding(watched: WatchedArray, subject: Subject, fleet: PlacedFleet): Finding[] {
  const { condition, expectsWriteBack } = watched
  const named = { check: 'array-cache', subject }
  if (!isWorse.has(condition.state)) return []
  const users = fleet.loads.get(condition.boxId)?.users ?? []
  const severity = severityOf(condition, expectsWriteBack, users)
  if (severity === undefined) return []
  const suspects = condition.state === 'write-through' ? [] : rankSuspects(watched, fleet.snapshot)
  const suspected = new Set(suspects.map(({ subject: { id } }) => id))
  const waiting = victimsOf(users.map(({ one }) => one.place).filter(({ uuid }) => !suspected.has(uuid)))
  const { text, remedy } = words(condition, suspects)
  const parts = [
    text,
    ...(suspects.length > 0 ? [`${suspectWord(condition)} ${suspectNames(suspects)}`] : []),
    ...(waiting.related.length > 0 ? [`others there: ${waiting.names}`] : []),
    remedy,
  ]
  return [
    finding({
      ...named,
      severity,
      message: parts.join('; '),
      evidence: [
        {
          entityKind: 'array_cache',
          entityId: condition.boxId,
          field: 'fillBytes',
          value: condition.fill?.likely,
          limit: condition.state === 'write-through' ? undefined : condition.capacity.likely,
        },
      ],
      related: [
        ...suspects.map((suspect): Related => ({ role: 'culprit', subject: suspect.subject })),
        ...arraysOfBox(watched, fleet.snapshot),
        ...waiting.related,
      ],
    }),
  ]
}

/** The arrays that the policy joins to the box. */
function arraysOfBox({ condition: { boxId }, arrayKeys }: WatchedArray, { arrays }: Snapshot): Related[] {
  return arrayKeys
    .filter((id) => id !== boxId)
    .map((id) => ({ role: 'victim', subject: { kind: 'array', id, name: arrays.get(id)?.name || id } }))
}

/** Undefined: nothing to tell. */
function severityOf(
  { state, capacity }: ArrayCondition,
  expectsWriteBack: boolean,
  users: readonly BoxUser[],
): Severity | undefined {
  switch (state) {
    case 'stalled':
      return 'critical'
    case 'saturated':
      return users.some(({ one }) => one.place.class === 'core') ? 'critical' : 'warning'
    case 'near-full':
      // What fits is a guess until it was told or seen: that is shown, and wakes nobody.
      return capacity.basis === 'assumed' ? 'info' : 'warning'
    case 'write-through':
      return expectsWriteBack ? 'warning' : undefined
    default:
      return undefined
  }
}

function words(
  condition: ArrayCondition,
  suspects: readonly Suspect[],
): { readonly text: string; readonly remedy: string } {
  const { state, fill, capacity, drain, inflowBytesPerSecond: inflow = 0, secondsToSaturation, loadClass } = condition
  const drains = `${formatRate(drain.likely)} (${rates(drain)})`
  switch (state) {
    case 'stalled':
      return {
        text: 'it stands still: requests wait, and none ends',
        remedy: suspects.length > 0 ? `stop ${first(suspects)}, then look at the box` : 'look at the box',
      }
    case 'write-through':
      return {
        text: `its write cache is off: writes wait for its disks, which take ${drains}`,
        remedy: 'look at its battery, and until it is on let bulk copies run one at a time',
      }
    case 'saturated':
      // At the first overflow nobody knows the drain: a figure with so wide an interval says nothing.
      return {
        text: `its write cache is full: ${isRough(drain) ? 'writes wait for its disks' : `writes get the ${drains} that drain`}`,
        remedy: slowDown(suspects),
      }
    default: {
      const soon = secondsToSaturation === undefined ? '' : `, full in ${seconds(secondsToSaturation)}`
      const level = fill === undefined ? '' : `: ${formatBytes(fill.likely)} of about ${formatBytes(capacity.likely)}`
      const kind = loadClass === 'sequential' ? '' : ` at ${loadClass} load`
      const flows = `${formatRate(inflow)} come in and ${formatRate(drain.likely)} drain${kind}`
      return { text: `its write cache is nearly full${level}; ${flows}${soon}`, remedy: slowDown(suspects) }
    }
  }
}

function suspectWord({ state }: ArrayCondition): string {
  return state === 'stalled' ? 'just before, most of its work was of' : 'most of its work:'
}

function suspectNames(suspects: readonly Suspect[]): string {
  return named(
    suspects.map(({ subject, share, writeBytesPerSecond }) => {
      const who = subject.kind === 'host' ? `${subject.name} itself` : subject.name
      return `${who} (${inPercent(share)}, writes ${formatRate(writeBytesPerSecond)})`
    }),
  )
}

function slowDown(suspects: readonly Suspect[]): string {
  if (suspects.length === 0) return 'let bulk copies run one at a time'
  const isHost = suspects[0]?.subject.kind === 'host'
  if (isHost) return `pause what copies on ${first(suspects)}`
  return `limit or pause ${first(suspects)}, or let it wait; another host does not help, another array for its disk does`
}

function first(suspects: readonly Suspect[]): string {
  return suspects[0]?.subject.name ?? ''
}

/** An interval whose ends are farther apart than this, as a factor, is not said. */
const roughly = 5

const isWorse: ReadonlySet<ArrayCondition['state']> = new Set(['near-full', 'saturated', 'stalled', 'write-through'])

function burstFinding({ condition, expectsWriteBack }: WatchedArray, subject: Subject, withinMs: number): Finding[] {
  const { burst, capacity, drains, boxId, state } = condition
  const two = burst.secondsForTwoCopies
  const isKnown = capacity.basis !== 'assumed' && drains.sequential !== undefined
  // While it is full or stands still there is worse to say.
  if (!isKnown || !expectsWriteBack || isWorse.has(state)) return []
  if (two === undefined || two.likely * 1000 > withinMs) return []
  const rate = formatRate(burst.bulkCopyBytesPerSecond)
  return [
    finding({
      check: 'array-cache',
      severity: 'info',
      subject,
      part: 'burst',
      message: `two bulk copies of ${rate} each fill its write cache in ${seconds(two)}, faster than anybody can be warned; let them run one at a time`,
      evidence: [
        { entityKind: 'array_cache', entityId: boxId, field: 'roomBytes', value: burst.room.likely, limit: undefined },
      ],
    }),
  ]
}

/** `about 4 s (3 s to 6 s)`. */
function seconds({ low, likely, high }: Interval): string {
  const text = (value: number): string => inTime(Math.max(1, Math.round(value)) * 1000)
  return text(low) === text(high) ? `about ${text(likely)}` : `about ${text(likely)} (${text(low)} to ${text(high)})`
}

function isRough({ low, high }: Interval): boolean {
  return high > roughly * low
}

function rates({ low, high }: Interval): string {
  return `${formatRate(low)} to ${formatRate(high)}`
}
