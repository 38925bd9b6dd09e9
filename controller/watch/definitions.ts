import { formatBytes, formatMemory } from '../../common/units.js'
import type { Redefinition } from '../model/recent-changes.js'
import { valueOf, type Disk, type Metric, type Snapshot, type Vm } from '../model/snapshot.js'

/** What a VM is made of, as far as that is known; what is not known is left out, and compares with nothing. */
export interface Definition {
  readonly vcpus?: number
  readonly memoryMaxBytes?: number
  /** Disks that stay in it, by target. */
  readonly disks?: ReadonlyMap<string, { readonly source: string; readonly capacityBytes: number | undefined }>
  /** Networks, by MAC address. */
  readonly nics?: ReadonlyMap<string, string>
}

/** Hypervisors round memory, each in its own way. */
const memoryDiffersBy = 0.02
const mostChanges = 10
const redefinedKeptMs = 7 * 86_400_000
const mostRedefined = 1000
/** Changes that follow each other within this time are told together. */
const oneChangeMs = 3_600_000

export function definitionOf(vm: Vm, { disks }: Pick<Snapshot, 'disks'>): Definition {
  const memory = vm.metrics['memoryMaxBytes']
  // Before its first sample vCPUs and memory are those of the definition, which may allow more than there is now.
  const isSampled = memory !== undefined && 'value' in memory && memory.source !== 'definition'
  const own = vm.diskIds.flatMap((id) => disks.get(id) ?? []).filter(({ removable }) => !removable)
  const nics = vm.nics.filter(({ mac }) => mac !== '')
  return {
    ...(isSampled && vm.vcpus !== undefined && { vcpus: vm.vcpus }),
    ...(isSampled && { memoryMaxBytes: memory.value }),
    ...(own.length > 0 && {
      disks: new Map(
        own.map(({ target, arrayKey, source, capacityBytes }) => [
          target,
          { source: `${arrayKey} ${source}`, capacityBytes },
        ]),
      ),
    }),
    ...(nics.length > 0 && { nics: new Map(nics.map(({ mac, network }) => [mac, network])) }),
  }
}

type Disks = Snapshot['disks']

/** Whether nothing of what `definitionOf` looks at differs; it makes nothing, as it is asked of every VM that was sampled. */
export function isMadeOfTheSame(before: Vm, disksBefore: Disks, now: Vm, disks: Disks): boolean {
  const [was, is] = [before.metrics['memoryMaxBytes'], now.metrics['memoryMaxBytes']]
  return (
    before.vcpus === now.vcpus &&
    valueOf(was) === valueOf(is) &&
    sourceOf(was) === sourceOf(is) &&
    before.diskIds.length === now.diskIds.length &&
    before.nics.length === now.nics.length &&
    before.diskIds.every((id, at) => id === now.diskIds[at] && isSameDisk(disksBefore.get(id), disks.get(id))) &&
    before.nics.every(({ mac, network }, at) => mac === now.nics[at]?.mac && network === now.nics[at].network)
  )
}

function sourceOf(metric: Metric | undefined): string | undefined {
  return metric !== undefined && 'source' in metric ? metric.source : undefined
}

function isSameDisk(before: Disk | undefined, now: Disk | undefined): boolean {
  return (
    before === now ||
    (before?.source === now?.source &&
      before?.arrayKey === now?.arrayKey &&
      before?.capacityBytes === now?.capacityBytes &&
      before?.removable === now?.removable)
  )
}

/** What is different, in words: `vCPUs 1 → 2`. */
export function differences(before: Definition, now: Definition): string[] {
  const changes: string[] = []
  if (before.vcpus !== undefined && now.vcpus !== undefined && before.vcpus !== now.vcpus) {
    changes.push(`vCPUs ${before.vcpus} → ${now.vcpus}`)
  }
  const [was, is] = [before.memoryMaxBytes, now.memoryMaxBytes]
  if (was !== undefined && is !== undefined && Math.abs(was - is) > Math.max(was, is) * memoryDiffersBy) {
    changes.push(`memory ${formatMemory(was)} → ${formatMemory(is)}`)
  }
  if (before.disks !== undefined && now.disks !== undefined) changes.push(...diskChanges(before.disks, now.disks))
  if (before.nics !== undefined && now.nics !== undefined) changes.push(...nicChanges(before.nics, now.nics))
  return changes
}

type DefinedDisks = NonNullable<Definition['disks']>

function diskChanges(before: DefinedDisks, now: DefinedDisks): string[] {
  const changes: string[] = []
  for (const [target, disk] of now) {
    const was = before.get(target)
    if (was === undefined) changes.push(`disk ${target} is new`)
    else if (was.source !== disk.source) changes.push(`disk ${target} lies elsewhere`)
    else if (
      was.capacityBytes !== undefined &&
      disk.capacityBytes !== undefined &&
      was.capacityBytes !== disk.capacityBytes
    ) {
      changes.push(`disk ${target} ${formatBytes(was.capacityBytes)} → ${formatBytes(disk.capacityBytes)}`)
    }
  }
  for (const target of before.keys()) if (!now.has(target)) changes.push(`disk ${target} is gone`)
  return changes
}

function nicChanges(before: ReadonlyMap<string, string>, now: ReadonlyMap<string, string>): string[] {
  const changes: string[] = []
  for (const [mac, network] of now) {
    const was = before.get(mac)
    if (was === undefined) changes.push(`NIC ${mac} is new`)
    else if (was !== network) changes.push(`NIC ${mac} is on ${network || 'no network'}, was on ${was || 'none'}`)
  }
  for (const mac of before.keys()) if (!now.has(mac)) changes.push(`NIC ${mac} is gone`)
  return changes
}

/** A change beside those before it. */
export function withChange(before: Redefinition | undefined, changes: readonly string[], atMs: number): Redefinition {
  const earlier = before === undefined || atMs - before.atMs > oneChangeMs ? [] : before.changes
  return { atMs, changes: [...new Set([...earlier, ...changes])].slice(-mostChanges) }
}

/** Without what is of long ago, and of too many without the oldest. The same object if there is nothing of that. */
export function freshRedefinitions(
  redefined: ReadonlyMap<string, Redefinition>,
  atMs: number,
): { readonly redefined: ReadonlyMap<string, Redefinition>; readonly dropped: number } {
  const fresh = [...redefined].filter(([, { atMs: changedAt }]) => atMs - changedAt <= redefinedKeptMs)
  const dropped = Math.max(0, fresh.length - mostRedefined)
  if (fresh.length === redefined.size && dropped === 0) return { redefined, dropped }
  return { redefined: new Map(fresh.toSorted(([, a], [, b]) => a.atMs - b.atMs).slice(dropped)), dropped }
}
