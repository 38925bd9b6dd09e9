import type { Role } from '../../common/verbs.js'
import type { ControllerAudit } from '../audit/controller-audit.js'
import { localAdmin } from '../api/local-token.js'
import type { Commit, Grants, Held } from '../api/grants.js'
import { mayAs, type Scope, type StoredSession, type Token } from './caller.js'
import type { PasswordHashing } from './password.js'
import { mostUsers, type User, type Users } from './users.js'

interface Parts {
  readonly users: Users
  readonly tokens: Grants<Token>
  readonly sessions: Grants<StoredSession>
  readonly passwords: PasswordHashing
  readonly audit: ControllerAudit
  /** What one has asked for and what has not begun is not done any more. */
  readonly dropWaiting: (name: string, why: string) => Promise<void>
  readonly now: () => number
}

export interface NewToken {
  readonly name: string
  readonly role: Role
  readonly ofUser: boolean
  readonly scope: Scope | undefined
  readonly validMs: number
  readonly note: string
}

/** Why something about users or tokens was not done. */
export type Refusal = 'name-taken' | 'too-many' | 'unknown' | 'role-too-high' | 'admin-scope' | 'password-changed'

export type Outcome<Done> = { readonly done: Done } | { readonly refused: Refusal }

/**
 * What administrators do about users and tokens. Each change stands in the audit log, in one transaction with it, and ends what was open by what was
 * before: sessions, tokens, commands that wait.
 */
export class AccessDesk {
  /** One change after the other: each looks before it writes. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(private readonly parts: Parts) {}

  users(): readonly User[] {
    return this.parts.users.list()
  }

  tokens(): readonly Held<Token>[] {
    return this.parts.tokens.list(this.parts.now())
  }

  /** @throws PasswordsBusy */
  async addUser(name: string, role: Role, password: string, actor: string): Promise<Outcome<User>> {
    const passwordHash = await this.parts.passwords.hash(password)
    return this.#inTurn(async () => {
      const { users, now } = this.parts
      if (this.#isTaken(name)) return { refused: 'name-taken' }
      if (users.size >= mostUsers) return { refused: 'too-many' }
      const at = now()
      const user = { name, role, passwordHash, createdAt: at, changedAt: at }
      await users.put(user, this.#recorded({ event: 'user-added', user: name, role, actor }))
      return { done: user }
    })
  }

  /** @throws PasswordsBusy */
  async setPassword(name: string, password: string, actor: string): Promise<Outcome<User>> {
    if (this.parts.users.find(name) === undefined) return { refused: 'unknown' }
    const passwordHash = await this.parts.passwords.hash(password)
    return this.#change(name, { passwordHash }, { event: 'user-password', actor })
  }

  /**
   * By that user, who has shown the old one. Hashing takes its time: who was given another one meanwhile keeps that.
   * @param shown hash of the old one, of which it was seen that it is right
   * @param keep hash of the session that goes on: that in which it is asked for
   * @throws PasswordsBusy
   */
  async setOwnPassword(
    name: string,
    password: string,
    { shown, keep }: { readonly shown: string; readonly keep: string | undefined },
  ): Promise<Outcome<User>> {
    const passwordHash = await this.parts.passwords.hash(password)
    return this.#change(name, { passwordHash }, { event: 'user-password', actor: name }, { shown, keep })
  }

  setRole(name: string, role: Role, actor: string): Promise<Outcome<User>> {
    return this.#change(name, { role }, { event: 'user-role', role, actor })
  }

