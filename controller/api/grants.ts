import type { z } from 'zod'

import type { Log } from '../../common/log.js'
import type { StateStore, StateTable, Tx } from '../store/state-store.js'
import { hashOfSecret, newSecret } from './secrets.js'

interface Row {
  readonly name: string
  readonly createdAt: number
  readonly expiresAt?: number | undefined
}

interface GrantsOptions<Grant extends Row> {
  readonly state: StateStore
  readonly table: StateTable
  readonly schema: z.ZodType<Grant>
  /** Beyond this many none is added. */
  readonly most: number
  /** So many of one name; then the oldest of that name goes. Without it none goes for another. */
  readonly mostOfName?: number
  readonly log: Log
}

/** A grant with the hash of its secret, by which it is known. */
export interface Held<Grant> {
  readonly hash: string
  readonly grant: Grant
}

/** Makes a change durable, in a transaction. */
export type Commit = (change: (t: Tx) => Promise<void>) => Promise<void>

/** As many are there as there may be. */
export class TooManyGrants extends Error {
  override readonly name = 'TooManyGrants'
}

/**
 * Secrets that open the API (tokens, or sessions), each stored as its hash only. Reads are from memory, which this program alone owns;
 * writes are durable before they count.
 */
export class Grants<Grant extends Row> {
  private constructor(
    private readonly options: GrantsOptions<Grant>,
    /** By hash, oldest first. */
    private readonly grants: Map<string, Grant>,
  ) {}

  static async load<Grant extends Row>(options: GrantsOptions<Grant>): Promise<Grants<Grant>> {
    const rows = await options.state.tx((t) => t.list(options.table))
    const grants: [string, Grant][] = []
    for (const { key, value } of rows) {
      const parsed = options.schema.safeParse(value)
      if (parsed.success) grants.push([key, parsed.data])
      else options.log.warn({ table: options.table }, 'stored grant cannot be read and is ignored')
    }
    grants.sort(([, a], [, b]) => a.createdAt - b.createdAt)
    return new Grants(options, new Map(grants))
  }

  /** What the secret grants; undefined if it is wrong or expired. */
  find(secret: string, now: number): Held<Grant> | undefined {
    const hash = hashOfSecret(secret)
    const grant = this.at(hash, now)
    return grant && { hash, grant }
  }

  /** What the secret of that hash grants. */
  at(hash: string, now: number): Grant | undefined {
    const grant = this.grants.get(hash)
    return grant === undefined || isOver(grant, now) ? undefined : grant
  }

  /** Those that hold, oldest first. */
  list(now: number): readonly Held<Grant>[] {
    return [...this.grants].flatMap(([hash, grant]) => (isOver(grant, now) ? [] : { hash, grant }))
  }

  /**
   * Makes a secret; what is expired and what is too many of its name goes. Resolves to the secret when it is durable.
   * @throws TooManyGrants
   */
  async add(
    grant: Grant,
    now: number,
    commit: Commit = this.#commit,
  ): Promise<{ readonly secret: string } & Held<Grant>> {
    const secret = newSecret()
    const hash = hashOfSecret(secret)
    const gone = this.#surplus(grant.name, now)
    const { table, most } = this.options
    if (this.grants.size - gone.length >= most) throw new TooManyGrants(`there are ${most} already`)
    await commit(async (t) => {
      for (const old of gone) await t.delete(table, old)
      await t.put(table, hash, grant)
    })
    for (const old of gone) this.grants.delete(old)
    this.grants.set(hash, grant)
    return { secret, hash, grant }
  }

  /**
   * Forgets first, so that a failing store cannot keep a revoked secret alive until the restart. Resolves to how many went.
   * @param commit is called in any case: it may have more to do
   */
  async removeWhere(isMeant: (held: Held<Grant>) => boolean, commit: Commit = this.#commit): Promise<number> {
    const hashes = [...this.grants].filter(([hash, grant]) => isMeant({ hash, grant })).map(([hash]) => hash)
    for (const hash of hashes) this.grants.delete(hash)
    await commit(async (t) => {
      for (const hash of hashes) await t.delete(this.options.table, hash)
    })
    return hashes.length
  }

  readonly #commit: Commit = (change) => this.options.state.tx(change)

  #surplus(name: string, now: number): string[] {
    const { mostOfName = Infinity } = this.options
    const over = [...this.grants].filter(([, grant]) => isOver(grant, now)).map(([hash]) => hash)
    const same = [...this.grants]
      .filter(([, grant]) => grant.name === name && !isOver(grant, now))
      .map(([hash]) => hash)
    return [...over, ...same.slice(0, Math.max(0, same.length + 1 - mostOfName))]
  }
}

function isOver({ expiresAt }: Row, now: number): boolean {
  return expiresAt !== undefined && expiresAt <= now
}
