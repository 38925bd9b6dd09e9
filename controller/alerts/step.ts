import { formatMoment } from '../../common/units.js'
import type { Alert, Message, Silence, Transition } from '../model/alert.js'
import { findingKey, severityRank, type Finding } from '../model/finding.js'
import { admitted } from './admission.js'
import { dispatch, type DispatchState } from './dispatch.js'
import { inhibited } from './inhibition.js'
import { firingStep, newAlert, pendingStep, transition, type LifeContext, type LifeStep } from './life.js'
import { holdTimesOf, severityOf, type AlertSettings } from './settings.js'
import { silencerOf, silencesInForce } from './silencing.js'
import type { World } from './world.js'

/** All that alerts remember. */
export interface AlertState extends DispatchState {
  /** Made up at each start; the first part of the ids of messages, so that one given while nothing could be kept is never given again. */
  readonly startId: string
  /** The alerts' own clock: milliseconds that the controller watched. */
  readonly clockMs: number
  readonly nextNumber: number
  /** By `findingKey`. */
  readonly alerts: ReadonlyMap<string, Alert>
  /** When, on the alerts' clock, keys fired of late. */
  readonly firings: ReadonlyMap<string, readonly number[]>
  /** By id. */
  readonly silences: ReadonlyMap<string, Silence>
}

/** The moment of a step. */
export interface Tick {
  /** Wall time, for people. */
  readonly atMs: number
  /** Since the step before, by a clock that nobody sets; 0 at the first step after a start. */
  readonly elapsedMs: number
}

export interface Step {
  readonly state: AlertState
  /** For the history, in the order of keys. */
  readonly transitions: readonly Transition[]
  readonly messages: readonly Message[]
  /** What there was no room for. */
  readonly refused: { readonly alerts: number; readonly groups: number }
}

export function emptyAlertState(startId: string): AlertState {
  return {
    startId,
    clockMs: 0,
    nextNumber: 1,
    nextMessage: 1,
    alerts: new Map(),
    firings: new Map(),
    silences: new Map(),
    groups: new Map(),
  }
}

/** What becomes of all alerts, and what is to be told of them. The order of the findings decides nothing. */
export function step(
  state: AlertState,
  findings: readonly Finding[],
  world: World,
  settings: AlertSettings,
  { atMs, elapsedMs }: Tick,
): Step {
  const clockMs = state.clockMs + Math.max(0, elapsedMs)
  const { said, sunk } = byKey(findings, settings)
  const places = placesFor(state.alerts, said, clockMs, settings.bounds.alerts)
  const firings = new Map(recent(state.firings, clockMs - settings.flapping.windowMs))
  const transitions: Transition[] = []
  const alerts = new Map<string, Alert>()
  let { nextNumber } = state
  for (const key of [...new Set([...state.alerts.keys(), ...said.keys()])].sort()) {
    const alert = state.alerts.get(key)
    const found = said.get(key)
    if (alert?.phase !== 'firing' && !places.has(key)) continue
    const next = lifeStep(alert, found, key, world, {
      clockMs,
      atMs,
      times: holdTimesOf(settings, alert?.finding.check ?? found?.check ?? ''),
      flapping: settings.flapping,
      firings: firings.get(key) ?? [],
      nextNumber,
      sight: () => (alert === undefined || sunk.has(key) ? 'seen' : world.sight(alert.finding)),
      hasLeft: (vmUuid, arrayId) => world.hasLeft(vmUuid, arrayId),
    })
    if (next.alert !== undefined) alerts.set(key, next.alert)
    transitions.push(...next.transitions)
    if (next.transitions.some(({ what }) => what === 'fired')) {
      nextNumber += 1
      remember(firings, key, clockMs, settings)
    }
  }
  const marked = withReasonsToBeQuiet(alerts, state.silences, world, settings, atMs)
  transitions.push(...silencingOf(state.alerts, marked, state.silences, settings, atMs))
  const { startId } = state
  const told = dispatch(state, marked, { settings, startId, clockMs, atMs })
  return {
    state: { ...state, ...told.state, clockMs, nextNumber, alerts: marked, firings },
    transitions,
    messages: told.messages,
    refused: { alerts: refusedOf(state.alerts, said, places), groups: told.refused },
  }
}

function lifeStep(
  alert: Alert | undefined,
  finding: Finding | undefined,
  key: string,
  world: World,
  context: LifeContext,
): LifeStep {
  const factsOf = ({ subject, related }: Finding): Alert['facts'] => world.facts(subject, related)
  if (alert?.phase === 'firing') return firingStep(alert, finding, factsOf, context)
  if (alert !== undefined) return pendingStep(alert, finding, factsOf, context)
  return finding?.strength === 'raise'
    ? newAlert(key, finding, factsOf(finding), context)
    : { alert: undefined, transitions: [] }
}

/**
 * What matters of the findings, one a key: of several the most severe that is raised; and keys of what is said, but of too little weight for
 * an alert.
 */
