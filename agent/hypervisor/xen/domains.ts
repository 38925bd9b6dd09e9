import type { CallOptions, Caller } from '../libvirt/connection.js'
import { hasProcess, domainState } from '../libvirt/domain-state.js'
import { domainGetStateAndReason, listAllDomains, type DomainRef, type DomainStats } from '../libvirt/procedures.js'
import { errorCode, LibvirtError } from '../libvirt/rpc-error.js'
import type { StateReasons } from './state-reasons.js'

/** libvirt lists dom0 as a domain like any other. It is the host, and no VM. */
export interface Domains {
  readonly dom0: DomainRef | undefined
  readonly guests: readonly DomainRef[]
}

/** @throws LibvirtError, CallAbandoned, HypervisorUnavailable */
export async function listDomains(caller: Caller, options?: CallOptions): Promise<Domains> {
  const all = await listAllDomains(caller, options)
  return { dom0: all.find(({ id }) => id === 0), guests: all.filter(({ id }) => id !== 0) }
}

/** Numbers of virDomainState. */
export const stateNumber = { running: 1, blocked: 2, shutoff: 5 } as const

/** A domain's state in the form of bulk statistics, which libxl does not have. */
export function asStats(domain: DomainRef, state: number, reason = 0): DomainStats {
  const parameters = new Map([
    ['state.state', BigInt(state)],
    ['state.reason', BigInt(reason)],
  ])
  return { domain, parameters }
}

/**
 * Asks every VM's state and its reason: a call for each, so only when a connection is new.
 * @throws LibvirtError, CallAbandoned, HypervisorUnavailable if the VMs cannot be listed
 */
export async function askStates(caller: Caller, reasons: StateReasons): Promise<readonly DomainStats[]> {
  const { guests } = await listDomains(caller)
  const asked = await Promise.all(
    guests.map(async (domain) => {
      try {
        const { state, reason } = await domainGetStateAndReason(caller, domain)
        reasons.learn(domain.uuid, state, reason)
        return asStats(domain, state, reason)
      } catch (error) {
        if (!(error instanceof LibvirtError)) throw error
        if (error.code === errorCode.noDomain) return undefined
        return asStats(domain, stateNumberOf(domain))
      }
    }),
  )
  return asked.filter((stats) => stats !== undefined)
}

/** What the list alone says of a domain's state: it has an id while it lives. Blocked: alive, and nothing more is said. */
export function stateNumberOf({ id }: DomainRef): number {
  return id < 0 ? stateNumber.shutoff : stateNumber.blocked
}

export function livesIn(state: number): boolean {
  return hasProcess(domainState(state, 0).state)
}
