import { isRemote } from '../checks/space/file-system-space.js'
import { sourcesOfCheck } from '../checks/storage-health/host-storage.js'
import type { SubjectFacts } from '../model/alert.js'
import type { Evidence, Finding, Related, Subject } from '../model/finding.js'
import { noChanges, type MissingVm } from '../model/recent-changes.js'
import {
  isRunning,
  noRequests,
  type FileSystem,
  type Metric,
  type Snapshot,
  type StorageArray,
  type Vm,
} from '../model/snapshot.js'

/** What alerts ask of the fleet beside the findings. */
export interface World {
  /**
   * Whether the checks could judge it: a finding that is not there means something only if they could. `gone`: there is no such subject any more.
   * `excepted`: the policy does not want to hear of it, whether it can be seen or not.
   */
  sight(about: Finding): Sight
  facts(subject: Subject, related: readonly Related[]): SubjectFacts
  /** Keys (`subjectKey`) of what a subject is inside: a VM's host and the arrays that its disks are on, a host's agent. */
  around(subject: Subject): readonly string[]
  /** Whether it is known that a VM has nothing on an array any more. `arrayId`: its key, or that of its box. */
  hasLeft(vmUuid: string, arrayId: string): boolean
}

export type Sight = 'seen' | 'unseen' | 'gone' | 'excepted'

export function subjectKey({ kind, id }: Pick<Subject, 'kind' | 'id'>): string {
  return `${kind}:${id}`
}

/** Whose a VM is, by policy and metadata; empty if nobody says. */
export type SaidOfVm = (vm: Pick<Vm, 'uuid' | 'owner' | 'group'>) => Pick<Vm, 'owner' | 'group'>

/** What is known of a VM, there or missing. */
type KnownVm = Pick<Vm, 'uuid' | 'hostId' | 'owner' | 'group'>
type KnownVms = (uuid: string) => KnownVm | undefined

/** What the world is made of. */
export interface WorldSources {
  readonly snapshot: Snapshot
  readonly said: SaidOfVm
  /** VMs that are not in the snapshot any more, by UUID. */
  readonly missing?: ReadonlyMap<string, MissingVm> | undefined
  /** Id of the box that an array belongs to: its key, if that is left out. */
  readonly boxIdOf?: ((arrayKey: string) => string) | undefined
  /** Whether the policy excepts a finding; nothing, if that is left out. */
  readonly isExcepted?: ((finding: Finding) => boolean) | undefined
}

export function worldOf({
  snapshot,
  said,
  missing = noChanges.missing,
  boxIdOf = (key) => key,
  isExcepted = () => false,
}: WorldSources): World {
  const known: KnownVms = (uuid) => snapshot.vms.get(uuid) ?? missing.get(uuid)
  // Several inhibitions ask for the same.
  const around = new Map<string, readonly string[]>()
  return {
    sight: (about) => {
      if (isExcepted(about)) return 'excepted'
      const { check, subject, part, evidence } = about
      // Something was heard of it, be it only of its agent.
      if (check === 'host-silent' && snapshot.hosts.get(subject.id)?.status === 'unreachable') return 'seen'
      if (check === 'file-system-space' && subject.kind === 'fleet') return remoteSight(snapshot, part)
      const sight = sightOf(snapshot, boxIdOf, subject)
      if (sight !== 'seen') return sight
      const isBlind =
        isUntold(snapshot, { check, subject, part }) || evidence.some((one) => isUnmeasured(snapshot, one))
      return isBlind ? 'unseen' : 'seen'
    },
    facts: (subject, related) => factsOf(snapshot, known, said, subject, related),
    around: (subject) => {
      const key = subjectKey(subject)
      const found = around.get(key) ?? aroundOf(snapshot, known, boxIdOf, subject)
      around.set(key, found)
      return found
    },
    hasLeft: (vmUuid, arrayId) => {
      const vm = snapshot.vms.get(vmUuid)
      // After a start VMs are not there yet.
      if (vm === undefined) return missing.get(vmUuid)?.end === 'removed'
      const written = vm.diskIds
        .map((id) => snapshot.disks.get(id))
        .filter((disk) => !disk?.removable && !disk?.readOnly)
      const keys = written.map((disk) => disk?.arrayKey ?? '')
      return keys.length > 0 && keys.every((key) => key !== '' && key !== arrayId && boxIdOf(key) !== arrayId)
    },
  }
}

type BoxIdOf = NonNullable<WorldSources['boxIdOf']>

function sightOf(snapshot: Snapshot, boxIdOf: BoxIdOf, { kind, id }: Subject): Sight {
  switch (kind) {
    case 'fleet':
      return 'seen'
    case 'agent': {
      // What one that is away told last says nothing of now.
      const agent = snapshot.agents.get(id)
      return agent === undefined ? 'gone' : agent.connected ? 'seen' : 'unseen'
    }
    case 'host':
      return hostSight(snapshot, id)
    case 'vm': {
      const vm = snapshot.vms.get(id)
      if (vm === undefined) return 'gone'
      return hostSight(snapshot, vm.hostId) !== 'seen' || vm.gaps.length > 0 ? 'unseen' : 'seen'
    }
    case 'array': {
      const array = snapshot.arrays.get(id)
      return boxSight(snapshot, array === undefined ? arraysOfBox(snapshot, boxIdOf, id) : [array])
    }
  }
}

function hostSight(snapshot: Snapshot, hostId: string): Sight {
  const host = snapshot.hosts.get(hostId)
  if (host === undefined) return 'gone'
  return host.status === 'up' ? 'seen' : 'unseen'
}

function arraysOfBox({ arrays }: Snapshot, boxIdOf: BoxIdOf, boxId: string): StorageArray[] {
  return [...arrays.values()].filter(({ key }) => boxIdOf(key) === boxId)
}

