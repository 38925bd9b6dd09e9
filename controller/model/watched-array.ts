import type { ArrayCondition } from './array-condition.js'
import type { ArrayEvent } from './array-event.js'
import type { Culprits } from './culprits.js'

/** A box with a write cache as it is watched: plain data. */
export interface WatchedArray {
  readonly condition: ArrayCondition
  /** The policy names its cache, or it was seen to have one: writing through is not how it should be. */
  readonly expectsWriteBack: boolean
  /** Keys of the arrays that are the box, in order. */
  readonly arrayKeys: readonly string[]
  /** Who uses it, means of the last seconds, the busiest first. */
  readonly users: readonly ArrayUser[]
  readonly culprits: Culprits
  /** The newest first; kept over restarts of the controller. */
  readonly events: readonly ArrayEvent[]
}

/** A VM, or a host by itself: what its counters say beyond its VMs'. */
export interface ArrayUser {
  readonly kind: 'vm' | 'host'
  /** UUID or host id. */
  readonly id: string
  readonly writeBytesPerSecond: number
  readonly readBytesPerSecond: number
  readonly requestsPerSecond: number
}
