import { formatBytes, formatRate } from '../../../common/units.js'
import { isRough, remedies, type Remedy } from '../../arrays/remedies.js'
import type { ArrayCondition, Interval } from '../../model/array-condition.js'
import { finding, type Finding, type Related, type Severity, type Subject } from '../../model/finding.js'
import type { Snapshot } from '../../model/snapshot.js'
import type { WatchedArray } from '../../model/watched-array.js'
import { inPercent, named } from '../in-words.js'
import type { PlacedFleet } from '../policy/placed-fleet.js'
import { victimsOf, type Victims } from '../policy/victims.js'
import { aboutUsers, blamedAt, type Blamed } from './array-culprits.js'
import { rankSuspects, type Suspect } from './array-suspects.js'
import type { BoxLoad, BoxUser } from './box-load.js'
import { inSeconds, remediesWords } from './remedy-words.js'

/** Write caches that are nearly full or overflow, arrays that stand still, and what fills one at any time; who did it, who waits, what helps. */
export function arrayCache(fleet: PlacedFleet, watched: ReadonlyMap<string, WatchedArray>): Finding[] {
  const { burstWithin, clearBelow } = fleet.policy.thresholds['array-cache']
  return [...watched.values()].flatMap((one) => {
    const subject = subjectOf(one, fleet)
    // Where the policy has just joined arrays anew nobody knows yet who uses the box.
    const load = fleet.loads.get(one.condition.boxId) ?? { users: [] }
    return subject === undefined
      ? []
      : [
          ...stateFinding(one, subject, load, fleet),
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
  // After a start, or late reports, it is thought to be idle, and nobody knows what is in the cache.
  const isUnknown = state === 'unknown' || fill === undefined
  const isFullStill = fill !== undefined && fill.likely >= clearBelow * capacity.likely
  // What is raised needs no keeping.
  if ((!isUnknown && !isFullStill) || isWorse.has(state)) return []
  const message = isUnknown ? 'what its write cache does is not known' : 'its write cache is not clearly below full yet'
  return [finding({ check: 'array-cache', severity: 'warning', subject, strength: 'keep', message })]
}

function stateFinding(
  watched: WatchedArray,
  subject: Subject,
  load: Users,
  { snapshot }: Pick<PlacedFleet, 'snapshot'>,
): Finding[] {
  const { condition, expectsWriteBack, culprits } = watched
  const named = { check: 'array-cache', subject }
  if (!isWorse.has(condition.state)) return []
  const severity = severityOf(condition, expectsWriteBack, load.users)
  if (severity === undefined) return []
  const who = condition.state === 'write-through' ? noOne : whoOf(watched, load, snapshot)
  const waiting = waitingAt(watched, load, who.ids)
  const helps = remedies(condition, { suspects: who.blamed?.suspects ?? [] }, aboutUsers(load, snapshot))
  const isTold = culprits.incidentSince !== undefined && culprits.victims.length > 0
  const parts = [
    words(condition),
    ...(who.text === '' ? [] : [who.text]),
    ...(who.blamed?.byBytes === undefined ? [] : [`sorted by bytes it would be ${who.blamed.byBytes}`]),
    ...(waiting.related.length > 0 ? [`${isTold ? 'who waits' : 'others there'}: ${waiting.names}`] : []),
    `${helpsWord(helps)}: ${remediesWords(helps)}`,
  ]
  return [
    finding({
      ...named,
      severity,
      // Full may be critical already: that nothing ends any more is told all the same.
      ...(condition.state === 'stalled' && { grade: 1 }),
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
      related: [...who.related, ...arraysOfBox(watched, snapshot), ...waiting.related],
    }),
  ]
}

/** Limits are a command away, all else is for people. */
function helpsWord(helps: readonly Remedy[]): string {
  const isLimit = helps.some(({ action }) => action === 'limit')
  return isLimit ? 'what would help (limits by headroom alert remedy, the rest by hand)' : 'what would help, by hand'
}

type Users = Pick<BoxLoad, 'users'>

interface Who {
  readonly text: string
  readonly ids: ReadonlySet<string>
  readonly related: readonly Related[]
  readonly blamed: Blamed | undefined
}

/** An alert keeps fifty; the arrays of the box, which it explains, have to be among them. */
const mostNamed = 20

const noOne: Who = { text: '', ids: new Set(), related: [], blamed: undefined }

/** Who does more than usual; where nobody does, or the watch has just begun, who does most. */
function whoOf({ condition, culprits, ...watched }: WatchedArray, load: Users, snapshot: Snapshot): Who {
  const blamed = blamedAt(culprits, load, snapshot)
  if (blamed !== undefined) {
    const word = condition.state === 'near-full' ? 'who fills it' : 'who makes others wait'
    return { text: `${word}: ${blamed.text}`, ids: blamed.ids, related: blamed.related, blamed }
  }
  const suspects = rankSuspects(watched, snapshot)
  if (suspects.length === 0) return noOne
  return {
    text: `${condition.state === 'stalled' ? 'just before, most of its work was of' : 'most of its work:'} ${suspectNames(suspects)}`,
    ids: new Set(suspects.map(({ subject: { id } }) => id)),
    related: suspects.slice(0, mostNamed).map((suspect): Related => ({ role: 'culprit', subject: suspect.subject })),
    blamed: undefined,
  }
}

/** Those who are seen to wait longer than usual; where nobody is, and where the array stands still for everybody, all others. */
function waitingAt({ condition, culprits }: WatchedArray, { users }: Users, suspected: ReadonlySet<string>): Victims {
  const waits = new Set(culprits.victims.map(({ id }) => id))
  const others = users.map(({ one }) => one.place).filter(({ uuid }) => !suspected.has(uuid))
  const known = others.filter(({ uuid }) => waits.has(uuid))
  return victimsOf(known.length > 0 && condition.state !== 'stalled' ? known : others)
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

function words(condition: ArrayCondition): string {
  const { state, fill, capacity, drain, inflowBytesPerSecond: inflow = 0, secondsToSaturation, loadClass } = condition
  const drains = `${formatRate(drain.likely)} (${rates(drain)})`
  switch (state) {
    case 'stalled':
      return 'it stands still: requests wait, and none ends'
    case 'write-through':
      return `its write cache is off: writes wait for its disks, which take ${drains}`
    case 'saturated':
      // At the first overflow nobody knows the drain: a figure with so wide an interval says nothing.
      return `its write cache is full: ${isRough(drain) ? 'writes wait for its disks' : `writes get the ${drains} that drain`}`
    default: {
      const soon = secondsToSaturation === undefined ? '' : `, full in ${inSeconds(secondsToSaturation)}`
      const level = fill === undefined ? '' : `: ${formatBytes(fill.likely)} of about ${formatBytes(capacity.likely)}`
      const kind = loadClass === 'sequential' ? '' : ` at ${loadClass} load`
      const flows = `${formatRate(inflow)} come in and ${formatRate(drain.likely)} drain${kind}`
      return `its write cache is nearly full${level}; ${flows}${soon}`
    }
  }
}

function suspectNames(suspects: readonly Suspect[]): string {
  return named(
    suspects.map(({ subject, share, writeBytesPerSecond }) => {
      const who = subject.kind === 'host' ? `${subject.name} itself` : subject.name
      return `${who} (${inPercent(share)}, writes ${formatRate(writeBytesPerSecond)})`
    }),
  )
}

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
      message: `two bulk copies of ${rate} each fill its write cache in ${inSeconds(two)}, faster than anybody can be warned; let them run one at a time`,
      evidence: [
        { entityKind: 'array_cache', entityId: boxId, field: 'roomBytes', value: burst.room.likely, limit: undefined },
      ],
    }),
  ]
}

function rates({ low, high }: Interval): string {
  return `${formatRate(low)} to ${formatRate(high)}`
}
