/** How findings become alerts and whom they are told to, as plain data after defaults. Patterns: `*` stands for any characters. */
import { eventChecks } from '../model/check-table.js'
import type { HeartbeatRule, RouteRule, SilenceRule, TargetRule } from '../model/policy.js'
import type { Severity, SubjectKind } from '../model/finding.js'

export interface AlertSettings {
  /** Findings below this stay findings: they are shown, and become no alerts. */
  readonly leastSeverity: Severity
  readonly defaultHold: HoldTimes
  /** By name of the check; what is left out is the default's. */
  readonly checks: Readonly<Record<string, Partial<HoldTimes> & { readonly severity?: Severity | undefined }>>
  /** Checks that tell of what happened: what a silence covered of that is not told when the silence ends. */
  readonly events: ReadonlySet<string>
  readonly inhibitions: readonly Inhibition[]
  readonly flapping: Flapping
  readonly silences: readonly SilenceRule[]
  /** Every route that matches is told. */
  readonly routes: readonly Route[]
  readonly heartbeat: HeartbeatRule | undefined
  readonly bounds: AlertBounds
}

export interface HoldTimes {
  /** How long a finding has to be raised before its alert fires; a change to a higher severity has to hold as long. */
  readonly raiseAfterMs: number
  /** How long it has to be over before the alert is resolved; a change to a lower severity has to hold as long. */
  readonly clearAfterMs: number
}

/** An alert that explains others: while it pends or fires, nobody is told of them. */
export interface Inhibition {
  readonly name: string
  readonly source: AlertPattern
  readonly target: AlertPattern
  /**
   * `same`: both are about one subject. `inside`: the target's subject is inside the source's: a VM on a host or with disks on an array, a
   * host of an agent. `victim`: the source names the target's subject as its victim. `culprit`: the target names the source's subject as its culprit.
   */
  readonly relation: 'same' | 'inside' | 'victim' | 'culprit'
}

export interface AlertPattern {
  /** Pattern of names of checks. */
  readonly check: string
  readonly kind?: SubjectKind | undefined
  readonly severity?: Severity | undefined
}

/** An alert that fired `firings` times within `windowMs` flaps: from then on it has to be clear for `quietMs` before it is resolved. */
export interface Flapping {
  readonly firings: number
  readonly windowMs: number
  readonly quietMs: number
}

export const groupLabels = ['check', 'severity', 'subject', 'host', 'group', 'owner'] as const
export type GroupLabel = (typeof groupLabels)[number]

/** As the policy file has them. */
export type Route = RouteRule
export type Target = TargetRule

/** Limits of what is kept. Whatever is dropped is counted. */
export interface AlertBounds {
  /** Alerts that pend or fire. Those that fire stay; of the others the less severe and the younger give way. */
  readonly alerts: number
  /** Keys whose firings are remembered to see flapping; the oldest goes. */
  readonly remembered: number
  /** Silences made by people, ended ones included; the one that ended first goes. */
  readonly silences: number
  /** Groups of alerts that are told together; nothing is told of further ones. */
  readonly groups: number
  /** Changes in one message; a message that would be longer says how many were left out. */
  readonly changesPerMessage: number
  /** Messages that wait in one queue; the oldest goes. */
  readonly queued: number
  /** With more than this many waiting they become one. */
  readonly digestOver: number
  /** A message that could not be sent for this long is given up. */
  readonly queuedForMs: number
  /** Lines of the history of alerts; the oldest goes. */
  readonly history: number
}

const seconds = 1000
const minutes = 60 * seconds
const hours = 60 * minutes

