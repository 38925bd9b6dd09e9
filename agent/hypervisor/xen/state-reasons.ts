import type { ListedDomain } from '../libvirt/domain-state.js'
import type { EventKind, HypervisorEvent, VmState, VmStateReason } from '../hypervisor.js'

interface Known {
  readonly state: VmState
  readonly reason: VmStateReason
}

/** States that events lead to. */
const stateAfter: Partial<Record<EventKind, VmState>> = {
  started: 'running',
  resumed: 'running',
  suspended: 'paused',
  stopped: 'shutoff',
  crashed: 'shutoff',
}

/**
 * Why each VM is in its state. DOMAIN_GET_INFO gives the state only; asking for the reason would be another call for every
 * VM and tick, where events tell it for nothing.
 */
export class StateReasons {
  readonly #known = new Map<string, Known>()

  /** What libvirt said when it was asked. */
  learn({ domain, state, reason }: ListedDomain): void {
    this.#known.set(domain.uuid, { state, reason })
  }

  happened({ kind, reason, vmUuid }: HypervisorEvent): void {
    const state = stateAfter[kind]
    if (vmUuid !== undefined && state !== undefined) this.#known.set(vmUuid, { state, reason })
  }

  /** `unknown` where the state is another one than that which a reason is known of. */
  reason(uuid: string, state: VmState): VmStateReason {
    const known = this.#known.get(uuid)
    return known?.state === state ? known.reason : 'unknown'
  }

  keepOnly(uuids: ReadonlySet<string>): void {
    for (const uuid of this.#known.keys()) if (!uuids.has(uuid)) this.#known.delete(uuid)
  }
}
