import { compareNames } from '../parts/compare-names.js'

/** Geometry of a host's memory bar. Pure; lengths are shares (0 to 1) of the bar. */

export interface BarVm {
  readonly uuid: string
  readonly name: string
  readonly group: string
  readonly memoryBytes: number
}

export interface Span {
  readonly start: number
  readonly width: number
}

export interface BarLayout {
  /** What the whole bar stands for. More than the host has when more is configured than it has. */
  readonly scaleBytes: number
  readonly segments: readonly (Span & { readonly vm: BarVm })[]
  /** Counted for this host beyond its VMs: one that also runs elsewhere, as at the end of a migration. */
  readonly other: Span | undefined
  /** Kept for the hypervisor: the end of the host's memory. */
  readonly reserve: Span | undefined
  /** The part of the reserve that VMs reach into. */
  readonly intoReserve: Span | undefined
  /** Room for whole new VMs. */
  readonly slots: readonly Span[]
  /** Free, but less than one VM; or all free memory when there are too many slots to draw. */
  readonly rest: Span | undefined
  /** Configured beyond the host's memory. */
  readonly beyond: Span | undefined
}

export interface BarInput {
  /** Undefined while not known: then there is only what VMs are configured to have. */
  readonly memoryBytes: number | undefined
  readonly reserveBytes: number
  /** What the memory ledger counts as configured. */
  readonly configuredBytes: number
  /** Size of a new VM; undefined while not known. */
  readonly vmMemoryBytes: number | undefined
  readonly vms: readonly BarVm[]
}

/** More slots than this are drawn as one block. */
const slotLimit = 64

export function layoutBar(input: BarInput): BarLayout {
  const vms = input.vms.toSorted(byGroupThenSize)
  const shown = vms.reduce((sum, vm) => sum + vm.memoryBytes, 0)
  const configured = Math.max(shown, input.configuredBytes)
  const memory = input.memoryBytes ?? configured
  const scaleBytes = Math.max(memory, configured, 1)
  const span = (from: number, to: number): Span | undefined =>
    to > from ? { start: from / scaleBytes, width: (to - from) / scaleBytes } : undefined

  let used = 0
  const segments = vms.map((vm) => {
    const segment = { vm, start: used / scaleBytes, width: vm.memoryBytes / scaleBytes }
    used += vm.memoryBytes
    return segment
  })
  const reserveBytes = input.memoryBytes === undefined ? 0 : Math.min(input.reserveBytes, memory)
  const reserveFrom = memory - reserveBytes
  const vmBytes = input.vmMemoryBytes ?? 0
  const free = Math.max(0, reserveFrom - configured)
  const whole = vmBytes > 0 ? Math.floor(free / vmBytes) : 0
  const drawn = whole <= slotLimit ? whole : 0
  const slots = Array.from({ length: drawn }, (_, index) => ({
    start: (configured + index * vmBytes) / scaleBytes,
    width: vmBytes / scaleBytes,
  }))

  return {
    scaleBytes,
    segments,
    other: span(shown, configured),
    reserve: span(reserveFrom, memory),
    intoReserve: span(reserveFrom, Math.min(configured, memory)),
    slots,
    rest: span(configured + drawn * vmBytes, reserveFrom),
    beyond: span(memory, configured),
  }
}

function byGroupThenSize(a: BarVm, b: BarVm): number {
  return compareNames(a.group, b.group) || b.memoryBytes - a.memoryBytes || compareNames(a.name, b.name)
}
