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
   */
  sight(about: Pick<Finding, 'check' | 'subject' | 'part' | 'evidence'>): Sight
  facts(subject: Subject, related: readonly Related[]): SubjectFacts
  /** Keys (`subjectKey`) of what a subject is inside: a VM's host and the arrays that its disks are on, a host's agent. */
  around(subject: Subject): readonly string[]
}

export type Sight = 'seen' | 'unseen' | 'gone'

export function subjectKey({ kind, id }: Pick<Subject, 'kind' | 'id'>): string {
  return `${kind}:${id}`
}

/** Whose a VM is, by policy and metadata; empty if nobody says. */
export type SaidOfVm = (vm: Pick<Vm, 'uuid' | 'owner' | 'group'>) => Pick<Vm, 'owner' | 'group'>

/** What is known of a VM, there or missing. */
type KnownVm = Pick<Vm, 'uuid' | 'hostId' | 'owner' | 'group'>
type KnownVms = (uuid: string) => KnownVm | undefined

/** The world as a snapshot of the fleet has it. @param missing VMs that are not in it any more, by UUID */
export function worldOf(
  snapshot: Snapshot,
  said: SaidOfVm,
  missing: ReadonlyMap<string, MissingVm> = noChanges.missing,
): World {
  const known: KnownVms = (uuid) => snapshot.vms.get(uuid) ?? missing.get(uuid)
  // Several inhibitions ask for the same.
  const around = new Map<string, readonly string[]>()
  return {
    sight: ({ check, subject, part, evidence }) => {
      // Something was heard of it, be it only of its agent.
      if (check === 'host-silent' && snapshot.hosts.get(subject.id)?.status === 'unreachable') return 'seen'
      if (check === 'file-system-space' && subject.kind === 'fleet') return remoteSight(snapshot, part)
      const sight = sightOf(snapshot, subject)
      if (sight !== 'seen') return sight
      const isBlind =
        isUntold(snapshot, { check, subject, part }) || evidence.some((one) => isUnmeasured(snapshot, one))
      return isBlind ? 'unseen' : 'seen'
    },
    facts: (subject, related) => factsOf(snapshot, known, said, subject, related),
    around: (subject) => {
      const key = subjectKey(subject)
      const found = around.get(key) ?? aroundOf(snapshot, known, subject)
      around.set(key, found)
      return found
    },
  }
}

function sightOf(snapshot: Snapshot, { kind, id }: Subject): Sight {
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
      return array === undefined ? 'gone' : arraySight(snapshot, array)
    }
  }
}

function hostSight(snapshot: Snapshot, hostId: string): Sight {
  const host = snapshot.hosts.get(hostId)
  if (host === undefined) return 'gone'
  return host.status === 'up' ? 'seen' : 'unseen'
}

/** One host that tells of it is enough. */
function arraySight(snapshot: Snapshot, { hostIds }: StorageArray): Sight {
  return hostIds.some((id) => hostSight(snapshot, id) === 'seen') ? 'seen' : 'unseen'
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
  if (vm !== undefined) owners.add(said(vm).owner)
  for (const { role, subject: culprit } of related) {
    const one = role === 'culprit' && culprit.kind === 'vm' ? snapshot.vms.get(culprit.id) : undefined
    if (one !== undefined) owners.add(said(one).owner)
  }
  owners.delete('')
  return {
    ...(host !== undefined && { host: host.name }),
    ...(group !== '' && { group }),
    owners: [...owners].sort(),
  }
}

function aroundOf(snapshot: Snapshot, known: KnownVms, { kind, id }: Subject): string[] {
  const vm = kind === 'vm' ? known(id) : undefined
  const host = kind === 'host' ? snapshot.hosts.get(id) : snapshot.hosts.get(vm?.hostId ?? '')
  return [
    ...(kind === 'vm' && host !== undefined ? [subjectKey({ kind: 'host', id: host.id })] : []),
    ...(host === undefined || host.agentId === '' ? [] : [subjectKey({ kind: 'agent', id: host.agentId })]),
    ...arraysOf(snapshot, { kind, id }).map((key) => subjectKey({ kind: 'array', id: key })),
  ]
}

function arraysOf(snapshot: Snapshot, subject: { readonly kind: string; readonly id: string }): string[] {
  const vm = subject.kind === 'vm' ? snapshot.vms.get(subject.id) : undefined
  const keys = vm?.diskIds.map((id) => snapshot.disks.get(id)?.arrayKey ?? '') ?? []
  return [...new Set(keys)].filter((key) => key !== '')
}
