import { formatMemory } from '../../common/units.js'
import type { Verdict } from '../../common/verbs.js'
import { valueOf, type Disk, type Host, type StorageArray, type Vm } from '../model/snapshot.js'
import { maintenanceText, type Maintenance } from './maintenance.js'

/** What the controller knows of a VM and of two hosts. */
export interface MoveFacts {
  readonly vm: Vm
  readonly disks: readonly Disk[]
  readonly source: Host | undefined
  /** As it was named. */
  readonly to: string
  /** Undefined: there is none of that name. */
  readonly target: Host | undefined
  readonly targetMaintenance: Maintenance | undefined
  /** Of its memory, after its reserve and after what is on its way there; undefined: not known. */
  readonly targetSpareBytes: number | undefined
  /** What other VMs that are on their way there may have. */
  readonly targetComingBytes?: number
  readonly arrays: ReadonlyMap<string, StorageArray>
}

/** Disks that QEMU reaches over the network by itself. */
const networked = new Set(['iscsi', 'rbd', 'nbd'])
/** Disks that several hosts can have mounted. */
const mounted = new Set(['nfs'])

/** Everything that speaks against a move, as far as the controller knows it, and what does not. Both agents look further. Pure. */
export function migrationVerdicts(facts: MoveFacts): readonly Verdict[] {
  const { vm, source, target, to } = facts
  if (target === undefined) return [no('target', `there is no host ${to}`)]
  if (source === undefined) return [no('target', 'its own host is not known')]
  if (target.id === vm.hostId) return [no('target', `it is on ${target.name} already`)]
  return [
    target.status === 'up'
      ? yes('target', `${target.name} reports`)
      : no('target', `${target.name} is ${target.status}`),
    target.kind === source.kind && source.kind === 'kvm'
      ? yes('kind', 'both are KVM')
      : no('kind', `from ${source.kind} to ${target.kind}: only KVM to KVM can be moved while it runs`),
    versionVerdict('management', source.managementVersion, target.managementVersion),
    versionVerdict('hypervisor', source.hypervisorVersion, target.hypervisorVersion),
    sameOrSaid('os', `${source.os} ${source.kernel}`, `${target.os} ${target.kernel}`),
    cpuVerdict(source, target),
    facts.targetMaintenance === undefined
      ? yes('maintenance', `${target.name} takes VMs`)
      : no('maintenance', maintenanceText(facts.targetMaintenance).replace(/^its host/, target.name)),
    memoryVerdict(facts, target),
    ...diskVerdicts(facts, target),
  ]
}

/** QEMU and libvirt take what older ones send, and not what newer ones do. */
function versionVerdict(check: string, from: string, to: string): Verdict {
  const [older, newer] = [numbersOf(from), numbersOf(to)]
  if (older.length === 0 || newer.length === 0) return yes(check, 'versions are not known')
  const says = from === to ? from : `from ${from} to ${to}`
  return compare(newer, older) < 0 ? no(check, `${says}: that is older`) : yes(check, says)
}

function numbersOf(version: string): readonly number[] {
  return (/\d+(?:\.\d+)*/.exec(version)?.[0] ?? '').split('.').filter(Boolean).map(Number)
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (let at = 0; at < Math.max(a.length, b.length); at += 1) {
    const difference = (a[at] ?? 0) - (b[at] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

/** Nothing that the hypervisor asks for: said, so that whoever moves sees it. */
function sameOrSaid(check: string, from: string, to: string): Verdict {
  return yes(check, from === to ? from.trim() || 'not known' : `${from} here, ${to} there`)
}

/** A definition that passes the host's CPU through shows only to its agents; they compare. */
function cpuVerdict({ cpuModel: from }: Host, { cpuModel: to }: Host): Verdict {
  return yes('cpu', from === to ? from || 'not known' : `${from || 'unknown'} here, ${to || 'unknown'} there`)
}

/** The most memory that it may come to have; undefined: not known. */
export function mayHaveBytes({ metrics }: Vm): number | undefined {
  return valueOf(metrics['memoryMaxBytes']) ?? valueOf(metrics['memoryBytes'])
}

function memoryVerdict({ vm, targetSpareBytes, targetComingBytes = 0 }: MoveFacts, target: Host): Verdict {
  const needs = mayHaveBytes(vm)
  if (needs === undefined) return no('memory', 'how much memory it may have is not known')
  if (targetSpareBytes === undefined) return no('memory', `what ${target.name} has left is not known`)
  const has = `${target.name} has ${formatMemory(Math.max(0, targetSpareBytes))} above its reserve`
  const beside =
    targetComingBytes > 0 ? `, beside ${formatMemory(targetComingBytes)} of VMs that are on their way there` : ''
  const says = `it may have ${formatMemory(needs)}; ${has}${beside}`
  return targetSpareBytes >= needs ? yes('memory', says) : no('memory', says)
}

function diskVerdicts({ disks, arrays }: MoveFacts, target: Host): readonly Verdict[] {
  const own = disks.filter(({ source }) => source !== '')
  if (own.length === 0) return [yes('disks', 'it has none')]
  const verdicts = own.map((disk): Verdict => {
    const { target: name, backend, arrayKey, removable } = disk
    const check = `disk ${name}`
    const isSeen = arrays.get(arrayKey)?.hostIds.includes(target.id) === true
    if (networked.has(backend))
      return yes(check, `${arrayKey || backend} over the network${isSeen ? `, which ${target.name} uses too` : ''}`)
    if (mounted.has(backend))
      return isSeen
        ? yes(check, `${arrayKey}, which ${target.name} has too`)
        : no(check, `${target.name} does not have ${arrayKey}`)
    if (removable) return no(check, `${disk.source} is local: eject it`)
    return no(check, `${disk.source} is only on its own host, and disks are not copied`)
  })
  const isShared = own.some(({ backend, readOnly }) => networked.has(backend) && !readOnly)
  const fence =
    'raw disks over the network have no fence: without virtlockd or sanlock nothing but the order of these steps keeps two copies apart'
  return isShared ? [...verdicts, yes('fence', fence)] : verdicts
}

function yes(check: string, says: string): Verdict {
  return { check, ok: true, says }
}

function no(check: string, says: string): Verdict {
  return { check, ok: false, says }
}
