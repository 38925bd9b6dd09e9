/** Of a write cache: it filled up, nothing ended any more, it went on, it is empty again; it waits for the disks, or no more; what it holds and drains. */
export const arrayEvents = [
  'overflow',
  'stall',
  'moves-again',
  'drained',
  'cache-off',
  'cache-on',
  'learnt-capacity',
  'learnt-drain',
] as const

/** Something that happened to an array's write cache, or was learnt of it. Plain data. */
export interface ArrayEvent {
  /** Milliseconds since 1970. */
  readonly at: number
  readonly what: (typeof arrayEvents)[number]
  /** What was learnt: bytes, or bytes a second that leave it at sequential load. */
  readonly value?: number
}

/** How it is called among the events of the fleet, whose `reason` then is the id of the box, and whose `vmName` is the box's name. */
export function arrayEventKind(what: ArrayEvent['what']): string {
  return `array-${what}`
}

/** The id of the box that an event of the fleet is about: the array's key, or `joined:…`. Undefined: it is about a host or a VM. */
export function arrayIdOf({
  hostId,
  vmUuid,
  kind,
  reason,
}: {
  readonly hostId: string
  readonly vmUuid: string
  readonly kind: string
  readonly reason: string
}): string | undefined {
  // Those of hosts have a host.
  return hostId === '' && vmUuid === '' && kind.startsWith('array-') ? reason : undefined
}
