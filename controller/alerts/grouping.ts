import type { Alert } from '../model/alert.js'
import { subjectText } from '../model/finding.js'
import { matchesPattern } from '../policy/match.js'
import type { GroupLabel, Route, Target } from './settings.js'

/** One group that an alert belongs to: told together, by one way, to the same recipients. */
export interface Membership {
  readonly lane: string
  readonly target: string
  readonly route: string
  readonly labels: Readonly<Record<string, string>>
  readonly recipients: readonly string[]
}

/** The groups of an alert: one for each target of each route that matches it. */
function memberships(alert: Alert, routes: readonly Route[]): Membership[] {
  return routes.flatMap((route) => {
    if (!matches(route, alert)) return []
    return route.to.flatMap((target) => {
      const id = targetId(route.name, target)
      // Alertmanager groups by itself, and wants to be told of all that fires at once.
      const labels = target.kind === 'alertmanager' ? {} : labelsOf(alert, route.groupBy)
      if (target.kind !== 'email') return [{ lane: id, target: id, route: route.name, labels, recipients: [] }]
      const recipients = recipientsOf(target.to, alert.facts.owners)
      if (recipients.length === 0) return []
      return [{ lane: laneOf(id, recipients), target: id, route: route.name, labels, recipients }]
    })
  })
}

interface KeyedMembership {
  readonly key: string
  readonly membership: Membership
}

/** All of an alert that its groups depend on, beside its facts. */
interface Grouped {
  readonly routes: readonly Route[]
  readonly severity: Alert['severity']
  readonly check: string
  readonly subject: string
  readonly keyed: readonly KeyedMembership[]
}

/** By the facts of the alert, which stay the same object while its figures change. */
const known = new WeakMap<Alert['facts'], Grouped>()

/** The groups of an alert with the keys of the groups. */
export function keyedMemberships(alert: Alert, routes: readonly Route[]): readonly KeyedMembership[] {
  const { severity, finding, facts } = alert
  const subject = subjectText(finding.subject)
  const before = known.get(facts)
  if (
    before?.routes === routes &&
    before.severity === severity &&
    before.check === finding.check &&
    before.subject === subject
  ) {
    return before.keyed
  }
  const keyed = memberships(alert, routes).map((membership) => ({ key: groupKey(membership), membership }))
  known.set(facts, { routes, severity, check: finding.check, subject, keyed })
  return keyed
}

/** The membership of those who were not told of an alert yet, where others of the same target were; undefined if all were. */
export function withoutTold(
  membership: Membership,
  told: readonly Pick<Membership, 'recipients'>[],
): KeyedMembership | undefined {
  const known = new Set(told.flatMap(({ recipients }) => recipients))
  const recipients = membership.recipients.filter((one) => !known.has(one))
  if (recipients.length === 0) return undefined
  const rest = { ...membership, lane: laneOf(membership.target, recipients), recipients }
  return { key: groupKey(rest), membership: rest }
}

function laneOf(target: string, recipients: readonly string[]): string {
  return JSON.stringify([target, ...recipients])
}

function groupKey({ lane, labels }: Membership): string {
  return JSON.stringify([lane, labels])
}

/** The same as long as it is the same way, whatever stands around it in the file. */
export function targetId(route: string, target: Target): string {
  return JSON.stringify([route, target.kind, target.kind === 'email' ? target.to.join(',') : target.url])
}

export type RouteTimes = Pick<Route, 'groupWaitMs' | 'groupIntervalMs' | 'repeatMs'>

/** By target. Alertmanager is told everything at once, and reminds people itself. */
export function routeTimes(routes: readonly Route[]): ReadonlyMap<string, RouteTimes> {
  return new Map(
    routes.flatMap((route) =>
      route.to.map((target): [string, RouteTimes] => [
        targetId(route.name, target),
        target.kind === 'alertmanager' ? { groupWaitMs: 0, groupIntervalMs: 0, repeatMs: Infinity } : route,
      ]),
    ),
  )
}

function matches({ match }: Route, { severity, finding, facts }: Alert): boolean {
  return (
    (match.severity === undefined || match.severity.includes(severity)) &&
    (match.check === undefined || matchesPattern(match.check, finding.check)) &&
    (match.group === undefined || match.group === facts.group || facts.groups?.includes(match.group) === true) &&
    (match.owner === undefined || facts.owners.some((owner) => matchesPattern(match.owner ?? '', owner)))
  )
}

function labelsOf({ severity, finding, facts }: Alert, groupBy: readonly GroupLabel[]): Record<string, string> {
  const values: Record<GroupLabel, string> = {
    check: finding.check,
    severity,
    subject: subjectText(finding.subject),
    host: facts.host ?? '',
    group: facts.group ?? '',
    owner: facts.owners.join(', '),
  }
  return Object.fromEntries(groupBy.map((label) => [label, values[label]]))
}

/** What an owner may be called to be put into an address; and what an address may be to be sent to. Definitions of VMs say who owns them: not all of them mean well. */
const ownerPart = /^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$/
const address = /^[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9.-]{1,255}$/

/** The addresses that templates stand for, each once. An owner that cannot be part of an address is left out. */
export function recipientsOf(templates: readonly string[], owners: readonly string[]): string[] {
  const found = templates.flatMap((template) => {
    if (!template.includes('{owner}')) return [template]
    const whole = template === '{owner}'
    return owners
      .filter((owner) => (whole ? address : ownerPart).test(owner))
      .map((owner) => template.replaceAll('{owner}', owner))
  })
  return [...new Set(found.filter((one) => address.test(one)))].sort()
}
