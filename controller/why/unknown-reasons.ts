import { hostSubject, vmSubject, type Subject } from '../model/finding.js'
import type { Capability, Gap } from '../model/snapshot.js'
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
    ...limitReasons(capabilities, ofHost),
  ]
}

/** In one line: there are many, and they are the same for all VMs of the host. */
function limitReasons(capabilities: readonly Capability[], subject: Subject): Reason[] {
  const namesOf = (support: Capability['support']): string =>
    capabilities
      .filter((one) => one.support === support)
      .map(({ name }) => name)
      .join(', ')
  const [no, inPart] = [namesOf('no'), namesOf('degraded')]
  const parts = [...(no === '' ? [] : [`not measured: ${no}`]), ...(inPart === '' ? [] : [`in part: ${inPart}`])]
  if (parts.length === 0) return []
  const says = `${parts.join('; ')} (headroom agent capabilities says why)`
  return [{ topic: 'unknown', severity: 'info', subject, says }]
}

function gapReason({ group, reason, message, sinceMs }: Gap, subject: Subject): Reason {
  const why = message === '' ? reason : `${reason}: ${message}`
  return { topic: 'unknown', severity: 'warning', subject, says: `${group} could not be read: ${why}`, since: sinceMs }
}
