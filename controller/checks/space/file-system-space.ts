import { formatBytes, formatDuration, formatRate } from '../../../common/units.js'
import { finding, hostSubject, type Finding } from '../../model/finding.js'
import type { Policy } from '../../model/policy.js'
import type { FileSystem, Host, Snapshot } from '../../model/snapshot.js'
import { fileSystemId, type SpaceTrend, type SpaceTrends } from '../../model/space-trend.js'
import { inPercent } from '../in-words.js'
import { findingBecause, type Reason } from '../reasons.js'
import { strengthBelow, weakest, type Strength } from '../strength.js'

/**
 * File systems of hosts that are nearly full, will be soon by how they filled so far, have few inodes left, or cannot be written any more. One of
 * another machine that several hosts mount is told of once.
 */
export function fileSystemSpace({ hosts }: Pick<Snapshot, 'hosts'>, policy: Policy, trends: SpaceTrends): Finding[] {
  const limits = policy.thresholds['file-system-space']
  const told = new Set<string>()
  return [...hosts.values()].flatMap((host) => {
    if (host.status !== 'up') return []
    return host.fileSystems.flatMap((fileSystem) => {
      const { device, mount, readOnly } = fileSystem
      // Nothing fills it from here; another host may.
      if (readOnly) return readOnlyFinding(host, fileSystem)
      if (isRemote(fileSystem)) {
        if (told.has(device)) return []
        told.add(device)
      }
      return spaceFinding(host, fileSystem, trends.get(fileSystemId(host.id, mount)) ?? [], limits)
    })
  })
}

type Limits = Policy['thresholds']['file-system-space']

/** `server:/path`, `//server/share`. */
function isRemote({ device }: FileSystem): boolean {
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

function spaceFinding(host: Host, fileSystem: FileSystem, trends: readonly SpaceTrend[], limits: Limits): Finding[] {
  const { mount, sizeBytes } = fileSystem
  if (sizeBytes <= 0) return []
  const id = fileSystemId(host.id, mount)
  return findingBecause(
    { check: 'file-system-space', subject: hostSubject(host), part: mount },
    [
      lowSpace(fileSystem, id, limits),
      ...soonFull(fileSystem, trends, id, limits),
      ...fewInodes(fileSystem, id, limits),
    ],
    (reasons) => `${mount}: ${reasons}`,
  )
}

/** Little for its size, and little at all: a tenth of a large one is much. */
function lowSpace({ sizeBytes, availableBytes }: FileSystem, entityId: string, limits: Limits): Reason {
  const share = availableBytes / sizeBytes
  const low = (leastShare: number, leastBytes: number): Strength =>
    weakest(
      strengthBelow(share, leastShare, leastShare * limits.clearAbove),
      strengthBelow(availableBytes, leastBytes, leastBytes * limits.clearAbove),
    )
  const limit = Math.min(limits.share * sizeBytes, limits.available)
  return {
    strength: low(limits.share, limits.available),
    severity: low(limits.criticalShare, limits.criticalAvailable) === 'raise' ? 'critical' : 'warning',
    text: `${formatBytes(availableBytes)} of ${formatBytes(sizeBytes)} available (${inPercent(share)})`,
    evidence: { entityKind: 'file_system', entityId, field: 'availableBytes', value: availableBytes, limit },
  }
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
): Reason[] {
  const reasons = trends.flatMap(({ bytesPerDay, overMs }) => {
    if (bytesPerDay <= 0) return []
    const leftMs = (availableBytes / bytesPerDay) * dayMs
    const limitMs = Math.min(limits.left, believedTimes * overMs)
    const reason: Reason = {
      strength: strengthBelow(leftMs, limitMs, limitMs * limits.clearAbove),
      severity: leftMs < limits.criticalLeft ? 'critical' : 'warning',
      text: `full in ${formatDuration(leftMs)} at ${paceText(bytesPerDay, overMs)}, as in the last ${formatDuration(overMs)}; ${formatBytes(availableBytes)} available`,
      evidence: {
        entityKind: 'file_system',
        entityId,
        field: 'availableBytes',
        value: availableBytes,
        limit: undefined,
      },
    }
    return reason.strength === undefined ? [] : [{ leftMs, reason }]
  })
  const raised = reasons.filter(({ reason: { strength } }) => strength === 'raise')
  const [first] = (raised.length > 0 ? raised : reasons).toSorted((a, b) => a.leftMs - b.leftMs)
  return first === undefined ? [] : [first.reason]
}

/** In the unit of what was seen. */
function paceText(bytesPerDay: number, overMs: number): string {
  return overMs < dayMs / 2 ? formatRate(bytesPerDay / 86_400) : `${formatBytes(bytesPerDay)} a day`
}

/** Some file systems make inodes as they need them, and tell of none. */
function fewInodes({ files, filesFree }: FileSystem, entityId: string, limits: Limits): Reason[] {
  if (files <= 0) return []
  const share = filesFree / files
  return [
    {
      strength: strengthBelow(share, limits.files, limits.files * limits.clearAbove),
      severity: filesFree === 0 ? 'critical' : 'warning',
      text: `${filesFree} of ${files} inodes free (${inPercent(share)})`,
      evidence: {
        entityKind: 'file_system',
        entityId,
        field: 'filesFree',
        value: filesFree,
        limit: limits.files * files,
      },
    },
  ]
}
