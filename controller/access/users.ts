import { z } from 'zod'

import type { Log } from '../../common/log.js'
import { roles, type Role } from '../../common/verbs.js'
import type { Commit } from '../api/grants.js'
import type { StateStore, Tx } from '../store/state-store.js'

const userSchema = z.object({
  name: z.string().max(100),
  role: z.enum(roles),
  /** As `PasswordHashing` writes it. */
  passwordHash: z.string().max(300),
  createdAt: z.number(),
  changedAt: z.number(),
})

/** A person who logs in by name and password. */
export interface User {
  readonly name: string
  readonly role: Role
  readonly passwordHash: string
  readonly createdAt: number
  readonly changedAt: number
}

export const mostUsers = 1000

/** The users. Reads are from memory, which this program alone owns; writes are durable before they count, but for a removal, which counts at once. */
export class Users {
  private constructor(private readonly byName: Map<string, User>) {}

  static async load(state: StateStore, log: Log): Promise<Users> {
    const byName = new Map<string, User>()
    for (const { key, value } of await state.tx((t) => t.list('users'))) {
      const parsed = userSchema.safeParse(value)
      if (parsed.success) byName.set(key, parsed.data)
      else log.warn({ user: key }, 'stored user cannot be read and is ignored')
    }
    return new Users(byName)
  }

  get size(): number {
    return this.byName.size
  }

  find(name: string): User | undefined {
    return this.byName.get(name)
  }

  list(): readonly User[] {
    return [...this.byName.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1))
  }

  async put(user: User, commit: Commit): Promise<void> {
    await commit((t: Tx) => t.put('users', user.name, user))
    this.byName.set(user.name, user)
  }

  async remove(name: string, commit: Commit): Promise<void> {
    this.byName.delete(name)
    await commit((t: Tx) => t.delete('users', name))
  }
}
