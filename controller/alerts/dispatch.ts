import type { Alert, AlertSummary, Change, Message } from '../model/alert.js'
import { byWeight } from './change-order.js'
import { keyedMemberships, routeTimes, withoutTold, type Membership, type RouteTimes } from './grouping.js'
import { severityRank } from '../model/finding.js'
import type { AlertSettings, Route } from './settings.js'

/** What a group of alerts was told of by one way: what is to be said is the difference to it. */
export interface Group {
  readonly key: string
  readonly lane: string
  readonly target: string
  readonly route: string
  readonly labels: Readonly<Record<string, string>>
  readonly recipients: readonly string[]
  /** By number, as they were told. */
  readonly told: ReadonlyMap<number, Told>
  /** Since when there is something to say. */
  readonly waitingClockMs?: number | undefined
  readonly saidClockMs?: number | undefined
  /** Messages in quick succession. */
  readonly burst: number
  /** Id of the first message since nothing of the group fired. */
  readonly thread?: string | undefined
}

export interface Told {
  readonly alert: AlertSummary
  /** It is over, and that was not told yet. */
  readonly resolvedAtMs?: number | undefined
}

export interface DispatchState {
  readonly groups: ReadonlyMap<string, Group>
  /** Of the next message; ids begin with that of the start. */
  readonly nextMessage: number
}

export interface DispatchContext {
  readonly settings: Pick<AlertSettings, 'routes' | 'bounds'>
  readonly startId: string
  readonly clockMs: number
  readonly atMs: number
}

export interface Dispatched {
  readonly state: DispatchState
  readonly messages: readonly Message[]
  /** Groups that there was no room for. */
  readonly refused: number
}

/** Where the interval between messages stops to double, if it is not longer itself. */
const longestIntervalMs = 600_000

/**
 * What is to be told now, and to whom: for each group the difference between what fires and what it was told, when its times allow. A group
 * is told of the end of what it was told of, also when that is silenced, inhibited or acknowledged by then.
 */
export function dispatch(
  state: DispatchState,
  alerts: ReadonlyMap<string, Alert>,
  context: DispatchContext,
): Dispatched {
  const byNumber = new Map<number, Alert>()
  for (const alert of alerts.values()) if (alert.number !== undefined) byNumber.set(alert.number, alert)
  const members = membersByGroup(byNumber.values(), context.settings.routes, state.groups)
  const timesByTarget = routeTimes(context.settings.routes)
  const groups = new Map<string, Group>()
  const messages: Message[] = []
  let { nextMessage } = state
  let refused = 0
  for (const key of [...new Set([...state.groups.keys(), ...members.keys()])].sort()) {
    const known = state.groups.get(key)
    const membership = members.get(key)
    const group = known ?? newGroup(key, membership)
    const times = timesByTarget.get(group?.target ?? '')
    // A way that the settings do not have any more: nobody can be told by it.
    if (group === undefined || times === undefined) continue
    if (known === undefined && groups.size >= context.settings.bounds.groups) {
      refused += 1
      continue
    }
    const said = groupStep(group, membership?.alerts ?? [], byNumber, times, {
      ...context,
      id: `${context.startId}-${nextMessage}`,
    })
    if (said.message !== undefined) {
      messages.push(said.message)
      nextMessage += 1
    }
    if (said.group !== undefined) groups.set(key, said.group)
  }
  return { state: { groups, nextMessage }, messages, refused }
}

interface Members {
  readonly membership: Membership
  readonly alerts: Alert[]
}

