import { groupBy } from '../../../common/group-by.js'
import { finding, vmSubject, type Finding } from '../../model/finding.js'
import { policyIndex } from '../../policy/policy-index.js'
import { byName } from '../in-words.js'
import type { Place } from './place.js'
import type { Arrangement } from './placed-fleet.js'

/**
 * Members of a service of the policy on one host, and with disks on one array: one fault takes both. Those that are off count too: a
 * secondary waits to be started. Services that only metadata name are not judged.
 */
export function serviceMembersApart(arrangement: Arrangement): Finding[] {
  return [...membersByService(arrangement)].flatMap(([service, members]) => [
    ...[...groupBy(members, ({ hostId }) => hostId).values()].flatMap((together) => onOneHost(service, together)),
    ...onOneArray(service, members),
  ])
}

/** The primary first: in the order of the policy, then those that name the service themselves. */
function membersByService({ policy, places }: Arrangement): ReadonlyMap<string, readonly Place[]> {
  const { serviceOfVm, serviceNamed } = policyIndex(policy)
  const known = places.filter(
    ({ labels: { service } }) => service !== undefined && serviceNamed(service.value) !== undefined,
  )
  const members = groupBy(known, ({ labels }) => labels.service?.value ?? '')
  for (const list of members.values()) {
    const place = ({ name }: Place): number => serviceOfVm(name)?.place ?? Infinity
    list.sort((a, b) => (place(a) === place(b) ? byName(a, b) : place(a) - place(b)))
  }
  return members
}

/** One finding for each member beyond the first. */
function onOneHost(service: string, [first, ...others]: readonly Place[]): Finding[] {
  if (first === undefined) return []
  return others.map((one) =>
    finding({
      check: 'service-on-one-host',
      severity: 'warning',
      subject: vmSubject(one),
      part: first.uuid,
      message: `it and ${first.name}, of the same service ${service}, are both on ${one.hostName}`,
      related: [{ role: 'partner', subject: vmSubject(first) }],
    }),
  )
}

function onOneArray(service: string, members: readonly Place[]): Finding[] {
  const firstOn = new Map<string, Place>()
  return members.flatMap((one) => {
    const findings: Finding[] = []
    // Of a box that joins local and shared arrays a VM may have both parts.
    for (const [id, name] of new Map(one.boxes.map((box) => [box.id, box.name]))) {
      const first = firstOn.get(id)
      if (first === undefined) firstOn.set(id, one)
      else if (first !== one) {
        findings.push(
          finding({
            check: 'service-on-one-array',
            severity: 'warning',
            subject: vmSubject(one),
            part: `${first.uuid} ${id}`,
            message: `it and ${first.name}, of the same service ${service}, both have disks on ${name}`,
            related: [{ role: 'partner', subject: vmSubject(first) }],
          }),
        )
      }
    }
    return findings
  })
}