/** One host that tells of it is enough. */
function boxSight(snapshot: Snapshot, arrays: readonly StorageArray[]): Sight {
  if (arrays.length === 0) return 'gone'
  return arrays.some(({ hostIds }) => hostIds.some((id) => hostSight(snapshot, id) === 'seen')) ? 'seen' : 'unseen'
}

/**
 * A file system of another machine: one host that can read and write it is enough. Where it is mounted read-only nothing is found of it: that says
 * that it is over only if no other host may write it.
 */
function remoteSight({ hosts }: Snapshot, device: string): Sight {
  const isIt = (one: Pick<FileSystem, 'device'>): boolean => one.device === device && isRemote(one)
  let ofWriters: Sight = 'gone'
  let ofReaders: Sight = 'gone'
  for (const host of hosts.values()) {
    const mounts = host.fileSystems.filter(isIt)
    const isWritten = mounts.some(({ readOnly }) => !readOnly)
    if (isWritten && host.status === 'up') return 'seen'
    if (isWritten || host.unreadFileSystems.some(isIt)) ofWriters = 'unseen'
    else if (mounts.length > 0 && ofReaders !== 'seen') ofReaders = host.status === 'up' ? 'seen' : 'unseen'
  }
  return ofWriters === 'gone' ? ofReaders : ofWriters
}

/** What should tell of it could not be read: the file system itself, or a source of the host's storage health. */
function isUntold(
  snapshot: Snapshot,
  { check, subject: { kind, id }, part }: Pick<Finding, 'check' | 'subject' | 'part'>,
): boolean {
  if (check === 'file-system-space') {
    return snapshot.hosts.get(id)?.unreadFileSystems.some(({ mount }) => mount === part) === true
  }
  const names = Object.hasOwn(sourcesOfCheck, check) ? sourcesOfCheck[check] : undefined
  if (names === undefined || kind !== 'host') return false
  const sources = snapshot.hosts.get(id)?.storageHealth?.sources
  return sources === undefined || sources.some(({ name, state }) => names.includes(name) && state === 'failed')
}

/** A figure that is not there although it could be: not of a VM that is off, and not a latency because nothing was asked of the disk. */
function isUnmeasured(snapshot: Snapshot, { entityKind, entityId, field }: Evidence): boolean {
  const metric = metricsOf(snapshot, entityKind, entityId)?.[field]
  return metric !== undefined && 'absent' in metric && metric.absent !== noRequests
}

function metricsOf(snapshot: Snapshot, kind: string, id: string): Readonly<Record<string, Metric>> | undefined {
  switch (kind) {
    case 'host':
      return snapshot.hosts.get(id)?.metrics
    case 'array':
      return snapshot.arrays.get(id)?.metrics
    case 'vm':
      return runningVm(snapshot, id)?.metrics
    case 'disk': {
      const disk = snapshot.disks.get(id)
      return runningVm(snapshot, disk?.vmUuid ?? '') === undefined ? undefined : disk?.metrics
    }
    default:
      return undefined
  }
}

function runningVm(snapshot: Snapshot, uuid: string): Vm | undefined {
  const vm = snapshot.vms.get(uuid)
  return vm !== undefined && isRunning(vm.state) ? vm : undefined
}

function factsOf(
  snapshot: Snapshot,
  known: KnownVms,
  said: SaidOfVm,
  subject: Subject,
  related: readonly Related[],
): SubjectFacts {
  const vm = subject.kind === 'vm' ? known(subject.id) : undefined
  const host = subject.kind === 'host' ? snapshot.hosts.get(subject.id) : snapshot.hosts.get(vm?.hostId ?? '')
  const group = vm === undefined ? '' : said(vm).group
  const owners = new Set<string>()
  const groups = new Set<string>()
  if (vm !== undefined) owners.add(said(vm).owner)
  for (const { role, subject: other } of related) {
    const one = other.kind === 'vm' ? snapshot.vms.get(other.id) : undefined
    if (one === undefined || role === 'partner') continue
    const of = said(one)
    groups.add(of.group)
    if (role === 'culprit') owners.add(of.owner)
  }
  owners.delete('')
  for (const known of ['', group]) groups.delete(known)
  return {
    ...(host !== undefined && { host: host.name }),
    ...(group !== '' && { group }),
    ...(groups.size > 0 && { groups: [...groups].sort() }),
    owners: [...owners].sort(),
  }
}

function aroundOf(snapshot: Snapshot, known: KnownVms, boxIdOf: BoxIdOf, { kind, id }: Subject): string[] {
  const vm = kind === 'vm' ? known(id) : undefined
  const host = kind === 'host' ? snapshot.hosts.get(id) : snapshot.hosts.get(vm?.hostId ?? '')
  return [
    ...(kind === 'vm' && host !== undefined ? [subjectKey({ kind: 'host', id: host.id })] : []),
    ...(host === undefined || host.agentId === '' ? [] : [subjectKey({ kind: 'agent', id: host.agentId })]),
    ...arraysOf(snapshot, boxIdOf, { kind, id }).map((key) => subjectKey({ kind: 'array', id: key })),
  ]
}

/** Arrays that a VM lies on, and their boxes. */
function arraysOf(snapshot: Snapshot, boxIdOf: BoxIdOf, { kind, id }: Pick<Subject, 'kind' | 'id'>): string[] {
  const vm = kind === 'vm' ? snapshot.vms.get(id) : undefined
  const keys = vm?.diskIds.map((diskId) => snapshot.disks.get(diskId)?.arrayKey ?? '').filter((key) => key !== '') ?? []
  return [...new Set(keys.flatMap((key) => [key, boxIdOf(key)]))]
}
