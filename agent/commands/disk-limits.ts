import type { DiskLimits } from '../hypervisor/hypervisor.js'

/** What is asked for, each second; absent: not limited by this. */
export interface AskedLimit {
  readonly readBytes: number | undefined
  readonly writeBytes: number | undefined
  readonly readRequests: number | undefined
  readonly writeRequests: number | undefined
  /** Percent of one CPU. */
  readonly cpuPercent: number | undefined
}

/**
 * The limits of a disk with those that are asked for. Nothing becomes looser than it was: of two the lower one holds. A total for reading and
 * writing together cannot stand beside a limit of one of them, so each direction then gets no more than the total.
 */
export function limited(old: DiskLimits, asked: AskedLimit): DiskLimits {
  return {
    ...old,
    ...family(old, 'bytes', { read: asked.readBytes, write: asked.writeBytes }),
    ...family(old, 'iops', { read: asked.readRequests, write: asked.writeRequests }),
    ...(asked.cpuPercent !== undefined && { cap_percent: Math.min(old['cap_percent'] || Infinity, asked.cpuPercent) }),
  }
}

/** Whether both hold back the same; names that only one of them has count as 0. */
export function areSameLimits(a: DiskLimits, b: DiskLimits): boolean {
  const names = [...Object.keys(a), ...Object.keys(b)].filter((name) => !name.endsWith('_length'))
  return names.every((name) => (a[name] ?? 0) === (b[name] ?? 0))
}

type Direction = 'read' | 'write'

/** Names are those of libvirt's virDomainSetBlockIoTune; 0 there means no limit. */
function family(
  old: DiskLimits,
  unit: 'bytes' | 'iops',
  asked: Readonly<Record<Direction, number | undefined>>,
): DiskLimits {
  if (asked.read === undefined && asked.write === undefined) return {}
  const total = old[`total_${unit}_sec`] ?? 0
  const of = (direction: Direction): DiskLimits => {
    const name = `${direction}_${unit}_sec`
    const before = old[name] || total || Infinity
    const rate = Math.min(before, asked[direction] ?? Infinity)
    // A burst above a limit would be no limit.
    const keepsBurst = rate === old[name] && asked[direction] === undefined
    return {
      [name]: Number.isFinite(rate) ? rate : 0,
      ...(!keepsBurst && Object.hasOwn(old, `${name}_max`) && { [`${name}_max`]: 0 }),
    }
  }
  return {
    ...of('read'),
    ...of('write'),
    ...zeroed(old, `total_${unit}_sec`),
    ...zeroed(old, `total_${unit}_sec_max`),
  }
}

function zeroed(old: DiskLimits, name: string): DiskLimits {
  return Object.hasOwn(old, name) ? { [name]: 0 } : {}
}
