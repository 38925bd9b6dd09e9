import type { Capability, GapReason, HostFacts, VmState, VmStateReason } from '../hypervisor.js'
import type { VmDescription } from '../libvirt/definition-cache.js'

/**
 * What the management software of a Xen host tells of its domains: libvirt, or the text that `xl` and `xm` print. All else
 * comes from dom0's kernel. A toolstack finds its way back by itself after it was away, and tells of both as events.
 */
export interface Toolstack {
  /** As it is called where a reason names it. */
  readonly name: string
  /**
   * Makes the first contact. Once.
   * @throws HypervisorDenied, HypervisorUnavailable
   */
  start(): Promise<ToolstackHost>
  /**
   * Stands for the present connection; another object once that was lost.
   * @throws HypervisorUnavailable while it is known to be down
   */
  connection(): object
  /** @throws HypervisorUnavailable, or what the toolstack says */
  host(signal: AbortSignal): Promise<ToolstackHost>
  /** @throws HypervisorUnavailable, CallAbandoned, or what the toolstack says */
  list(signal: AbortSignal): Promise<DomainList>
  /** A pass read the states of all VMs of a list. What they show and no event told is told now. */
  seen(states: readonly SeenState[]): void
  /**
   * All VMs, with what they are made of.
   * @throws HypervisorUnavailable, CallAbandoned, or what the toolstack says
   */
  definitions(signal: AbortSignal): Promise<readonly DefinedVm[]>
  /** Memory that no domain has. Rejects only when the signal aborts. */
  freeBytes(signal: AbortSignal): Promise<number | Missed>
  /** Of events, CPU time and memory: what nobody else can tell. */
  capabilities(): readonly Capability[]
  close(): Promise<void>
}

/** A Xen host as its toolstack describes it. */
export interface ToolstackHost extends Omit<HostFacts, 'name'> {
  readonly cpuThreads: number
  /** Undefined if there is none that could tell two hosts apart. */
  readonly uuid: string | undefined
}

export interface Domain {
  readonly name: string
  readonly uuid: string
  /** Number of this run, never used twice while the host is up; 0: dom0, -1: off. */
  readonly id: number
  /** What has this number now goes by another name than the VM had that the number was known of: it may be another one. Nothing is done to it. */
  readonly isDoubtful?: true
}

/** All domains at one moment. dom0 is a domain like any other for Xen; it is the host, and no VM. */
export interface DomainList {
  readonly dom0: Domain | undefined
  readonly guests: readonly Domain[]
  /** CPU time of domains that cannot be told to be a VM's, as they are just being made or unmade. */
  readonly others: readonly DomainCpu[]
  /** State, CPU time and sizes of a domain of this list. Rejects only when the signal aborts. */
  figures(domain: Domain, signal: AbortSignal): Promise<DomainFigures | 'gone' | Missed>
}

export interface DomainCpu {
  readonly id: number
  readonly cpuSeconds: number
}

export interface DomainFigures {
  readonly state: VmState
  readonly stateReason: VmStateReason
  readonly cpuSeconds?: number
  readonly vcpus?: number
  readonly memoryBytes?: number
  readonly memoryMaxBytes?: number
}

/** What should have been told and was not. */
export interface Missed {
  readonly reason: GapReason
  readonly message: string
}

export interface SeenState {
  readonly domain: Domain
  /** Undefined: it lives, and nothing more is known. */
  readonly state: VmState | undefined
}

/** No description: it cannot be read now. */
export interface DefinedVm extends VmDescription {
  readonly domain: Domain
}
