import type { EventObservation } from '../model/observation.js'
import type { Left } from './counted.js'

/** What the host that a VM leaves says of its disks after they have stopped there. */
export interface LastWord {
  readonly at: number
  /** False: it has not been read since; this is what to expect. */
  readonly isRead: boolean
  /** By target. */
  readonly disks: ReadonlyMap<string, Left>
}

/** Where one host's copy of a VM is on its way from host to host. */
export class Passage {
  #leavingSince: number | undefined
  #isComing = false
  #cameAt: number | undefined
  #hasSettled = false
  #lastWord: LastWord | undefined

  /** Since when it runs here after it ran on another host; undefined for one that did not come. */
  get cameAt(): number | undefined {
    return this.#cameAt
  }

  /** It came, and its history goes on from what it does here by now. */
  get hasSettled(): boolean {
    return this.#hasSettled
  }

  /** It came, and its first interval here is still to come. */
  get arrives(): boolean {
    return this.#cameAt !== undefined && !this.#hasSettled
  }

  /** Another host is sending it; it does not run yet. */
  get isComing(): boolean {
    return this.#isComing
  }

  /** It was suspended to run on another host, and nothing happened to it since. */
  get isLeaving(): boolean {
    return this.#leavingSince !== undefined
  }

  /** If it is leaving: what is known of its disks since then. */
  get lastWord(): LastWord | undefined {
    return this.#lastWord
  }

  /** An event that is not older than the copy's state. @param expected what its disks have done up to a moment */
  happened({ kind, reason, at }: EventObservation, expected: (at: number) => LastWord['disks']): void {
    const wasLeaving = this.isLeaving
    this.#isComing = isArrival(kind, reason)
    this.#hasSettled = false
    this.#cameAt = undefined
    this.#leavingSince = undefined
    this.#lastWord = undefined
    if (kind === 'suspended' && reason === 'migration') {
      this.#leavingSince = at
      this.#lastWord = { at, isRead: false, disks: expected(at) }
    }
    // A source whose migration failed is resumed in the same words.
    if (kind === 'resumed' && (reason === 'migrated' || reason === 'post-copy') && !wasLeaving) this.come(at)
  }

  /** It was being received, and runs now. */
  come(at: number): void {
    this.#isComing = false
    this.#cameAt = at
    this.#hasSettled = false
  }

  /** Its disks were read. */
  read(at: number, disks: () => LastWord['disks']): void {
    if (this.#leavingSince !== undefined && at >= this.#leavingSince) {
      this.#lastWord = { at, isRead: true, disks: disks() }
    }
  }

  /** Its first interval here is complete. */
  settle(): void {
    this.#hasSettled = true
  }
}

/** It is being received: it starts to run when the other host has let it go. */
export function isArrival(kind: string, reason: string): boolean {
  return kind === 'started' && reason === 'migrated'
}