function byKey(
  findings: readonly Finding[],
  settings: AlertSettings,
): { readonly said: ReadonlyMap<string, Finding>; readonly sunk: ReadonlySet<string> } {
  const said = new Map<string, Finding>()
  const sunk = new Set<string>()
  for (const raw of findings) {
    const severity = severityOf(settings, raw.check, raw.severity)
    const key = findingKey(raw)
    if (severityRank[severity] < severityRank[settings.leastSeverity]) {
      sunk.add(key)
      continue
    }
    const before = said.get(key)
    const finding = bounded(severity === raw.severity ? raw : { ...raw, severity })
    if (before === undefined || weightOf(finding) > weightOf(before)) said.set(key, finding)
    else if (weightOf(finding) === weightOf(before) && JSON.stringify(finding) < JSON.stringify(before))
      said.set(key, finding)
  }
  return { said, sunk }
}

function weightOf({ strength, severity }: Finding): number {
  return (strength === 'raise' ? 3 : 0) + severityRank[severity]
}

const mostEvidence = 20
const mostRelated = 50
const longestMessage = 1000

function bounded(finding: Finding): Finding {
  const { message, evidence, related } = finding
  if (message.length <= longestMessage && evidence.length <= mostEvidence && related.length <= mostRelated) {
    return finding
  }
  return {
    ...finding,
    message: message.length > longestMessage ? `${message.slice(0, longestMessage - 1)}…` : message,
    evidence: evidence.slice(0, mostEvidence),
    related: related.slice(0, mostRelated),
  }
}

/** Which of those that pend, or would, have a place beside those that fire. */
function placesFor(
  alerts: ReadonlyMap<string, Alert>,
  said: ReadonlyMap<string, Finding>,
  clockMs: number,
  most: number,
): ReadonlySet<string> {
  const candidates = []
  let firing = 0
  for (const { key, phase, severity, raised } of alerts.values()) {
    if (phase === 'firing') firing += 1
    else candidates.push({ key, severity, sinceClockMs: raised?.sinceClockMs ?? clockMs })
  }
  for (const [key, { severity, strength }] of said) {
    if (strength === 'raise' && !alerts.has(key)) candidates.push({ key, severity, sinceClockMs: clockMs })
  }
  return admitted(candidates, most - firing)
}

function refusedOf(
  alerts: ReadonlyMap<string, Alert>,
  said: ReadonlyMap<string, Finding>,
  places: ReadonlySet<string>,
): number {
  const pending = [...alerts.values()].filter(({ key, phase }) => phase === 'pending' && !places.has(key))
  const fresh = [...said].filter(([key, { strength }]) => strength === 'raise' && !alerts.has(key) && !places.has(key))
  return pending.length + fresh.length
}

function withReasonsToBeQuiet(
  alerts: ReadonlyMap<string, Alert>,
  silences: ReadonlyMap<string, Silence>,
  world: World,
  settings: AlertSettings,
  atMs: number,
): ReadonlyMap<string, Alert> {
  const explained = inhibited(alerts, settings.inhibitions, world)
  const silencedBy = silencerOf(silences, settings.silences, atMs)
  const marked = new Map<string, Alert>()
  for (const [key, alert] of alerts) {
    const silence = silencedBy(alert.finding)
    // What happened is over when it is told: nobody is told of it when the silence ends that it happened in.
    const wasSilenced = alert.silencedBy !== undefined || alert.wasSilenced === true
    const isPast = silence === undefined && wasSilenced && settings.events.has(alert.finding.check)
    const marks = { silencedBy: silence, wasSilenced: isPast || undefined, inhibitedBy: explained.get(key) }
    const isSame =
      alert.silencedBy === marks.silencedBy &&
      alert.wasSilenced === marks.wasSilenced &&
      alert.inhibitedBy === marks.inhibitedBy
    marked.set(key, isSame ? alert : { ...alert, ...marks })
  }
  return marked
}

/** Silences that began or ended for alerts that fire. */
function silencingOf(
  before: ReadonlyMap<string, Alert>,
  now: ReadonlyMap<string, Alert>,
  made: ReadonlyMap<string, Silence>,
  { silences }: AlertSettings,
  atMs: number,
): Transition[] {
  const changed = [...now.values()].filter(({ key, phase, silencedBy }) => {
    const was = before.get(key)
    return phase === 'firing' && silencedBy !== (was?.phase === 'firing' ? was.silencedBy : undefined)
  })
  if (changed.length === 0) return []
  const inForce = new Map(silencesInForce(made.values(), silences, atMs).map((silence) => [silence.id, silence]))
  return changed.map((alert) => {
    const silence = inForce.get(alert.silencedBy ?? '')
    if (silence === undefined) return transition(alert, 'heard', atMs, '')
    const { untilMs, reason, author } = silence
    return transition(alert, 'silenced', atMs, `until ${formatMoment(untilMs)}: ${reason}`, author)
  })
}

function* recent(
  firings: ReadonlyMap<string, readonly number[]>,
  afterClockMs: number,
): Iterable<[string, readonly number[]]> {
  for (const [key, times] of firings) {
    const kept = times.filter((clockMs) => clockMs > afterClockMs)
    if (kept.length > 0) yield [key, kept.length === times.length ? times : kept]
  }
}

/** The key that fired last stands last; the first gives way. */
function remember(
  firings: Map<string, readonly number[]>,
  key: string,
  clockMs: number,
  { flapping, bounds }: AlertSettings,
): void {
  const times = [...(firings.get(key) ?? []), clockMs].slice(-flapping.firings)
  firings.delete(key)
  firings.set(key, times)
  for (const oldest of firings.keys()) {
    if (firings.size <= bounds.remembered) return
    firings.delete(oldest)
  }
}
