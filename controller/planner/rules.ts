/**
 * Rules of plans. Those that are checks too (docs/policy.md) are called alike and mean the same. `hard`: no move may break it, at no step.
 * `soft`: what is broken already counts in the score, so that plans mend it; no move may break it anew either.
 * `wish`: it counts in the score alone.
 */
export const rules = {
  'into-reserve': { kind: 'hard', what: 'memory of VMs stays out of what is kept for the hypervisor' },
  'vcpu-overcommit': { kind: 'hard', what: 'virtual CPUs stay within what a core may carry' },
  'same-hypervisor': { kind: 'hard', what: 'VMs move between hosts of the same hypervisor in the same version' },
  'storage-reach': { kind: 'hard', what: 'the other host reaches the disks' },
  'local-space': { kind: 'hard', what: 'disks that are copied fit on the other host' },
  'same-group': { kind: 'hard', what: 'VMs stay within their group of hosts' },
  'host-up': { kind: 'hard', what: 'only hosts that are up, and whose memory is known, take or give VMs' },
  'host-failure': { kind: 'hard', what: 'a host whose VMs find a place elsewhere if it fails stays one' },
  maintenance: { kind: 'hard', what: 'hosts in maintenance take no VMs' },
  drained: { kind: 'hard', what: 'a host that is emptied takes no VMs' },
  'host-role': {
    kind: 'hard',
    what: 'hosts for core VMs take no personal ones, and hosts for personal ones no core VMs',
  },
  'memory-known': { kind: 'hard', what: 'a VM moves only if it is known how much memory it may have' },
  'vm-state': { kind: 'hard', what: 'only a VM that runs, on one host alone, is moved' },
  'cool-down': { kind: 'hard', what: 'a VM that moved stays for a while, longer each time' },
  'straight-back': { kind: 'hard', what: 'a VM does not go back where it just came from' },
  pinned: { kind: 'hard', what: 'the VM is not to move' },
  'reserve-host-empty': { kind: 'soft', what: 'hosts in reserve stay empty' },
  'personal-beside-core': { kind: 'soft', what: 'personal VMs are not beside core VMs' },
  'service-on-one-host': { kind: 'soft', what: 'members of a service are on different hosts' },
  'apart-on-one-host': { kind: 'soft', what: 'VMs that the policy wants apart are on different hosts' },
  together: { kind: 'wish', what: 'VMs that the policy wants together are on one host' },
} as const satisfies Record<string, { readonly kind: 'hard' | 'soft' | 'wish'; readonly what: string }>

export type RuleName = keyof typeof rules
