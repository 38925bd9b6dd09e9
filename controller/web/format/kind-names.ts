/** Hypervisors as their makers write them. */
export const kindNames = { kvm: 'KVM', xen: 'Xen', esxi: 'ESXi', storage: 'Storage server' } as const
