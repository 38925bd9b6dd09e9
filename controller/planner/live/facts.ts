import type { Policy, VmClass } from '../../model/policy.js'
import type { Snapshot } from '../../model/snapshot.js'
import type { MoveKind } from '../problem.js'
import type { RuleName } from '../rules.js'
import type { PastMove } from './past-moves.js'

/** What plans for a fleet that runs are made from. */
export interface FleetFacts {
  readonly snapshot: Snapshot
  readonly policy: Policy
  /** Cores that VMs use, by part of the week (`weekLoad`); by UUID. Of those that are not there the last sample counts. */
  readonly history: ReadonlyMap<string, readonly number[]>
  /** Why hosts take no VMs, by host id. */
  readonly maintenance: ReadonlyMap<string, string>
  readonly past: readonly PastMove[]
  readonly now: number
}

/** What is asked of a plan. */
export interface PlanScope {
  /** Ways in which VMs may get to other hosts. */
  readonly kinds: ReadonlySet<MoveKind>
  /** Id of a host that is to be empty. */
  readonly leaving?: string | undefined
  /** The host is gone: what can starts elsewhere, and nothing else moves. */
  readonly hasFailed?: boolean | undefined
  /** Hosts in reserve may take VMs: it is what they are for. */
  readonly mayUseReserve?: boolean | undefined
  /** Rules that are not asked: to find out which of them stand in the way. */
  readonly ignored?: ReadonlySet<RuleName> | undefined
  /** One that is not there yet. */
  readonly newVm?: NewVm | undefined
}

export interface NewVm {
  readonly name: string
  readonly memoryBytes: number
  readonly vcpus: number
  readonly class: VmClass | undefined
}

/** Moves that can be done without stopping a VM, and those for which it has to be off. */
export const liveKinds: ReadonlySet<MoveKind> = new Set<MoveKind>(['live'])
export const allKinds: ReadonlySet<MoveKind> = new Set<MoveKind>(['live', 'cold-copy', 'cold-restart'])
