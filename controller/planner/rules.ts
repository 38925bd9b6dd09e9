/**
 * Rules of plans. Those that are checks too (docs/policy.md) are called alike and mean the same. `hard`: no move may break it, at no step.
 * `soft`: what is broken already counts in the score, so that plans mend it; no move may break it anew either.
 */
export const rules = {
  'into-reserve': { kind: 'hard', what: 'memory of VMs stays out of what is kept for the hypervisor' },
  'vcpu-overcommit': { kind: 'hard', what: 'virtual CPUs stay within what a core may carry' },
  'same-hypervisor': { kind: 'hard', what: 'VMs move between hosts of the same hypervisor in the same version' },
  'storage-reach': { kind: 'hard', what: 'the other host reaches the disks, or they can be copied there' },
  'same-group': { kind: 'hard', what: 'VMs stay within their group of hosts' },
  'host-up': { kind: 'hard', what: 'only hosts that are up, and whose memory is known, take or give VMs' },
  pinned: { kind: 'hard', what: 'the VM is not to move' },
  'reserve-host-empty': { kind: 'soft', what: 'hosts in reserve stay empty' },
  'personal-beside-core': { kind: 'soft', what: 'personal VMs are not beside core VMs' },
  'apart-on-one-host': { kind: 'soft', what: 'VMs that the policy wants apart are on different hosts' },
} as const satisfies Record<string, { readonly kind: 'hard' | 'soft'; readonly what: string }>

export type RuleName = keyof typeof rules
