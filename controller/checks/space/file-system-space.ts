import { formatBytes } from '../../../common/units.js'
import { finding, fleetSubject, hostSubject, type Finding, type Related } from '../../model/finding.js'
import type { Policy } from '../../model/policy.js'
import type { FileSystem, Host, Snapshot } from '../../model/snapshot.js'
import { fileSystemId, type KnownTrends, type SpaceTrends, type SpaceTrend } from '../../model/space-trend.js'
import { inPercent, named } from '../in-words.js'
import { findingBecause, reasonIf, type Reason } from '../reasons.js'
import { nothingKnown, nothingToKnow, soonFull } from './soon-full.js'
import { strengthBelow, weakest, type Strength } from '../strength.js'

/**
 * File systems of hosts that are nearly full, will be soon by how they filled so far, have few inodes left, or cannot be written any more. One of
 * another machine is told of once, as one of the fleet by its device, whichever hosts mount it.
 * @param trends undefined: nobody looks at them
 */
export function fileSystemSpace(
  { hosts }: Pick<Snapshot, 'hosts'>,
  policy: Policy,
  trends: SpaceTrends | undefined,
): Finding[] {
  const limits = policy.thresholds['file-system-space']
  const remote = new Map<string, Mounted[]>()
  const local: Finding[] = []
  for (const host of hosts.values()) {
    if (host.status !== 'up') continue
    for (const fileSystem of host.fileSystems) {
      const mounted = { host, fileSystem }
      // Nothing fills it from here; another host may.
      if (fileSystem.readOnly) local.push(...readOnlyFinding(host, fileSystem))
      else if (isRemote(fileSystem)) addTo(remote, fileSystem.device, mounted)
      else local.push(...localFinding(mounted, trends, limits))
    }
  }
  const shared = [...remote].flatMap(([device, mounts]) =>
    remoteFinding(device, mounts, trends, limits).map((found) => ({ ...found, related: hostsOf(device, hosts) })),
  )
  return [...local, ...shared]
}

/** Those too that cannot be seen just now, so that an exception for one of them goes on. */
function hostsOf(device: string, hosts: Snapshot['hosts']): Related[] {
  return [...hosts.values()]
    .filter((host) => [...host.fileSystems, ...host.unreadFileSystems].some((one) => one.device === device))
    .map((host) => ({ role: 'partner', subject: hostSubject(host) }))
}

/** A file system where it is mounted. */
interface Mounted {
  readonly host: Host
  readonly fileSystem: FileSystem
}

function addTo(lists: Map<string, Mounted[]>, key: string, one: Mounted): void {
  const list = lists.get(key)
  if (list === undefined) lists.set(key, [one])
  else list.push(one)
}

type Limits = Policy['thresholds']['file-system-space']

/** On another machine: `server:/path`, `//server/share`. */
export function isRemote({ device }: Pick<FileSystem, 'device'>): boolean {
  return /^[^/]+:\/|^\/\//.test(device)
}

/** Those that are there to be written, and that Linux makes read-only when it finds them damaged. */
const written: ReadonlySet<string> = new Set('ext2 ext3 ext4 xfs btrfs jfs reiserfs f2fs bcachefs'.split(' '))

function readOnlyFinding(host: Host, { mount, type }: FileSystem): Finding[] {
  if (!written.has(type)) return []
  return [
    finding({
      check: 'file-system-space',
      severity: 'warning',
      subject: hostSubject(host),
      part: mount,
      message: `${mount} (${type}) cannot be written: it is mounted read-only, as happens when errors are found on it`,
    }),
  ]
}

function localFinding(mounted: Mounted, trends: SpaceTrends | undefined, limits: Limits): Finding[] {
  const { host, fileSystem } = mounted
  const { mount } = fileSystem
  return findingBecause(
    { check: 'file-system-space', subject: hostSubject(host), part: mount },
    reasonsOf([mounted], fileSystem, trends, limits),
    (reasons) => `${mount}: ${reasons}`,
  )
}

