import { named } from '../checks/in-words.js'
import type { Alert } from '../model/alert.js'
import { findingKey, fleetSubject, subjectText, type Finding } from '../model/finding.js'
import type { Around, Known, Reason } from './reason.js'

/** What is said of neighbours that does not name the VM: no more than so many, the most severe. */
const mostOfNeighbours = 8

/** What checks say of the VM, of what carries it, and of its neighbours where that needs somebody; with what became of it as an alert. */
export function saidReasons(around: Around, { findings, alerts }: Pick<Known, 'findings' | 'alerts'>): Reason[] {
  const near: Reason[] = []
  const aside: Reason[] = []
  const told = new Set<string>()
  const add = (finding: Finding, alert: Alert | undefined): void => {
    told.add(findingKey(finding))
    const distance = distanceOfFinding(finding, around)
    if (distance === undefined) return
    if (distance < 2 || finding.subject.kind === 'fleet') near.push(reasonOf(finding, alert, around, alerts))
    else if (finding.severity !== 'info') aside.push(reasonOf(finding, alert, around, alerts))
  }
  for (const finding of findings.stands) {
    add(finding, alerts.get(findingKey(finding)))
  }
  // What is over or cannot be seen, and still fires.
  for (const alert of alerts.values()) if (!told.has(alert.key)) add(alert.finding, alert)
  const leftOut = aside.length - mostOfNeighbours
  if (leftOut <= 0) return [...near, ...aside]
  const more: Reason = {
    topic: 'finding',
    severity: 'info',
    subject: fleetSubject,
    says: `${leftOut} more findings about its neighbours: see the list of alerts`,
  }
  const worst = aside.toSorted((a, b) => Number(b.severity === 'critical') - Number(a.severity === 'critical'))
  return [...near, ...worst.slice(0, mostOfNeighbours), more]
}

/** Who is named in a finding has to do with it, whoever its subject is. */
function distanceOfFinding({ subject, related }: Finding, { vm, distanceOf }: Around): number | undefined {
  const isNamed = related.some(({ subject: { kind, id } }) => kind === 'vm' && id === vm.uuid)
  if (isNamed) return 0
  // A share of another machine is one of the fleet: it bears on those whose hosts have it.
  const hosts = subject.kind === 'fleet' ? related.filter((one) => one.subject.kind === 'host') : []
  return hosts.length > 0 && hosts.every((one) => distanceOf(one.subject) === undefined)
    ? undefined
    : distanceOf(subject)
}

function reasonOf(finding: Finding, alert: Alert | undefined, { vm }: Around, alerts: Known['alerts']): Reason {
  const { check, subject, message, related } = finding
  const roles = related.filter((one) => one.subject.kind === 'vm' && one.subject.id === vm.uuid).map(({ role }) => role)
  const culprits = related.flatMap(({ role, subject: { id, name } }) =>
    role === 'culprit' && id !== vm.uuid && !message.includes(name) ? name : [],
  )
  const parts = [
    message,
    ...(culprits.length === 0 ? [] : [`caused by ${named(culprits)}`]),
    ...(roles.length === 0 || subject.id === vm.uuid ? [] : [`this VM is its ${roles.join(' and ')}`]),
  ].join('; ')
  const state = alert === undefined ? '' : ` (${alertState(alert, alerts)})`
  return {
    topic: alert?.phase === 'firing' ? 'alert' : 'finding',
    severity: alert?.severity ?? finding.severity,
    subject,
    says: `${parts}${state}`,
    since: alert?.firedAtMs ?? alert?.startedAtMs,
    check,
    alert: alert?.number,
    isExplained: alert?.inhibitedBy !== undefined,
  }
}

/** How its alert stands, in words. */
function alertState(alert: Alert, alerts: Known['alerts']): string {
  const { number, phase, sighting, acknowledged, silencedBy, wasSilenced, inhibitedBy } = alert
  const explains = alerts.get(inhibitedBy ?? '')?.finding
  return [
    phase === 'pending' ? 'an alert pends' : `alert ${number ?? ''} fires`,
    ...(sighting === 'clear' ? ['it is over, and ends when that has lasted'] : []),
    ...(sighting === 'unseen' ? ['nobody can look at present'] : []),
    ...(acknowledged === undefined
      ? []
      : [`acknowledged by ${acknowledged.author}${acknowledged.note === '' ? '' : `: ${acknowledged.note}`}`]),
    ...(silencedBy === undefined ? [] : [`silenced by ${silencedBy}`]),
    ...(wasSilenced === true ? ['it happened under a silence'] : []),
    ...(explains === undefined ? [] : [`explained by ${explains.check} of ${subjectText(explains.subject)}`]),
  ].join(', ')
}
