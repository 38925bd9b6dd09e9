import { FailureLimit } from '../../common/failure-limit.js'
import type { Caller } from './caller.js'
import type { Grants } from './grants.js'
import { LoginKeys, type LoginKey } from './login-keys.js'

export const sessionCookie = 'headroom_session'
const sessionMs = 7 * 86_400_000

/** What a request shows of itself. */
export interface Credentials {
  readonly authorization: string | undefined
  readonly cookie: string | undefined
}

export interface Session {
  readonly secret: string
  readonly expiresAt: number
}

/** Decides who a request comes from and opens and ends sessions. Knows nothing of HTTP replies. */
export class Authenticator {
  readonly #loginKeys = new LoginKeys()
  readonly #failures = new FailureLimit({ most: 20, windowMs: 60_000, mostPeers: 10_000 })

  constructor(
    private readonly tokens: Grants,
    private readonly sessions: Grants,
  ) {}

  /**
   * Who shows these credentials. A bearer token wins over a cookie; a wrong one is `wrong-token` even beside a good cookie. An unknown
   * cookie counts as none: it is what a browser keeps of a session that ended.
   */
  identify({ authorization, cookie }: Credentials, now: number): Caller | 'wrong-token' | undefined {
    if (authorization !== undefined) {
      const token = /^Bearer +(\S{1,500}) *$/i.exec(authorization)?.[1]
      const grant = token === undefined ? undefined : this.tokens.find(token, now)
      return grant === undefined
        ? 'wrong-token'
        : { name: grant.name, role: grant.role, via: 'token', expiresAt: grant.expiresAt }
    }
    if (cookie === undefined || cookie.length > 500) return undefined
    const grant = this.sessions.find(cookie, now)
    return grant && { name: grant.name, role: grant.role, via: 'session', expiresAt: grant.expiresAt }
  }

  /** Counts a wrong secret. Milliseconds until this peer may try again, if it tried too often. */
  recordFailure(peer: string, now: number): number | undefined {
    return this.#failures.record(peer, now)
  }

  /** A key for a login link of this person. */
  createLoginKey(name: string, now: number): LoginKey {
    return this.#loginKeys.create(name, now)
  }

  /** Opens a session for a login key (which it uses up) or a token; undefined if that is wrong. */
  async login(shown: { readonly key: string } | { readonly token: string }, now: number): Promise<Session | undefined> {
    const name = 'key' in shown ? this.#loginKeys.redeem(shown.key, now) : this.tokens.find(shown.token, now)?.name
    if (name === undefined) return undefined
    const expiresAt = now + sessionMs
    const secret = await this.sessions.add({ name, role: 'admin', createdAt: now, expiresAt }, now)
    return { secret, expiresAt }
  }

  async logout(cookie: string): Promise<void> {
    await this.sessions.remove(cookie)
  }
}