/** What explains what, unless the policy says otherwise. */
const defaultInhibitions: readonly Inhibition[] = [
  {
    name: 'a silent agent explains its hosts',
    source: { check: 'agent-silent', kind: 'agent' },
    target: { check: 'host-silent', kind: 'host' },
    relation: 'inside',
  },
  ...['host-silent', 'host-unreachable'].flatMap((check): Inhibition[] => [
    {
      name: `${check} explains the VMs of the host`,
      source: { check, kind: 'host' },
      target: { check: '*', kind: 'vm' },
      relation: 'inside',
    },
    {
      name: `${check} explains what else is said of the host`,
      source: { check, kind: 'host' },
      target: { check: '*', kind: 'host' },
      relation: 'same',
    },
  ]),
  {
    name: 'a slow array explains the VMs that wait for their disks on it',
    source: { check: 'array-*', kind: 'array' },
    target: { check: 'vm-disk-latency', kind: 'vm' },
    relation: 'inside',
  },
  // One that is off, or full where no core VM is, explains that the array is slow, but not that it hardly answers.
  ...(['same', 'victim'] as const).flatMap((relation): Inhibition[] => {
    const of = relation === 'same' ? 'the array' : 'its box, by another key,'
    return [
      {
        name: `a write cache in danger explains that ${of} is slow or stands still`,
        source: { check: 'array-cache', kind: 'array', severity: 'critical' },
        target: { check: 'array-latency', kind: 'array' },
        relation,
      },
      {
        name: `a write cache explains that ${of} is slow`,
        source: { check: 'array-cache', kind: 'array' },
        target: { check: 'array-latency', kind: 'array', severity: 'warning' },
        relation,
      },
    ]
  }),
  {
    name: 'a VM that hammers an array explains that it is slow, not that it stands still',
    source: { check: 'vm-hammers-array', kind: 'vm' },
    target: { check: 'array-latency', kind: 'array', severity: 'warning' },
    relation: 'culprit',
  },
]

/** Times of a route that names none. */
export const defaultRouteTimes = {
  groupBy: ['check'],
  groupWaitMs: 5 * seconds,
  groupIntervalMs: 30 * seconds,
  repeatMs: 12 * hours,
} as const satisfies Omit<Route, 'name' | 'match' | 'to'>

export const defaultResendMs = minutes

export const defaultAlertSettings: AlertSettings = {
  leastSeverity: 'warning',
  defaultHold: { raiseAfterMs: minutes, clearAfterMs: minutes },
  checks: {},
  events: eventChecks,
  inhibitions: defaultInhibitions,
  flapping: { firings: 3, windowMs: hours, quietMs: 20 * minutes },
  silences: [],
  routes: [],
  heartbeat: undefined,
  bounds: {
    alerts: 10_000,
    remembered: 10_000,
    silences: 1000,
    groups: 5000,
    changesPerMessage: 500,
    queued: 100,
    digestOver: 10,
    queuedForMs: 72 * hours,
    history: 20_000,
  },
}

/** Hold times of a check. */
export function holdTimesOf({ checks, defaultHold }: AlertSettings, check: string): HoldTimes {
  const own = Object.hasOwn(checks, check) ? checks[check] : undefined
  return {
    raiseAfterMs: own?.raiseAfterMs ?? defaultHold.raiseAfterMs,
    clearAfterMs: own?.clearAfterMs ?? defaultHold.clearAfterMs,
  }
}

export function severityOf({ checks }: AlertSettings, check: string, said: Severity): Severity {
  return (Object.hasOwn(checks, check) ? checks[check]?.severity : undefined) ?? said
}

/** Where each target of a route is, as people may see it; where that would be the same of two, the second has a `(2)`. */
export function addressesOf(targets: readonly Target[]): readonly { readonly target: Target; readonly to: string }[] {
  const seen = new Map<string, number>()
  return targets.map((target) => {
    const address = addressOf(target)
    const key = `${target.kind} ${address}`
    const count = (seen.get(key) ?? 0) + 1
    seen.set(key, count)
    return { target, to: count === 1 ? address : `${address} (${count})` }
  })
}

/** Where a target is, without what may be a secret in an address: its user, password and query. */
function addressOf(target: Target): string {
  if (target.kind === 'email') return target.to.join(', ')
  if (!URL.canParse(target.url)) return target.url
  const { origin, pathname } = new URL(target.url)
  return target.kind === 'webhook' ? `${origin}${pathname.length > 1 ? '/…' : ''}` : `${origin}${pathname}`
}
