import { finding, hostSubject, type Finding } from '../model/finding.js'
import type { PlacedFleet } from './policy/placed-fleet.js'

/** Hosts whose running VMs have more virtual CPUs for each core than the policy allows; none where it sets no limit, or the cores are not known. */
export function vcpuOvercommit({ policy, snapshot, arrangement }: PlacedFleet): Finding[] {
  const { vcpusPerCore } = policy.limits
  if (vcpusPerCore === undefined) return []
  return [...snapshot.hosts.values()].flatMap((host) => {
    if (host.cpuCores === undefined || host.cpuCores === 0) return []
    const vcpus = (arrangement.byHost.get(host.id) ?? []).reduce((sum, one) => sum + (one.vcpus ?? 0), 0)
    if (vcpus <= vcpusPerCore * host.cpuCores) return []
    const ratio = Number((vcpus / host.cpuCores).toFixed(1))
    return [
      finding({
        check: 'vcpu-overcommit',
        severity: 'warning',
        subject: hostSubject(host),
        message: `its VMs have ${vcpus} virtual CPUs on ${host.cpuCores} cores, ${ratio} for each; the policy allows ${vcpusPerCore}`,
      }),
    ]
  })
}
