import { formatBytes } from '../../../common/units.js'
import { finding, fleetSubject, hostSubject, type Finding, type Related } from '../../model/finding.js'
import type { Policy } from '../../model/policy.js'
import type { FileSystem, Host, Snapshot } from '../../model/snapshot.js'
import { fileSystemId, type KnownTrends, type SpaceTrends, type SpaceTrend } from '../../model/space-trend.js'
import { inPercent, named } from '../in-words.js'
import { findingBecause, noReasons, type Reason } from '../reasons.js'
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
  const found: Finding[] = []
  for (const host of hosts.values()) {
    if (host.status !== 'up') continue
    for (const fileSystem of host.fileSystems) {
      const mounted = { host, fileSystem }
      // Nothing fills it from here; another host may.
      if (!fileSystem.readOnly && isRemote(fileSystem)) addTo(remote, fileSystem.device, mounted)
      else {
        const one = fileSystem.readOnly ? readOnlyFinding(mounted) : localFinding(mounted, trends, limits)
        if (one !== undefined) found.push(one)
      }
    }
  }
  for (const [device, mounts] of remote) {
    const one = remoteFinding(device, mounts, trends, limits)
    if (one !== undefined) found.push({ ...one, related: hostsOf(device, hosts) })
  }
  return found
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

function readOnlyFinding({ host, fileSystem: { mount, type } }: Mounted): Finding | undefined {
  if (!written.has(type)) return undefined
  return finding({
    check: 'file-system-space',
    severity: 'warning',
    subject: hostSubject(host),
    part: mount,
    message: `${mount} (${type}) cannot be written: it is mounted read-only, as happens when errors are found on it`,
  })
}

function localFinding(mounted: Mounted, trends: SpaceTrends | undefined, limits: Limits): Finding | undefined {
  const { host, fileSystem } = mounted
  const { mount } = fileSystem
  const reasons = reasonsOf([mounted], fileSystem, trends, limits)
  if (reasons.length === 0) return undefined
  const about = { check: 'file-system-space', subject: hostSubject(host), part: mount }
  return findingBecause(about, reasons, (text) => `${mount}: ${text}`)
}

/** Of the whole fleet, so that it stays the same one when a host goes: what the first of its hosts tells of it. */
function remoteFinding(
  device: string,
  mounts: readonly Mounted[],
  trends: SpaceTrends | undefined,
  limits: Limits,
): Finding | undefined {
  const [first] = mounts
  const reasons = first === undefined ? noReasons : reasonsOf(mounts, first.fileSystem, trends, limits)
  if (first === undefined || reasons.length === 0) return undefined
  const names = named(mounts.map(({ host }) => host.name))
  const about = { check: 'file-system-space', subject: fleetSubject, part: device }
  return findingBecause(about, reasons, (text) => `${device} (${first.fileSystem.mount} on ${names}): ${text}`)
}

/** @param mounts the same one on several hosts */
function reasonsOf(
  mounts: readonly Mounted[],
  fileSystem: FileSystem,
  trends: SpaceTrends | undefined,
  limits: Limits,
): readonly Reason[] {
  if (fileSystem.sizeBytes <= 0) return noReasons
  const ids = mounts.map((one) => fileSystemId(one.host.id, one.fileSystem.mount))
  const [id = ''] = ids
  const known = trends === undefined ? nothingToKnow : knownOf(ids, trends)
  const low = lowSpace(fileSystem, id, limits)
  const soon = fullSoon(fileSystem, known.trends, id, limits)
  const few = fewInodes(fileSystem, id, limits)
  if (known.isRecentKnown && low.length + soon.length + few.length === 0) return noReasons
  return [...low, ...soon, ...(known.isRecentKnown ? [] : [notKnown(fileSystem, id)]), ...few]
}

/** Of several hosts one that saw its last minutes knows best. */
function knownOf(ids: readonly string[], trends: SpaceTrends): KnownTrends {
  let first: KnownTrends | undefined
  for (const id of ids) {
    const known = trends.get(id)
    if (known?.isRecentKnown === true) return known
    first ??= known
  }
  return first ?? nothingKnown
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
  const strength = low(limits.share, limits.available)
  if (strength === undefined) return noReasons
  const limit = Math.min(limits.share * sizeBytes, limits.available)
  return [
    {
      strength,
      severity: low(limits.criticalShare, limits.criticalAvailable) === 'raise' ? 'critical' : 'warning',
      text: `${formatBytes(availableBytes)} of ${formatBytes(sizeBytes)} available (${inPercent(share)})`,
      evidence: { entityKind: 'file_system', entityId, field: 'availableBytes', value: availableBytes, limit },
    },
  ]
}

function fullSoon(
  { availableBytes }: FileSystem,
  trends: readonly SpaceTrend[],
  entityId: string,
  limits: Limits,
): readonly Reason[] {
  const soon = soonFull(availableBytes, trends, limits)
  if (soon === undefined) return noReasons
  const evidence = {
    entityKind: 'file_system',
    entityId,
    field: 'availableBytes',
    value: availableBytes,
    limit: undefined,
  }
  return [{ ...soon, evidence }]
}

/** Some file systems make inodes as they need them, and tell of none. */
function fewInodes({ files, filesFree }: FileSystem, entityId: string, limits: Limits): readonly Reason[] {
  if (files <= 0) return noReasons
  const share = filesFree / files
  const strength = strengthBelow(share, limits.files, limits.files * limits.clearAbove)
  if (strength === undefined) return noReasons
  const text = `${filesFree} of ${files} inodes free (${inPercent(share)})`
  const limit = limits.files * files
  const evidence = { entityKind: 'file_system', entityId, field: 'filesFree', value: filesFree, limit }
  return [{ strength, severity: filesFree === 0 ? 'critical' : 'warning', text, evidence }]
}
