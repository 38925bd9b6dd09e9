import type { Alert, Hold, Sighting, Transition } from '../model/alert.js'
import { severityRank, type Evidence, type Finding, type Related, type Subject } from '../model/finding.js'
import { heldMs, pausedMs, pauseHold, resumeHold, startHold } from './hold.js'
import type { Flapping, HoldTimes } from './settings.js'
import type { Sight, World } from './world.js'

/** What the life of one alert depends on. */
export interface LifeContext {
  readonly clockMs: number
  readonly atMs: number
  readonly times: HoldTimes
  readonly flapping: Flapping
  /** When, on the alerts' clock, its key fired within the window of flapping. */
  readonly firings: readonly number[]
  readonly nextNumber: number
  /** Whether its subject could be judged. */
  readonly sight: () => Sight
  readonly hasLeft: World['hasLeft']
}

/** What becomes of an alert in one step; without an alert it is over, or never began. */
export interface LifeStep {
  readonly alert: Alert | undefined
  readonly transitions: readonly Transition[]
}

const over: LifeStep = { alert: undefined, transitions: [] }

/** A pending alert that nobody could look at for so long is forgotten: it begins anew if it is still there. */
const forgetUnseenMs = 600_000

/** An alert that has just been raised for the first time. */
export function newAlert(key: string, finding: Finding, facts: Alert['facts'], context: LifeContext): LifeStep {
  const alert: Alert = {
    key,
    phase: 'pending',
    finding,
    severity: finding.severity,
    facts,
    sighting: 'raised',
    startedAtMs: context.atMs,
    raised: startHold(context.clockMs),
    flapping: false,
  }
  return fireIfHeld(alert, alert.raised, context)
}

/** One step of a pending alert. `finding`: what is said of its key now. */
export function pendingStep(
  alert: Alert,
  finding: Finding | undefined,
  facts: (finding: Finding) => Alert['facts'],
  context: LifeContext,
): LifeStep {
  const { clockMs, times } = context
  if (finding?.strength === 'raise') {
    const raised = resumeHold(alert.raised ?? startHold(clockMs), clockMs)
    const factsNow = factsOf(alert, () => facts(finding))
    if (raised === alert.raised && isSame(alert, finding, factsNow)) return fireIfHeld(alert, raised, context)
    const { severity } = finding
    return fireIfHeld({ ...alert, finding, severity, facts: factsNow, sighting: 'raised', raised }, raised, context)
  }
  const sighting = sightingOf(finding, context)
  if (sighting === 'clear') return over
  const raised = pauseHold(alert.raised ?? startHold(clockMs), clockMs)
  const patienceMs = sighting === 'unseen' ? Math.max(forgetUnseenMs, times.raiseAfterMs) : times.raiseAfterMs
  if (pausedMs(raised, clockMs) > patienceMs) return over
  return { alert: settled(alert, { sighting, raised }), transitions: [] }
}

/** One step of a firing alert. */
export function firingStep(
  alert: Alert,
  finding: Finding | undefined,
  facts: (finding: Finding) => Alert['facts'],
  context: LifeContext,
): LifeStep {
  if (finding?.strength === 'raise') {
    const named = withNamedBefore(alert.finding, finding, context)
    return raisedAgain(
      alert,
      named,
      factsOf(alert, () => facts(named)),
      context,
    )
  }
  const sighting = sightingOf(finding, context)
  const { clockMs } = context
  switch (sighting) {
    case 'kept':
      return { alert: settled(alert, { sighting, cleared: undefined, severityHold: undefined }), transitions: [] }
    case 'unseen': {
      const cleared = alert.cleared === undefined ? undefined : pauseHold(alert.cleared, clockMs)
      return { alert: settled(alert, { sighting, cleared, severityHold: undefined }), transitions: [] }
    }
    case 'clear': {
      const cleared = alert.cleared === undefined ? startHold(clockMs) : resumeHold(alert.cleared, clockMs)
      if (heldMs(cleared, clockMs) >= clearAfterMs(alert, context)) return resolved(alert, context)
      return { alert: settled(alert, { sighting, cleared, severityHold: undefined }), transitions: [] }
    }
  }
}

const mostRelated = 50

/**
 * Who was said to cause it stays so until somebody else is, or it has left the array that this is about: after a start nobody knows what
 * others did before.
 */
function withNamedBefore({ related: before }: Finding, finding: Finding, { hasLeft }: LifeContext): Finding {
  if (finding.related.some(({ role }) => role === 'culprit')) return finding
  const { kind, id } = finding.subject
  const isThere = (one: Subject): boolean => kind !== 'array' || one.kind !== 'vm' || !hasLeft(one.id, id)
  const named = before.filter(({ role, subject }) => role === 'culprit' && isThere(subject))
  if (named.length === 0) return finding
  const ids = new Set(named.map(({ subject }) => subject.id))
  const others = finding.related.filter(({ subject }) => !ids.has(subject.id))
  return { ...finding, related: [...named, ...others].slice(0, mostRelated) }
}

/** How long an alert has to be clear: long for one that flaps. */
export function clearAfterMs(
  { flapping }: Pick<Alert, 'flapping'>,
  { times, flapping: { quietMs } }: Pick<LifeContext, 'times' | 'flapping'>,
): number {
  return flapping ? Math.max(times.clearAfterMs, quietMs) : times.clearAfterMs
}

