import { exactDuration, exactRate } from '../../common/units.js'
import { remedies, type Remedy } from '../arrays/remedies.js'
import { aboutMembers, isBlamed } from '../checks/load/array-culprits.js'
import { remedyWords } from '../checks/load/remedy-words.js'
import type { Look } from '../fleet-look.js'
import type { Finding } from '../model/finding.js'
import type { Snapshot, Vm } from '../model/snapshot.js'
import type { WatchedArray } from '../model/watched-array.js'

/** A remedy of an alert that headroom can carry out: a limit on one VM that ends by itself. */
export interface Proposal {
  readonly boxId: string
  readonly vmUuid: string
  readonly vmName: string
  /** Arguments of the verb `limit`. */
  readonly args: Readonly<Record<string, string>>
  /** For people. */
  readonly text: string
}

export type Sight = Pick<Look, 'snapshot' | 'labels' | 'circumstances'>

type Limit = Extract<Remedy, { action: 'limit' }>

/** The verb takes no smaller rate. */
const leastBytesPerSecond = 16_384

/** The box that an alert is about, whose remedies can be carried out; undefined: it is about none. */
export function boxOfAlert({ check, subject, part }: Pick<Finding, 'check' | 'subject' | 'part'>): string | undefined {
  if (check === 'array-cache') return subject.id
  return check === 'vm-hammers-array' ? part : undefined
}

/** What of an alert's remedies can be carried out as things are now, the gentlest first. Of an alert about a VM: only what limits that one. Pure. */
export function proposalsFor(about: Pick<Finding, 'check' | 'subject' | 'part'>, sight: Sight): readonly Proposal[] {
  const boxId = boxOfAlert(about)
  const watched = boxId === undefined ? undefined : sight.circumstances.arrays?.get(boxId)
  if (watched === undefined) return []
  const { snapshot, labels } = sight
  const aboutOf = aboutMembers((uuid) => labels.get(uuid), snapshot)
  const suspects = watched.culprits.suspects.filter(isBlamed)
  return remedies(watched.condition, { suspects }, aboutOf)
    .filter((remedy) => remedy.action === 'limit')
    .filter(({ of }) => about.subject.kind !== 'vm' || of.id === about.subject.id)
    .flatMap((limit) => proposalOf(limit, watched, snapshot) ?? [])
}

/**
 * Undefined: the VM is not there any more, nothing of it lies on the box, or several disks do and others do not: a limit is that of one disk or
 * of all, and disks elsewhere fill nothing here.
 */
function proposalOf(limit: Limit, watched: WatchedArray, snapshot: Snapshot): Proposal | undefined {
  const vm = snapshot.vms.get(limit.of.id)
  const targets = vm === undefined ? [] : targetsOn(watched, vm.uuid, snapshot)
  if (vm === undefined || targets.length === 0) return undefined
  if (targets.length > 1 && targets.length < writableOf(vm, snapshot)) return undefined
  const { writeBytesPerSecond, requestsPerSecond, forSeconds } = limit
  // A limit is that of each disk: what the VM may do at the box is shared among its disks there.
  const each = (all: number, least: number): number => Math.max(least, Math.floor(all / targets.length))
  const requests = requestsPerSecond === undefined ? undefined : String(each(requestsPerSecond, 1))
  const [only, ...others] = targets
  return {
    boxId: watched.condition.boxId,
    vmUuid: vm.uuid,
    vmName: vm.name,
    args: {
      ...(writeBytesPerSecond !== undefined && { write: exactRate(each(writeBytesPerSecond, leastBytesPerSecond)) }),
      ...(requests !== undefined && { readRequests: requests, writeRequests: requests }),
      ...(only !== undefined && others.length === 0 && { disk: only }),
      for: exactDuration(forSeconds * 1000),
    },
    text: remedyWords(limit),
  }
}

/** Disks of a VM at a box, as they are called in the guest. */
export function targetsOn(
  { arrayKeys }: Pick<WatchedArray, 'arrayKeys'>,
  vmUuid: string,
  snapshot: Snapshot,
): string[] {
  return disksOn({ arrayKeys }, snapshot)
    .filter((disk) => disk.vmUuid === vmUuid && !disk.readOnly)
    .map(({ target }) => target)
}

function writableOf({ diskIds }: Vm, { disks }: Snapshot): number {
  return diskIds.filter((id) => disks.get(id)?.readOnly !== true).length
}

/** All disks at a box. */
export function disksOn({ arrayKeys }: Pick<WatchedArray, 'arrayKeys'>, { arrays, disks }: Snapshot) {
  return arrayKeys.flatMap((key) => arrays.get(key)?.diskIds ?? []).flatMap((id) => disks.get(id) ?? [])
}
