import { hashOfSecret, newSecret } from './secrets.js'

const lifetimeMs = 15 * 60_000
const mostKeys = 1000

export interface LoginKey {
  readonly key: string
  readonly expiresAt: number
}

/** Whose session a key opens: of a token, by its hash, or of the user of that name. */
export interface LoginAs {
  readonly name: string
  readonly token: string | undefined
  /** Hash of the session that the key comes from: it has to be open still, and the new one ends with it at the latest. */
  readonly session?: string | undefined
}

/** Keys of login links: each opens one session, once, within 15 minutes. Kept in memory only; a restart voids them. */
export class LoginKeys {
  /** By hash, oldest first. */
  readonly #keys = new Map<string, { readonly as: LoginAs; readonly expiresAt: number }>()

  /** Beyond a thousand open keys the oldest is void. */
  create(as: LoginAs, now: number): LoginKey {
    const key = newSecret()
    const expiresAt = now + lifetimeMs
    if (this.#keys.size >= mostKeys) {
      const [oldest] = this.#keys.keys()
      if (oldest !== undefined) this.#keys.delete(oldest)
    }
    this.#keys.set(hashOfSecret(key), { as, expiresAt })
    return { key, expiresAt }
  }

  /** Whom the key lets in; it is used up by that. Undefined if it is wrong, used or expired. */
  redeem(key: string, now: number): LoginAs | undefined {
    const hash = hashOfSecret(key)
    const entry = this.#keys.get(hash)
    this.#keys.delete(hash)
    return entry === undefined || entry.expiresAt <= now ? undefined : entry.as
  }
}
