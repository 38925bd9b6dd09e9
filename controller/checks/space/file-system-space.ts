import { formatBytes, formatDuration, formatRate } from '../../../common/units.js'
import { finding, fleetSubject, hostSubject, type Finding, type Related } from '../../model/finding.js'
import type { Policy } from '../../model/policy.js'
import type { FileSystem, Host, Snapshot } from '../../model/snapshot.js'
import { fileSystemId, type KnownTrends, type SpaceTrends, type SpaceTrend } from '../../model/space-trend.js'
import { inPercent, named } from '../in-words.js'
import { findingBecause, reasonIf, type Reason } from '../reasons.js'
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
    ...soonFull(fileSystem, known.trends, id, limits),
    ...(known.isRecentKnown ? [] : [notKnown(fileSystem, id)]),
    ...fewInodes(fileSystem, id, limits),
  ]
}

const nothingToKnow: KnownTrends = { trends: [], isRecentKnown: true }
const nothingKnown: KnownTrends = { trends: [], isRecentKnown: false }

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

const dayMs = 86_400_000
/** What goes on is believed to go on for so many times as long as it was seen. */
const believedTimes = 4

/** Of several ways in which it fills the one by which it is full first. */
function soonFull(
  { availableBytes }: FileSystem,
  trends: readonly SpaceTrend[],
  entityId: string,
  limits: Limits,
): readonly Reason[] {
  const found = trends.flatMap(({ bytesPerDay, overMs }) => {
    if (bytesPerDay <= 0) return []
    const leftMs = (availableBytes / bytesPerDay) * dayMs
    const limitMs = Math.min(limits.left, believedTimes * overMs)
    const strength = strengthBelow(leftMs, limitMs, limitMs * limits.clearAbove)
    return strength === undefined ? [] : [{ leftMs, bytesPerDay, overMs, strength }]
  })
  const raised = found.filter(({ strength }) => strength === 'raise')
  const [first] = (raised.length > 0 ? raised : found).toSorted((a, b) => a.leftMs - b.leftMs)
  if (first === undefined) return []
  const { leftMs, bytesPerDay, overMs, strength } = first
  return reasonIf(strength, () => ({
    severity: leftMs < limits.criticalLeft ? 'critical' : 'warning',
    text: `full in ${formatDuration(leftMs)} at ${paceText(bytesPerDay, overMs)}, as in the last ${formatDuration(overMs)}; ${formatBytes(availableBytes)} available`,
    evidence: { entityKind: 'file_system', entityId, field: 'availableBytes', value: availableBytes, limit: undefined },
  }))
}

/** In the unit of what was seen. */
function paceText(bytesPerDay: number, overMs: number): string {
  return overMs < dayMs / 2 ? formatRate(bytesPerDay / 86_400) : `${formatBytes(bytesPerDay)} a day`
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
