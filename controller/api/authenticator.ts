import { FailureLimit } from '../../common/failure-limit.js'
import { lesserRole, type Caller, type Right, type StoredSession, type Token } from '../access/caller.js'
import { LoginLimit } from '../access/login-limit.js'
import type { PasswordHashing } from '../access/password.js'
import type { Users } from '../access/users.js'
import type { Grants, Held } from './grants.js'
import { LoginKeys, type LoginKey, type LoginAs } from './login-keys.js'

export const sessionCookie = 'headroom_session'
const sessionMs = 7 * 86_400_000

/** What a request shows of itself. */
export interface Credentials {
  readonly authorization: string | undefined
  readonly cookie: string | undefined
}

export interface Session {
  readonly name: string
  readonly secret: string
  readonly expiresAt: number
}

/** What is shown to log in. */
export type LoginProof =
  | { readonly key: string }
  | { readonly token: string }
  | { readonly name: string; readonly password: string }

export type LoginOutcome =
  | { readonly status: 'in'; readonly session: Session }
  | { readonly status: 'wrong' }
  /** Too many tries: none is taken for so long. */
  | { readonly status: 'wait'; readonly waitMs: number }

interface Parts {
  readonly tokens: Grants<Token>
  readonly sessions: Grants<StoredSession>
  readonly users: Users
  readonly passwords: PasswordHashing
}

/** Decides who a request comes from and what that one may, and opens and ends sessions. Knows nothing of HTTP replies. */
export class Authenticator {
  readonly #loginKeys = new LoginKeys()
  readonly #failures = new FailureLimit({ most: 20, windowMs: 60_000, mostPeers: 10_000 })
  readonly #logins = new LoginLimit()

  constructor(private readonly parts: Parts) {}

  /** Whether anybody can log in by name and password. */
  get hasUsers(): boolean {
    return this.parts.users.size > 0
  }

  isUser(name: string): boolean {
    return this.parts.users.find(name) !== undefined
  }

  /**
   * Who shows these credentials. A bearer token wins over a cookie; a wrong one is `wrong-token` even beside a good cookie. An unknown
   * cookie counts as none: it is what a browser keeps of a session that ended.
   */
  identify({ authorization, cookie }: Credentials, now: number): Caller | 'wrong-token' | undefined {
    if (authorization !== undefined) {
      const secret = bearerOf(authorization)
      const held = secret === undefined ? undefined : this.parts.tokens.find(secret, now)
      return (held && this.#byToken(held)) ?? 'wrong-token'
    }
    if (cookie === undefined || cookie.length > 500) return undefined
    const session = this.parts.sessions.find(cookie, now)?.grant
    return session && this.#bySession(session, now)
  }

  /** What somebody may now who was let in before; undefined: nothing, as the token has ended or the user is gone. */
  stillMay({ name, tokenHash }: Right, now: number): Caller | undefined {
    return this.#bySession({ name, token: tokenHash, createdAt: now }, now)
  }

  /** Counts a wrong secret. Milliseconds until this peer may try again, if it tried too often. */
  recordFailure(peer: string, now: number): number | undefined {
    return this.#failures.record(peer, now)
  }

  /** A key for a login link of who shows these credentials; undefined if those are good for nothing. */
  createLoginKey({ authorization, cookie }: Credentials, now: number): LoginKey | undefined {
    const { tokens, sessions } = this.parts
    const secret = bearerOf(authorization)
    const token = secret === undefined ? undefined : tokens.find(secret, now)
    if (token !== undefined) return this.#loginKeys.create(asToken(token), now)
    const session = cookie === undefined ? undefined : sessions.find(cookie, now)
    if (session === undefined) return undefined
    const { hash, grant } = session
    return this.#loginKeys.create({ name: grant.name, token: grant.token, session: hash }, now)
  }

  /** A key for a login link of the token of that name; undefined if there is none. */
  createLoginKeyOf(name: string, now: number): LoginKey | undefined {
    const token = this.parts.tokens.list(now).find(({ grant }) => grant.name === name && grant.ofUser !== true)
    return token && this.#loginKeys.create(asToken(token), now)
  }

  /**
   * Opens a session for a login key (which it uses up), a token, or a name and its password.
   * @throws PasswordsBusy
   */
  async login(proof: LoginProof, address: string, now: () => number): Promise<LoginOutcome> {
    if ('password' in proof) return this.#byPassword(proof, address, now)
    const { tokens } = this.parts
    const token = 'token' in proof ? tokens.find(proof.token, now()) : undefined
    const as = 'key' in proof ? this.#loginKeys.redeem(proof.key, now()) : token && asToken(token)
    return as === undefined ? { status: 'wrong' } : this.#open(as, now())
  }

  async logout(cookie: string, now: number): Promise<string | undefined> {
    const { sessions } = this.parts
    const found = sessions.find(cookie, now)
    if (found !== undefined) await sessions.removeWhere(({ hash }) => hash === found.hash)
    return found?.grant.name
  }

  async #byPassword(
    { name, password }: { readonly name: string; readonly password: string },
    address: string,
    now: () => number,
  ): Promise<LoginOutcome> {
    const checked = await this.checkPassword(name, password, address, now)
    return checked.status === 'right' ? this.#open({ name, token: undefined }, now()) : checked
  }