function sightingOf(finding: Finding | undefined, { sight }: LifeContext): Exclude<Sighting, 'raised'> {
  if (finding !== undefined) return 'kept'
  return sight() === 'unseen' ? 'unseen' : 'clear'
}

function fireIfHeld(alert: Alert, raised: Hold | undefined, context: LifeContext): LifeStep {
  const { clockMs, atMs, times, flapping, firings, nextNumber } = context
  if (raised !== undefined && heldMs(raised, clockMs) < times.raiseAfterMs) return { alert, transitions: [] }
  const fired: Alert = {
    ...alert,
    phase: 'firing',
    number: nextNumber,
    firedAtMs: atMs,
    raised: undefined,
    flapping: firings.length + 1 >= flapping.firings,
  }
  const detail = fired.flapping ? `flapping: fired ${firings.length + 1} times of late` : ''
  return { alert: fired, transitions: [transition(fired, 'fired', atMs, detail)] }
}

function raisedAgain(alert: Alert, finding: Finding, facts: Alert['facts'], context: LifeContext): LifeStep {
  const { clockMs, times } = context
  if (isSame(alert, finding, facts)) return { alert, transitions: [] }
  const difference = severityRank[finding.severity] - severityRank[alert.severity]
  const now: Alert = { ...alert, finding, facts, sighting: 'raised', cleared: undefined, severityHold: undefined }
  if (difference === 0) return { alert: now, transitions: [] }
  const direction = difference > 0 ? ('up' as const) : ('down' as const)
  const before = alert.severityHold
  const hold = before?.direction === direction ? before : { direction, sinceClockMs: clockMs }
  const hasToHoldMs = direction === 'up' ? times.raiseAfterMs : times.clearAfterMs
  if (clockMs - hold.sinceClockMs < hasToHoldMs) {
    return { alert: { ...now, severityHold: hold }, transitions: [] }
  }
  const changed = { ...now, severity: finding.severity }
  return { alert: changed, transitions: [transition(changed, 'severity', context.atMs, `was ${alert.severity}`)] }
}

/** Whether a look brought nothing new: then the alert stays the same object, so that whoever looks at it can tell. */
function isSame(alert: Alert, finding: Finding, facts: Alert['facts']): boolean {
  const { severity, sighting, cleared, severityHold } = alert
  if (sighting !== 'raised' || cleared !== undefined || severityHold !== undefined) return false
  return severity === finding.severity && alert.facts === facts && isSaidAlike(alert.finding, finding)
}

/** The same object as long as they say the same. */
function factsOf({ facts: before }: Alert, facts: () => Alert['facts']): Alert['facts'] {
  const now = facts()
  return areFactsAlike(before, now) ? before : now
}

/** Of one key. Most findings are the same objects from look to look. */
function isSaidAlike(a: Finding, b: Finding): boolean {
  if (a === b) return true
  return (
    a.message === b.message &&
    a.grade === b.grade &&
    a.subject.name === b.subject.name &&
    areAlike(a.evidence, b.evidence, isEvidenceAlike) &&
    areAlike(a.related, b.related, isRelatedAlike)
  )
}

function areFactsAlike(a: Alert['facts'], b: Alert['facts']): boolean {
  return (
    a.host === b.host &&
    a.group === b.group &&
    areAlike(a.owners, b.owners, Object.is) &&
    areAlike(a.groups ?? [], b.groups ?? [], Object.is)
  )
}

function isEvidenceAlike(a: Evidence, b: Evidence): boolean {
  return (
    a.entityKind === b.entityKind &&
    a.entityId === b.entityId &&
    a.field === b.field &&
    Object.is(a.value, b.value) &&
    Object.is(a.limit, b.limit)
  )
}

function isRelatedAlike({ role, subject: a }: Related, { role: otherRole, subject: b }: Related): boolean {
  return role === otherRole && a.kind === b.kind && a.id === b.id && a.name === b.name
}

function areAlike<Item>(
  some: readonly Item[],
  others: readonly Item[],
  isAlike: (a: Item, b: Item) => boolean,
): boolean {
  if (some === others) return true
  // Both are of one length.
  return some.length === others.length && some.every((one, at) => isAlike(one, others[at] ?? one))
}

/** Where it is over without having been seen to be. */
const whyOver = {
  seen: '',
  unseen: '',
  gone: 'its subject is gone',
  excepted: 'the policy excepts it',
} as const satisfies Record<Sight, string>

function resolved(alert: Alert, { sight, atMs }: LifeContext): LifeStep {
  return { alert: undefined, transitions: [transition(alert, 'resolved', atMs, whyOver[sight()])] }
}

/** The same object where nothing changes: what did not change need not be written. */
function settled(alert: Alert, change: Partial<Alert>): Alert {
  const same = Object.entries(change).every(([name, value]) => Reflect.get(alert, name) === value)
  return same ? alert : { ...alert, ...change }
}

export function transition(
  { number, severity, finding: { check, subject, part, message } }: Alert,
  what: Transition['what'],
  atMs: number,
  detail: string,
  author = '',
): Transition {
  return { atMs, number: number ?? 0, what, check, subject, part, severity, message, detail, author }
}