  /** With all sessions and tokens of that user. */
  removeUser(name: string, actor: string): Promise<Outcome<User>> {
    return this.#inTurn(async () => {
      const { users, tokens, dropWaiting } = this.parts
      const user = users.find(name)
      if (user === undefined) return { refused: 'unknown' }
      const recorded = this.#recorded({ event: 'user-removed', user: name, role: user.role, actor })
      const withTokens: Commit = async (change) => {
        await tokens.removeWhere(({ grant }) => grant.ofUser === true && grant.name === name, both(recorded, change))
      }
      await users.remove(
        name,
        this.#endingSessions(({ grant }) => grant.name === name, withTokens),
      )
      await dropWaiting(name, `the user ${name} was removed`)
      return { done: user }
    })
  }

  /** The secret is in the answer, and nowhere else. */
  createToken(asked: NewToken, actor: string): Promise<Outcome<{ readonly secret: string } & Held<Token>>> {
    return this.#inTurn(async () => {
      const { users, tokens, now } = this.parts
      const { name, role, ofUser, scope, validMs, note } = asked
      const user = users.find(name)
      if (ofUser && user === undefined) return { refused: 'unknown' }
      if (!ofUser && this.#isUserOrReserved(name)) return { refused: 'name-taken' }
      if (ofUser && user !== undefined && !mayAs(user.role, role)) return { refused: 'role-too-high' }
      if (scope !== undefined && role === 'admin') return { refused: 'admin-scope' }
      const at = now()
      const token: Token = {
        name,
        role,
        createdAt: at,
        expiresAt: at + validMs,
        ...(ofUser && { ofUser }),
        ...(scope !== undefined && { scope: storedScope(scope) }),
        createdBy: actor,
        ...(note !== '' && { note }),
      }
      const what = { event: 'token-made', token: name, role, ofUser, scope, expiresAt: token.expiresAt, note, actor }
      return { done: await tokens.add(token, at, this.#recorded(what)) }
    })
  }

  /** By its id; with the sessions that were opened with it. */
  revokeToken(id: string, actor: string): Promise<Outcome<Held<Token>>> {
    return this.#inTurn(async () => {
      const { tokens, dropWaiting } = this.parts
      const held = this.tokens().find(({ hash }) => tokenId(hash) === id)
      // The token of this machine is replaced by removing its file.
      if (held === undefined || held.grant.name === localAdmin) return { refused: 'unknown' }
      const { name } = held.grant
      const what = { event: 'token-revoked', token: name, tokenId: id, actor }
      const ending = this.#endingSessions(({ grant }) => grant.token === held.hash, this.#recorded(what))
      await tokens.removeWhere(({ hash }) => hash === held.hash, ending)
      if (held.grant.ofUser !== true && !this.tokens().some(({ grant }) => grant.name === name))
        await dropWaiting(name, `the token ${name} was revoked`)
      return { done: held }
    })
  }

  #change(
    name: string,
    changed: Partial<Pick<User, 'role' | 'passwordHash'>>,
    what: Readonly<Record<string, unknown>>,
    { shown, keep }: { readonly shown?: string; readonly keep?: string | undefined } = {},
  ): Promise<Outcome<User>> {
    return this.#inTurn(async () => {
      const { users, now, dropWaiting } = this.parts
      const user = users.find(name)
      if (user === undefined) return { refused: 'unknown' }
      if (shown !== undefined && user.passwordHash !== shown) return { refused: 'password-changed' }
      const next = { ...user, ...changed, changedAt: now() }
      const recorded = this.#recorded({ ...what, user: name })
      await users.put(
        next,
        this.#endingSessions(({ grant, hash }) => grant.name === name && hash !== keep, recorded),
      )
      if (!mayAs(next.role, user.role)) await dropWaiting(name, `the role of ${name} was lowered`)
      return { done: next }
    })
  }

  /** Ends sessions in the same transaction. */
  #endingSessions(isMeant: (held: Held<StoredSession>) => boolean, commit: Commit): Commit {
    return async (change) => {
      await this.parts.sessions.removeWhere(isMeant, both(commit, change))
    }
  }

  /** Names that differ only in case would be taken for each other. */
  #isTaken(name: string): boolean {
    return this.#isUserOrReserved(name) || this.tokens().some(({ grant }) => isSame(grant.name, name))
  }

  #isUserOrReserved(name: string): boolean {
    return isSame(name, localAdmin) || this.users().some((user) => isSame(user.name, name))
  }

  #recorded(what: Readonly<Record<string, unknown>>): Commit {
    return (change) => this.parts.audit.record(this.parts.now(), what, change)
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work)
    this.#turn = turn.catch(() => undefined)
    return turn
  }
}

/** Commits another change together with this one. */
function both(commit: Commit, change: Parameters<Commit>[0]): Commit {
  return (other) =>
    commit(async (t) => {
      await change(t)
      await other(t)
    })
}

/** How a token is called: the beginning of the hash of its secret, from which the secret cannot be told. */
export function tokenId(hash: string): string {
  return hash.slice(0, 12)
}

function storedScope({ owner, vms, verbs }: Scope): NonNullable<Token['scope']> {
  return {
    ...(owner !== undefined && { owner }),
    ...(vms !== undefined && { vms: [...vms] }),
    ...(verbs !== undefined && { verbs: [...verbs] }),
  }
}

function isSame(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase()
}