/** Whoever was told of an alert stays in that group while it fires: with other labels or owners only those are added who do not know of it. */
function membersByGroup(
  alerts: Iterable<Alert>,
  routes: readonly Route[],
  groups: ReadonlyMap<string, Group>,
): Map<string, Members> {
  const groupsByNumber = new Map<number, Group[]>()
  for (const group of groups.values()) {
    for (const number of group.told.keys()) groupsByNumber.set(number, [...(groupsByNumber.get(number) ?? []), group])
  }
  const members = new Map<string, Members>()
  for (const alert of alerts) {
    const told = groupsByNumber.get(alert.number ?? 0) ?? []
    for (const keyed of keyedMemberships(alert, routes)) {
      const knowing = told.filter(({ target }) => target === keyed.membership.target)
      const isKnown = knowing.some(({ key }) => key === keyed.key)
      const { key, membership } =
        isKnown || knowing.length === 0 ? keyed : (withoutTold(keyed.membership, knowing) ?? nobody)
      if (membership === undefined) continue
      const there = members.get(key)
      if (there === undefined) members.set(key, { membership, alerts: [alert] })
      else there.alerts.push(alert)
    }
  }
  return members
}

const nobody = { key: '', membership: undefined }

function newGroup(key: string, members: Members | undefined): Group | undefined {
  if (members === undefined || !members.alerts.some(isNews)) return undefined
  return { key, ...members.membership, told: new Map(), burst: 0 }
}

/** Somebody should hear of it first: it stands now, and nothing and nobody says otherwise. */
function isNews(alert: Alert): boolean {
  return isTellable(alert) && (alert.sighting === 'raised' || alert.sighting === 'kept')
}

function isTellable({ silencedBy, wasSilenced, inhibitedBy, acknowledged }: Alert): boolean {
  const isSilent = silencedBy !== undefined || wasSilenced === true
  return !isSilent && inhibitedBy === undefined && acknowledged === undefined
}

function groupStep(
  before: Group,
  members: readonly Alert[],
  byNumber: ReadonlyMap<number, Alert>,
  times: RouteTimes,
  context: DispatchContext & { readonly id: string },
): { readonly group: Group | undefined; readonly message: Message | undefined } {
  const { clockMs } = context
  const group = withEnds(before, byNumber, context.atMs)
  const changes = differences(group, members, byNumber, context.atMs)
  const sinceSaidMs = group.saidClockMs === undefined ? Infinity : clockMs - group.saidClockMs
  const intervalMs = intervalOf(group, times)
  if (changes.length > 0) {
    const waitingClockMs = group.waitingClockMs ?? clockMs
    const isDue = clockMs - waitingClockMs >= times.groupWaitMs && sinceSaidMs >= intervalMs
    if (!isDue) return { group: { ...group, waitingClockMs }, message: undefined }
    return said(group, changes, sinceSaidMs > 2 * intervalMs ? 1 : group.burst + 1, context)
  }
  const reminders = sinceSaidMs >= times.repeatMs ? remindersOf(group, byNumber, context.atMs) : []
  if (reminders.length > 0) return said(group, reminders, 1, context)
  // What it remembers of its last message matters until the next could come as soon as it likes.
  const isOver = group.told.size === 0 && sinceSaidMs > 2 * intervalMs
  const rested = group.waitingClockMs === undefined ? group : { ...group, waitingClockMs: undefined }
  return { group: isOver ? undefined : rested, message: undefined }
}

function intervalOf({ burst }: Group, { groupIntervalMs }: RouteTimes): number {
  const longest = Math.max(groupIntervalMs, longestIntervalMs)
  return Math.min(longest, groupIntervalMs * 2 ** Math.max(0, Math.min(burst - 1, 20)))
}

/** Notes the moment at which what was told came to its end. */
function withEnds(group: Group, byNumber: ReadonlyMap<number, Alert>, atMs: number): Group {
  const ended = [...group.told].filter(([number, told]) => told.resolvedAtMs === undefined && !byNumber.has(number))
  if (ended.length === 0) return group
  const told = new Map(group.told)
  for (const [number, { alert }] of ended) told.set(number, { alert, resolvedAtMs: atMs })
  return { ...group, told }
}

