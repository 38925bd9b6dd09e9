import { loadFleet } from '../../common/fleet-file/fleet-file.js'
import type { FleetSpec, TimelineEvent } from '../../common/fleet-file/fleet-spec.js'

const minuteMs = 60_000

/** What happens in it. Moves come early: for minutes after one a name of before is still found. */
const timeline: readonly TimelineEvent[] = [
  { atMs: 10 * minuteMs, event: 'migrate', vm: 'ns', to: 'xenhv03' },
  { atMs: 20 * minuteMs, event: 'profile', vm: 'kure', profile: 'runaway' },
  { atMs: 40 * minuteMs, event: 'crash', vm: 'gashi' },
  { atMs: 42 * minuteMs, event: 'start', vm: 'gashi' },
]

/** Xen and ESXi of the elab fleet and KVM of the tiny one, so that every field is measured somewhere. */
export function dashboardFleet(): FleetSpec {
  const [elab, tiny] = [loadFleet('deploy/fleets/elab.yaml'), loadFleet('deploy/fleets/tiny.yaml')]
  return {
    ...elab,
    hosts: [...elab.hosts, ...tiny.hosts],
    arrays: [...elab.arrays, ...tiny.arrays],
    vms: [...elab.vms, ...tiny.vms.map((vm) => ({ ...vm, name: `kvm-${vm.name}` }))],
    timeline,
  }
}
