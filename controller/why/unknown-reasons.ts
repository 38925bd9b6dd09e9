import { hostSubject, vmSubject, type Subject } from '../model/finding.js'
import type { Gap } from '../model/snapshot.js'
import type { Around, Known, Reason } from './reason.js'

/** What limits all that is said: hosts that are not up, what could not be read, and what cannot be measured there at all. */
export function unknownReasons({ vm, host }: Around, { events }: Pick<Known, 'events'>): Reason[] {
  const ofVm = vmSubject(vm)
  const topic = 'unknown'
  const silent: readonly Reason[] =
    events === undefined
      ? [{ topic, severity: 'info', subject: ofVm, says: 'what happened of late cannot be read' }]
      : []
  if (host === undefined) {
    return [{ topic, severity: 'warning', subject: ofVm, says: 'its host is not known any more' }, ...silent]
  }
  const ofHost = hostSubject(host)
  const stale: readonly Reason[] =
    host.status === 'up'
      ? []
      : [
          {
            topic,
            severity: 'warning',
            subject: ofHost,
            says: `the host is ${host.status}: all that is said of this VM is what was known last`,
            since: host.statusSince,
          },
        ]
  const { gaps, capabilities } = host
  return [
    ...stale,
    ...silent,
    ...vm.gaps.map((gap) => gapReason(gap, ofVm)),
    ...gaps.filter(({ vmUuid }) => vmUuid === '').map((gap) => gapReason(gap, ofHost)),
    ...capabilities
      .filter(({ support }) => support !== 'yes')
      .map(({ name, support, reason }): Reason => {
        const how = support === 'no' ? 'is not measured there' : 'is measured in part'
        return { topic, severity: 'info', subject: ofHost, says: `${name} ${how}${reason === '' ? '' : `: ${reason}`}` }
      }),
  ]
}

function gapReason({ group, reason, message, sinceMs }: Gap, subject: Subject): Reason {
  const why = message === '' ? reason : `${reason}: ${message}`
  return { topic: 'unknown', severity: 'warning', subject, says: `${group} could not be read: ${why}`, since: sinceMs }
}
