import type { Log } from '../../common/log.js'
import { TokenBucket } from '../../common/token-bucket.js'
import type { ControllerAudit } from './controller-audit.js'

/** Entries of one key: ten a minute, and a hundred after a quiet time. */
const rate = { perSecond: 10 / 60, burst: 100 }
/** More than there are users and tokens. */
const mostKeys = 5000

/**
 * Writes into the audit log what somebody can do again and again at will: be refused, log in. Old entries of that log give way to new ones, so nobody must
 * fill it: beyond a rate they are counted, and the next entry says how many were left out. Each key has a rate of its own, so that the noise of strangers
 * does not hide what a user tries.
 */
export class LimitedAudit {
  /** By key, the one made first at the beginning. */
  readonly #keys = new Map<string, { readonly bucket: TokenBucket; leftOut: number }>()

  constructor(
    private readonly audit: Pick<ControllerAudit, 'record'>,
    private readonly log: Log,
  ) {}

  /**
   * Resolves when it is durable, or was left out. Never rejects: what is refused stays refused when it cannot be written down.
   * @param key whose it is: `stranger`, or a person and what it is about
   */
  async note(key: string, what: Readonly<Record<string, unknown>>, now: number): Promise<void> {
    const kept = this.#at(key, now)
    if (!kept.bucket.take(1, now)) {
      kept.leftOut += 1
      return
    }
    const { leftOut } = kept
    kept.leftOut = 0
    try {
      await this.audit.record(now, { ...what, ...(leftOut > 0 && { leftOutBefore: leftOut }) })
    } catch (error) {
      kept.leftOut += leftOut + 1
      this.log.error({ err: error }, 'an entry of the audit log could not be written')
    }
  }

  #at(key: string, now: number): { readonly bucket: TokenBucket; leftOut: number } {
    const known = this.#keys.get(key)
    if (known !== undefined) return known
    for (const oldest of this.#keys.keys()) {
      if (this.#keys.size < mostKeys) break
      this.#keys.delete(oldest)
    }
    const made = { bucket: new TokenBucket(rate, now), leftOut: 0 }
    this.#keys.set(key, made)
    return made
  }
}