  /**
   * Whether it is the password of that user, as often as it may be tried.
   * @throws PasswordsBusy
   */
  async checkPassword(
    name: string,
    password: string,
    address: string,
    now: () => number,
  ): Promise<
    { readonly status: 'right'; readonly passwordHash: string } | Exclude<LoginOutcome, { readonly status: 'in' }>
  > {
    const { users, passwords } = this.parts
    const user = users.find(name)
    const waitMs = this.#logins.begin(name, user !== undefined, address, now())
    if (waitMs !== undefined) return { status: 'wait', waitMs }
    const isRight = await passwords.isRight(password, user?.passwordHash)
    // It may have been removed or changed while that was reckoned.
    if (!isRight || user === undefined || users.find(name) !== user) return { status: 'wrong' }
    this.#logins.forget(name, address)
    return { status: 'right', passwordHash: user.passwordHash }
  }

  /** Hash of the session that these credentials show; undefined: none is shown, or it has ended. */
  sessionHash({ cookie }: Credentials, now: number): string | undefined {
    return cookie === undefined || cookie.length > 500 ? undefined : this.parts.sessions.find(cookie, now)?.hash
  }

  /** Looked at once more: the token may have been revoked, the user removed, or the session ended since the link was made. */
  async #open({ name, token, session }: LoginAs, now: number): Promise<LoginOutcome> {
    const { sessions } = this.parts
    const from = session === undefined ? undefined : sessions.at(session, now)
    if (session !== undefined && from === undefined) return { status: 'wrong' }
    const expiresAt = Math.min(now + sessionMs, from?.expiresAt ?? Infinity)
    const wanted = { name, ...(token !== undefined && { token }), createdAt: now, expiresAt }
    const caller = this.#bySession(wanted, now)
    if (caller === undefined) return { status: 'wrong' }
    const { secret } = await sessions.add(wanted, now)
    return { status: 'in', session: { name, secret, expiresAt: caller.expiresAt ?? expiresAt } }
  }

  #byToken({ hash, grant: { name, role, ofUser, scope, expiresAt } }: Held<Token>): Caller | undefined {
    const base = { name, via: 'token', expiresAt, scope, tokenHash: hash } as const
    if (ofUser !== true) return { ...base, role }
    const user = this.parts.users.find(name)
    return user && { ...base, role: lesserRole(role, user.role), speaksForUser: true }
  }

  #bySession({ name, token: hash, expiresAt }: StoredSession, now: number): Caller | undefined {
    if (hash === undefined) {
      const user = this.parts.users.find(name)
      return user && { name, role: user.role, via: 'session', expiresAt, scope: undefined, speaksForUser: true }
    }
    const grant = this.parts.tokens.at(hash, now)
    const caller = grant && this.#byToken({ hash, grant })
    const ends = [expiresAt, caller?.expiresAt].filter((at) => at !== undefined)
    return caller && { ...caller, via: 'session', expiresAt: ends.length === 0 ? undefined : Math.min(...ends) }
  }
}

function bearerOf(authorization: string | undefined): string | undefined {
  return /^Bearer +(\S{1,500}) *$/i.exec(authorization ?? '')?.[1]
}

function asToken({ hash, grant }: Held<Token>): LoginAs {
  return { name: grant.name, token: hash }
}
