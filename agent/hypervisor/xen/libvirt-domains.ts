import type { CallOptions, Caller } from '../libvirt/connection.js'
import { domainState, type ListedDomain } from '../libvirt/domain-state.js'
import { domainGetStateAndReason, listAllDomains, type DomainRef } from '../libvirt/procedures.js'
import { errorCode, LibvirtError } from '../libvirt/rpc-error.js'
import type { SeenState } from './toolstack.js'

/** libvirt lists dom0 as a domain like any other. */
export interface LibvirtDomains {
  readonly dom0: DomainRef | undefined
  readonly guests: readonly DomainRef[]
}

/** @throws LibvirtError, CallAbandoned, HypervisorUnavailable */
export async function listDomains(caller: Caller, options?: CallOptions): Promise<LibvirtDomains> {
  const all = await listAllDomains(caller, options)
  return { dom0: all.find(({ id }) => id === 0), guests: all.filter(({ id }) => id !== 0) }
}

/**
 * Asks every VM's state and its reason: a call for each, so only when a connection is new.
 * @throws LibvirtError, CallAbandoned, HypervisorUnavailable if the VMs cannot be listed
 */
export async function askStates(caller: Caller): Promise<readonly ListedDomain[]> {
  const { guests } = await listDomains(caller)
  const asked = await Promise.all(
    guests.map(async (domain): Promise<ListedDomain | undefined> => {
      try {
        const { state, reason } = await domainGetStateAndReason(caller, domain)
        return { domain, ...domainState(state, reason) }
      } catch (error) {
        if (!(error instanceof LibvirtError)) throw error
        return error.code === errorCode.noDomain ? undefined : asListed({ domain, state: undefined })
      }
    }),
  )
  return asked.filter((listed) => listed !== undefined)
}

/** What the list alone says: a domain has an id while it lives. Blocked: alive, and nothing that starts or ends is told of it. */
export function asListed({ domain, state }: SeenState): ListedDomain {
  return { domain, state: state ?? (domain.id < 0 ? 'shutoff' : 'blocked'), reason: 'unknown' }
}
