/** What became of things lately, which one snapshot alone does not tell. Plain data; times are milliseconds since the epoch. */

export interface RecentChanges {
  /** VMs that were there and that their host does not tell of any more, by UUID. */
  readonly missing: ReadonlyMap<string, MissingVm>
  /** VMs that are made of other things than before, by UUID. */
  readonly redefined: ReadonlyMap<string, Redefinition>
  /** Hosts that booted while they were watched, by id. */
  readonly reboots: ReadonlyMap<string, Reboot>
  /** What agents counted, by id. */
  readonly agents: ReadonlyMap<string, AgentTally>
}

export const noChanges: RecentChanges = {
  missing: new Map(),
  redefined: new Map(),
  reboots: new Map(),
  agents: new Map(),
}

/**
 * What its host said of the end of a VM, or nothing. `removed`, `ended`: somebody undefined it, shut it down, destroyed or saved it. `stopped`:
 * nobody said why. `moved`: it went to another host.
 */
export const vmEnds = ['removed', 'ended', 'stopped', 'crashed', 'moved', 'nothing'] as const
export type VmEnd = (typeof vmEnds)[number]

/** A VM as it was when it was told of last. */
export interface MissingVm {
  readonly uuid: string
  readonly name: string
  readonly owner: string
  readonly group: string
  readonly service: string
  readonly hostId: string
  readonly hostName: string
  /** It ran, as far as anybody knew. */
  readonly ran: boolean
  readonly sinceMs: number
  readonly end: VmEnd
  /** When that happened; 0 if nothing was said. */
  readonly endAtMs: number
}

export interface Redefinition {
  /** Of the last change. */
  readonly atMs: number
  /** `memory 1 GiB → 2 GiB`, `disk vdb is new`; of several the last. */
  readonly changes: readonly string[]
}

export interface Reboot {
  readonly atMs: number
}

export interface AgentTally {
  /** Beats that passed while the pass before still ran. */
  readonly skippedTicks: Increase
  /** Reports that were dropped from the spool. */
  readonly droppedReports: Increase
}

/** How much a count that only grows has grown of late. */
export interface Increase {
  readonly total: number
  /** Oldest first. */
  readonly steps: readonly { readonly atMs: number; readonly by: number }[]
}

/** By how much it has grown within its window. */
export function increaseOf({ steps }: Increase): number {
  return steps.reduce((sum, { by }) => sum + by, 0)
}