/** Of the whole fleet, so that it stays the same one when a host goes: what the first of its hosts tells of it. */
function remoteFinding(
  device: string,
  mounts: readonly Mounted[],
  trends: SpaceTrends | undefined,
  limits: Limits,
): Finding[] {
  const [first] = mounts
  if (first === undefined) return []
  const names = named(mounts.map(({ host }) => host.name))
  return findingBecause(
    { check: 'file-system-space', subject: fleetSubject, part: device },
    reasonsOf(mounts, first.fileSystem, trends, limits),
    (reasons) => `${device} (${first.fileSystem.mount} on ${names}): ${reasons}`,
  )
}

/** @param mounts the same one on several hosts */
function reasonsOf(
  mounts: readonly Mounted[],
  fileSystem: FileSystem,
  trends: SpaceTrends | undefined,
  limits: Limits,
): Reason[] {
  if (fileSystem.sizeBytes <= 0) return []
  const ids = mounts.map((one) => fileSystemId(one.host.id, one.fileSystem.mount))
  const [id = ''] = ids
  const known = trends === undefined ? nothingToKnow : knownOf(ids, trends)
  return [
    ...lowSpace(fileSystem, id, limits),
    ...fullSoon(fileSystem, known.trends, id, limits),
    ...(known.isRecentKnown ? [] : [notKnown(fileSystem, id)]),
    ...fewInodes(fileSystem, id, limits),
  ]
}

/** Of several hosts one that saw its last minutes knows best. */
function knownOf(ids: readonly string[], trends: SpaceTrends): KnownTrends {
  const known = ids.flatMap((id) => trends.get(id) ?? [])
  return known.find(({ isRecentKnown }) => isRecentKnown) ?? known[0] ?? nothingKnown
}

/** What was found by its trend is not over because the trend is not known yet. */
function notKnown({ availableBytes: value }: FileSystem, entityId: string): Reason {
  return {
    strength: 'keep',
    severity: 'warning',
    text: 'how it fills is not known yet',
    evidence: { entityKind: 'file_system', entityId, field: 'availableBytes', value, limit: undefined },
  }
}

/** Little for its size, and little at all: a tenth of a large one is much. */
function lowSpace({ sizeBytes, availableBytes }: FileSystem, entityId: string, limits: Limits): readonly Reason[] {
  const share = availableBytes / sizeBytes
  const low = (leastShare: number, leastBytes: number): Strength =>
    weakest(
      strengthBelow(share, leastShare, leastShare * limits.clearAbove),
      strengthBelow(availableBytes, leastBytes, leastBytes * limits.clearAbove),
    )
  const limit = Math.min(limits.share * sizeBytes, limits.available)
  return reasonIf(low(limits.share, limits.available), () => ({
    severity: low(limits.criticalShare, limits.criticalAvailable) === 'raise' ? 'critical' : 'warning',
    text: `${formatBytes(availableBytes)} of ${formatBytes(sizeBytes)} available (${inPercent(share)})`,
    evidence: { entityKind: 'file_system', entityId, field: 'availableBytes', value: availableBytes, limit },
  }))
}

function fullSoon(
  { availableBytes }: FileSystem,
  trends: readonly SpaceTrend[],
  entityId: string,
  limits: Limits,
): readonly Reason[] {
  const soon = soonFull(availableBytes, trends, limits)
  const evidence = {
    entityKind: 'file_system',
    entityId,
    field: 'availableBytes',
    value: availableBytes,
    limit: undefined,
  }
  return soon === undefined ? [] : [{ ...soon, evidence }]
}

/** Some file systems make inodes as they need them, and tell of none. */
function fewInodes({ files, filesFree }: FileSystem, entityId: string, limits: Limits): readonly Reason[] {
  if (files <= 0) return []
  const share = filesFree / files
  const limit = limits.files * files
  return reasonIf(strengthBelow(share, limits.files, limits.files * limits.clearAbove), () => ({
    severity: filesFree === 0 ? 'critical' : 'warning',
    text: `${filesFree} of ${files} inodes free (${inPercent(share)})`,
    evidence: { entityKind: 'file_system', entityId, field: 'filesFree', value: filesFree, limit },
  }))
}
