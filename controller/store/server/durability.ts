import type { ProcessLook, ServerLook } from './sink.js'

/** A look at the server, as far as it matters here. */
export type DurabilityLook = Pick<ServerLook, 'processes' | 'isComplete' | 'isClear'> & {
  /** When it began. */
  readonly atMs: number
}

export interface DurabilityVerdict {
  /** One of them began anew: what was not confirmed may be lost. */
  readonly hasRestarted: boolean
  /** What was sent before is on disk. */
  readonly confirmedBeforeMs: number | undefined
}

/** What was sent shortly before a look may not be counted yet as being on its way. */
const unseenMs = 5000

/**
 * Tells when a server that writes to disk later than it answers has written. What it had taken at a look when nothing was on its way is
 * on disk after its longest flush interval, if none of its processes has begun anew by then. One that did not answer may have. Needs a
 * look before the first is sent.
 */
export class Durability {
  /** As they were seen last; undefined before the first look. */
  #processes: Map<string, ProcessLook> | undefined
  /** Of looks since then that were complete and found nothing on its way; ascending. */
  #clearAtMs: number[] = []

  constructor(private readonly durableAfterMs: number) {}

  take({ atMs, processes, isComplete, isClear }: DurabilityLook): DurabilityVerdict {
    const known = this.#processes
    const hasRestarted =
      known !== undefined && [...processes].some(([address, found]) => isAnother(found, known.get(address)))
    this.#processes = new Map([...(known ?? []), ...processes])
    if (hasRestarted) this.#clearAtMs = []
    if (!isComplete) return { hasRestarted, confirmedBeforeMs: undefined }
    let confirmed: number | undefined
    while (this.#clearAtMs[0] !== undefined && this.#clearAtMs[0] + this.durableAfterMs <= atMs) {
      confirmed = this.#clearAtMs.shift()
    }
    if (isClear) this.#clearAtMs.push(atMs)
    return { hasRestarted, confirmedBeforeMs: confirmed === undefined ? undefined : confirmed - unseenMs }
  }
}

/** Starts are told in whole seconds: of one that was last seen in its first two nobody knows whether it was the same up to their end. */
function isAnother(found: ProcessLook, known: ProcessLook | undefined): boolean {
  // One that was not seen before may have begun anew in between.
  return known === undefined || known.startedAt !== found.startedAt || (known.isYoung && !found.isYoung)
}