/** What the group does not know yet: what stands, the most severe first, and then what is over. */
function differences(
  group: Group,
  members: readonly Alert[],
  byNumber: ReadonlyMap<number, Alert>,
  atMs: number,
): Change[] {
  const changes: Change[] = []
  for (const { alert, resolvedAtMs } of group.told.values()) {
    if (resolvedAtMs !== undefined) {
      changes.push({ what: 'resolved', atMs: resolvedAtMs, alert })
      continue
    }
    const now = byNumber.get(alert.number)
    if (now === undefined) continue
    if (now.severity === alert.severity) {
      // Who has acknowledged it did not know that.
      if (isGraver(now, alert) && isTellable({ ...now, acknowledged: undefined }))
        changes.push({ what: 'worse', atMs, alert: summaryOf(now) })
      continue
    }
    // Worse is told to whoever has acknowledged it too.
    const isWorse = severityRank[now.severity] > severityRank[alert.severity]
    if (!isTellable(isWorse ? { ...now, acknowledged: undefined } : now)) continue
    changes.push({ what: 'severity', atMs, alert: summaryOf(now), before: alert.severity })
  }
  for (const alert of members) {
    if (alert.number === undefined || group.told.has(alert.number) || !isNews(alert)) continue
    changes.push({ what: 'fired', atMs: alert.firedAtMs ?? atMs, alert: summaryOf(alert) })
  }
  return changes.sort(byWeight)
}

/** A change of severity has to hold before it counts: until then the finding's grade is that of another severity. */
function isGraver({ severity, finding, sighting }: Alert, told: AlertSummary): boolean {
  return sighting === 'raised' && finding.severity === severity && (finding.grade ?? 0) > (told.grade ?? 0)
}

function remindersOf(group: Group, byNumber: ReadonlyMap<number, Alert>, atMs: number): Change[] {
  return [...group.told.keys()]
    .flatMap((number) => byNumber.get(number) ?? [])
    .filter(isTellable)
    .map((alert): Change => ({ what: 'reminder', atMs, alert: summaryOf(alert) }))
    .sort(byWeight)
}

function said(
  group: Group,
  changes: readonly Change[],
  burst: number,
  { id, atMs, clockMs, settings }: DispatchContext & { readonly id: string },
): { readonly group: Group; readonly message: Message } {
  const told = new Map(group.told)
  for (const { what, alert } of changes) {
    if (what === 'resolved') told.delete(alert.number)
    else told.set(alert.number, { alert })
  }
  const { lane, target, route, labels, recipients } = group
  const thread = group.thread ?? id
  const fitting = changes.slice(0, settings.bounds.changesPerMessage)
  return {
    group: {
      ...group,
      told,
      waitingClockMs: undefined,
      saidClockMs: clockMs,
      burst,
      thread: told.size === 0 ? undefined : thread,
    },
    message: {
      id,
      lane,
      target,
      route,
      group: labels,
      recipients,
      thread,
      atMs,
      changes: fitting,
      leftOut: changes.length - fitting.length,
      firing: told.size,
    },
  }
}

/** What a lane was told to fire, and was not told to be over: as severe as it was told, in the words of now. */
export function firingOf(
  { groups }: Pick<DispatchState, 'groups'>,
  alerts: ReadonlyMap<string, Alert>,
  lane: string,
): AlertSummary[] {
  const byNumber = new Map(Array.from(alerts.values(), (alert) => [alert.number, alert]))
  return [...groups.values()]
    .filter((group) => group.lane === lane)
    .flatMap(({ told }) => [...told.values()])
    .filter(({ resolvedAtMs }) => resolvedAtMs === undefined)
    .map(({ alert }) => {
      const now = byNumber.get(alert.number)
      // By severity and subject a receiver knows it again.
      return now === undefined ? alert : { ...summaryOf(now), severity: alert.severity, subject: alert.subject }
    })
}

export function summaryOf({ number, severity, finding, facts, firedAtMs, flapping }: Alert): AlertSummary {
  const { check, subject, part, message, grade, evidence, related } = finding
  return {
    number: number ?? 0,
    check,
    subject,
    part,
    severity,
    message,
    facts,
    firedAtMs: firedAtMs ?? 0,
    flapping,
    ...(grade !== undefined && { grade }),
    evidence,
    related,
  }
}
