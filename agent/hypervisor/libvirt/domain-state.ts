import type { VmState, VmStateReason } from '../hypervisor.js'
import type { DomainRef, DomainStats } from './procedures.js'
import { counter } from './typed-parameters.js'
import { toNumber } from './xdr.js'

/** A domain in a list of all, and the state that it is in. */
export interface ListedDomain {
  readonly domain: DomainRef
  readonly state: VmState
  readonly reason: VmStateReason
}

/** What libvirt's numbers for a domain's state and its reason mean (virDomainState and the reasons beside it in libvirt-domain.h). */
const states = [
  { state: 'unknown', reasons: ['unknown'] },
  {
    state: 'running',
    reasons: [
      'unknown',
      'booted',
      'migrated',
      'restored',
      'from-snapshot',
      'unpaused',
      'migration-cancelled',
      'save-cancelled',
      'wakeup',
      'crashed',
      'post-copy',
      'post-copy-failed',
    ],
  },
  { state: 'blocked', reasons: ['unknown'] },
  {
    state: 'paused',
    reasons: [
      'unknown',
      'user',
      'migration',
      'save',
      'dump',
      'io-error',
      'watchdog',
      'from-snapshot',
      'shutting-down',
      'snapshot',
      'crashed',
      'starting-up',
      'post-copy',
      'post-copy-failed',
    ],
  },
  { state: 'shutting-down', reasons: ['unknown', 'user'] },
  {
    state: 'shutoff',
    reasons: ['unknown', 'shutdown', 'destroyed', 'crashed', 'migrated', 'saved', 'failed', 'from-snapshot', 'daemon'],
  },
  { state: 'crashed', reasons: ['unknown', 'panicked'] },
  { state: 'suspended', reasons: ['unknown'] },
] as const satisfies readonly { state: VmState; reasons: readonly VmStateReason[] }[]

/** States in which a hypervisor process holds the VM: it has counters and memory. */
const withProcess: ReadonlySet<VmState> = new Set(['running', 'blocked', 'paused', 'shutting-down', 'suspended'])

export function domainState(state: number, reason: number): { state: VmState; reason: VmStateReason } {
  const row: { state: VmState; reasons: readonly VmStateReason[] } | undefined = states[state]
  return { state: row?.state ?? 'unknown', reason: row?.reasons[reason] ?? 'unknown' }
}

/** A domain of GET_ALL_DOMAIN_STATS; its state group has to be asked for. */
export function listedDomain({ domain, parameters }: DomainStats): ListedDomain {
  const number = (name: string): number => toNumber(counter(parameters, name) ?? 0n)
  return { domain, ...domainState(number('state.state'), number('state.reason')) }
}

export function hasProcess(state: VmState): boolean {
  return withProcess.has(state)
}
