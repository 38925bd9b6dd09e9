import { groupBy } from '../../../common/group-by.js'
import { finding, vmSubject, type Finding } from '../../model/finding.js'
import { policyIndex } from '../../policy/policy-index.js'
import { byName } from '../in-words.js'
import type { PlacedFleet, PlacedVm } from './placed-fleet.js'

/**
 * Members of a service of the policy on one host, and with disks on one array: one fault takes both. Those that are off count too: a
 * secondary waits to be started. Services that only metadata name are not judged.
 */
export function serviceMembersApart(fleet: PlacedFleet): Finding[] {
  return [...membersByService(fleet)].flatMap(([service, members]) => [
    ...[...groupBy(members, ({ vm }) => vm.hostId).values()].flatMap((together) => onOneHost(service, together)),
    ...onOneArray(service, members),
  ])
}

/** The primary first: in the order of the policy, then those that name the service themselves. */
function membersByService({ policy, vms }: PlacedFleet): ReadonlyMap<string, readonly PlacedVm[]> {
  const { serviceOfVm, serviceNamed } = policyIndex(policy)
  const known = vms.filter(
    ({ labels: { service } }) => service !== undefined && serviceNamed(service.value) !== undefined,
  )
  const members = groupBy(known, ({ labels }) => labels.service?.value ?? '')
  for (const list of members.values()) {
    const place = ({ name }: PlacedVm): number => serviceOfVm(name)?.place ?? Infinity
    list.sort((a, b) => (place(a) === place(b) ? byName(a, b) : place(a) - place(b)))
  }
  return members
}

/** One finding for each member beyond the first. */
function onOneHost(service: string, [first, ...others]: readonly PlacedVm[]): Finding[] {
  if (first === undefined) return []
  return others.map(({ vm, hostName }) =>
    finding({
      check: 'service-on-one-host',
      severity: 'warning',
      subject: vmSubject(vm),
      part: first.vm.uuid,
      message: `it and ${first.name}, of the same service ${service}, are both on ${hostName}`,
      related: [{ role: 'partner', subject: vmSubject(first.vm) }],
    }),
  )
}

function onOneArray(service: string, members: readonly PlacedVm[]): Finding[] {
  const firstOn = new Map<string, PlacedVm>()
  return members.flatMap((one) => {
    const findings: Finding[] = []
    for (const { id, name } of one.boxes) {
      const first = firstOn.get(id)
      if (first === undefined) firstOn.set(id, one)
      else if (first !== one) {
        findings.push(
          finding({
            check: 'service-on-one-array',
            severity: 'warning',
            subject: vmSubject(one.vm),
            part: `${first.vm.uuid} ${id}`,
            message: `it and ${first.name}, of the same service ${service}, both have disks on ${name}`,
            related: [{ role: 'partner', subject: vmSubject(first.vm) }],
          }),
        )
      }
    }
    return findings
  })
}
