/** Hypervisors that there are drivers for. */
export const hypervisorKinds = ['kvm', 'xen', 'esxi'] as const
export type HypervisorKind = (typeof hypervisorKinds)[number]
