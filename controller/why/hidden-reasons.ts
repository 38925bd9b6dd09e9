import { boxesOf } from '../checks/storage.js'
import { fleetSubject, subjectText, vmSubject, hostSubject } from '../model/finding.js'
import { matchesPattern } from '../policy/match.js'
import type { Around, Known, Reason } from './reason.js'

/** What would be said if an exception of the policy did not except it, and silences that keep something about the VM from being told. */
export function hiddenReasons(around: Around, { findings, silences, snapshot, policy }: Known): Reason[] {
  const { vm, distanceOf } = around
  const excepted = findings.excepted.flatMap(({ finding, reason, key }): Reason[] => {
    const isNamed = finding.related.some(({ subject }) => distanceOf(subject) === 0)
    const distance = isNamed ? 0 : distanceOf(finding.subject)
    if (distance === undefined || distance > 1) return []
    const { subject, message, check } = finding
    return [{ topic: 'hidden', severity: 'info', subject, says: `excepted by ${key}: ${message} (${reason})`, check }]
  })
  const { host, arrayKeys } = around
  const boxOf = boxesOf(snapshot, policy)
  const subjects = [
    vmSubject(vm),
    ...(host === undefined ? [] : [hostSubject(host)]),
    ...[...arrayKeys].map((id) => ({ kind: 'array' as const, id, name: boxOf(id).name })),
  ]
  const silenced = silences.flatMap(({ id, match, author, reason, createdAtMs }): Reason[] => {
    const covers = subjects.find(
      (one) => match.subject === undefined || matchesPattern(match.subject, subjectText(one)),
    )
    if (covers === undefined) return []
    const subject = match.subject === undefined ? fleetSubject : covers
    const what = match.check === undefined ? 'everything' : `what ${match.check} says`
    const says = `silence ${id} of ${author}: nobody is told of ${what} (${reason})`
    return [{ topic: 'hidden', severity: 'info', subject, says, ...(createdAtMs > 0 && { since: createdAtMs }) }]
  })
  return [...excepted, ...silenced]
}
