import type { EventKind, VmStateReason } from '../hypervisor.js'

interface Meaning {
  readonly kind: EventKind
  readonly reasons: readonly VmStateReason[]
  /** For details whose kind is not the row's. */
  readonly kinds?: Readonly<Record<number, EventKind>>
}

/**
 * What libvirt's lifecycle events and their details mean (virDomainEventType and the details beside it in libvirt-domain.h).
 * `stopped` with detail 5, "failed", is what libvirt says when the QEMU process ended without a word: the domain's state says
 * "crashed" then, and so do we.
 */
const meanings: readonly Meaning[] = [
  { kind: 'defined', reasons: ['unknown', 'unknown', 'unknown', 'from-snapshot'] },
  { kind: 'undefined', reasons: ['unknown', 'unknown'] },
  { kind: 'started', reasons: ['booted', 'migrated', 'restored', 'from-snapshot', 'wakeup'] },
  {
    kind: 'suspended',
    reasons: [
      'user',
      'migration',
      'io-error',
      'watchdog',
      'restored',
      'from-snapshot',
      'failed',
      'post-copy',
      'post-copy-failed',
    ],
  },
  { kind: 'resumed', reasons: ['unpaused', 'migrated', 'from-snapshot', 'post-copy', 'post-copy-failed'] },
  {
    kind: 'stopped',
    reasons: ['shutdown', 'destroyed', 'crashed', 'migrated', 'saved', 'crashed', 'from-snapshot'],
    kinds: { 2: 'crashed', 5: 'crashed' },
  },
  { kind: 'shutdown', reasons: ['shutting-down', 'shutting-down', 'shutting-down'] },
  { kind: 'suspended', reasons: ['unknown', 'unknown'] },
  { kind: 'crashed', reasons: ['panicked', 'crashed'] },
]

/** @returns undefined for an event that this version does not know */
export function lifecycleEvent(event: number, detail: number): { kind: EventKind; reason: VmStateReason } | undefined {
  const meaning = meanings[event]
  if (meaning === undefined) return undefined
  return { kind: meaning.kinds?.[detail] ?? meaning.kind, reason: meaning.reasons[detail] ?? 'unknown' }
}
