import type { MoveKind, Refusal } from '../problem.js'
import type { MoveTimes } from './move-cost.js'

/** Plans for a fleet that runs, as plain data: what API, page and command line show, and what is kept of one that is approved. */

/** How full a host is. */
export interface HostFill {
  readonly host: string
  /** What its VMs may grow to, and what they may take together without its reserve; 0: that is not known. */
  readonly memoryBytes: number
  readonly memoryMostBytes: number
  /** Cores in the busiest part of the week; undefined: not known. */
  readonly cores: number | undefined
  readonly coresMost: number | undefined
  readonly vms: number
}

export interface BeforeAfter {
  readonly before: HostFill
  readonly after: HostFill
}

export interface PlannedMove {
  readonly vmUuid: string
  readonly vm: string
  readonly fromHostId: string
  readonly from: string
  readonly toHostId: string
  readonly to: string
  readonly kind: MoveKind
  /** `command`: this program can do it. */
  readonly by: 'command' | 'person'
  /** What a person has to know who does it; empty if there is nothing. */
  readonly note: string
  /** What it is good for. */
  readonly reason: string
  /** By how much it makes the score less, its cost not taken off. */
  readonly gain: number
  readonly cost: number
  readonly times: MoveTimes
  readonly memoryBytes: number
  readonly diskBytes: number
  readonly source: BeforeAfter
  readonly target: BeforeAfter
  /** The next best host, and how much worse; or why there is none. */
  readonly runnerUp: { readonly host: string; readonly worseBy: number } | { readonly none: string }
}

/** A VM that would help by moving, and why it cannot; or one that has to go and has no way. */
export interface Cannot {
  readonly vm: string
  readonly on: string
  /** By host that was looked at: the rules that keep it from there. */
  readonly why: readonly (Refusal & { readonly host: string })[]
}

export interface LoadBasis {
  /** VMs whose load is known from weeks of history, from the last sample, and not at all. */
  readonly history: number
  readonly sample: number
  readonly none: number
  /** Without it plans go by memory alone. */
  readonly countsCpu: boolean
}

/** What a check finds now, and whether it would after the plan. */
export interface FindingFate {
  readonly check: string
  readonly severity: string
  readonly subject: string
  readonly message: string
  readonly fate: 'mended' | 'stays' | 'new'
  /** Why it stays. */
  readonly why: string
}

export interface Plan {
  readonly kind: 'rebalance' | 'drain' | 'return' | 'place'
  /** Host, or VM that is to come; empty: the fleet. */
  readonly subject: string
  /** Of the snapshot. */
  readonly at: number
  /** Everything that was asked for is in it. */
  readonly complete: boolean
  /** What it comes to, in a sentence. */
  readonly says: string
  readonly scoreBefore: number
  readonly scoreAfter: number
  readonly moves: readonly PlannedMove[]
  readonly hosts: readonly BeforeAfter[]
  readonly findings: readonly FindingFate[]
  readonly cannot: readonly Cannot[]
  /** Of a host that is emptied: VMs whose disks no other place for them reaches. They have to be off while these are copied, by a person. */
  readonly copies: readonly {
    readonly vm: string
    readonly diskBytes: number
    readonly duration: MoveTimes['duration']
  }[]
  /** Rules of which each keeps it from being done; empty if it can be. */
  readonly conflict: readonly { readonly rule: string; readonly what: string }[]
  /** What its moves have to gain together, their costs taken off; with less it would be empty. 0: it is not made for gain. */
  readonly leastGain: number
  /** A cap of the policy cut it. */
  readonly capped: boolean
  readonly basis: LoadBasis
}
