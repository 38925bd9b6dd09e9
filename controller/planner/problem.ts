import type { RuleName } from './rules.js'

/**
 * What the search works on: hosts and VMs as numbers, made once of a fleet. Nothing here says where that came from. Indices of hosts and VMs
 * are those of `hosts` and `vms`.
 */
export interface Problem {
  /** Names. */
  readonly hosts: readonly string[]
  readonly vms: readonly string[]
  /** Host of each VM. */
  readonly start: Int32Array
  /** 1: the host's figures count in the score. Hosts in reserve and those that are out of use do not. */
  readonly counted: Int32Array
  readonly dimensions: readonly Dimension[]
  readonly limits: readonly Limit[]
  readonly apart: readonly ApartSet[]
  readonly together: readonly TogetherSet[]
  readonly classes: Classes | undefined
  /** Undefined: what a host's failure would mean is not looked at. */
  readonly survival: Survival | undefined
  /** What each VM that stays on a host costs in score while it is there: a host that is to be empty; by host. */
  readonly strandedPenalty: Float64Array
  /** 1: the VM is where it is on purpose, so that no `strandedPenalty` is counted for it. */
  readonly excepted: Int32Array
  /** VMs that are alike in how they may move, and hosts that are alike as their goals. */
  readonly vmKind: Int32Array
  readonly hostKind: Int32Array
  /** By kind of VM, then by kind of host. */
  readonly ways: readonly (readonly Way[])[]
  /** What the move of each VM costs in score, by the way it moves: worth it only if it gains more. */
  readonly moveCost: (vm: number, way: MoveKind) => number
}

/** One figure of a host: (base + what its VMs bring) / capacity. Hosts are to be alike in it. */
export interface Dimension {
  readonly name: string
  /** By host. */
  readonly base: Float64Array
  readonly capacity: Float64Array
  /** By VM. */
  readonly load: Float64Array
  /** Weight of the standard deviation over hosts that count, and of the highest of them. */
  readonly spreadWeight: number
  readonly peakWeight: number
}

/** What the VMs of a host may take together. A host above it gives VMs away and takes none. */
export interface Limit {
  readonly rule: RuleName
  /** By VM. */
  readonly use: Float64Array
  /** By host. */
  readonly most: Float64Array
  /** Score for each host above the limit; the same again for the part of it that is too much. */
  readonly overPenalty: number
  /** An amount in words. */
  readonly format: (amount: number) => string
}

/** VMs that are to be on different hosts. */
export interface ApartSet {
  readonly rule: RuleName
  readonly name: string
  readonly vms: readonly number[]
  /** Score for each beyond the first on one host. */
  readonly penalty: number
}

/** VMs that are to be on one host. */
export interface TogetherSet {
  readonly name: string
  readonly vms: readonly number[]
  /** Score for each host beyond the first. */
  readonly penalty: number
}

/** What tells whether the VMs of a host that fails find a place on the others. */
export interface Survival {
  /** Memory of each VM, bytes. */
  readonly use: Float64Array
  /** What the VMs of each host may take together, bytes. */
  readonly most: Float64Array
  /** By host: hosts of the same number take VMs of each other; -1: it takes none, and none takes its own. */
  readonly group: Int32Array
}

/** Core and personal VMs are to be on different hosts. */
export interface Classes {
  /** By VM: 0 none, 1 core, 2 personal. */
  readonly ofVm: Int32Array
  /** Score for each personal VM beside core VMs; by VM, 0 where that is on purpose. */
  readonly penalty: Float64Array
}

/** How a VM gets to another host. */
export type MoveKind = 'live' | 'live-storage-copy' | 'cold-copy' | 'cold-restart' | 'disk-swap'

/** Whether and how a VM of one kind can move to a host of one kind. */
export type Way = { readonly kind: MoveKind } | { readonly rule: RuleName; readonly reason: string }

/** Why something may not be. */
export interface Refusal {
  readonly rule: RuleName
  readonly reason: string
}
