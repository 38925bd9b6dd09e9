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
