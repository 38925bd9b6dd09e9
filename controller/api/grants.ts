import type { Log } from '../../common/log.js'
import type { StateStore, StateTable } from '../store/state-store.js'
import { grantSchema, type Grant } from './caller.js'
import { hashOfSecret, newSecret } from './secrets.js'

interface GrantsOptions {
  readonly state: StateStore
  readonly table: StateTable
  /** Beyond this many the oldest goes. */
  readonly most: number
  readonly log: Log
}

/**
 * Secrets that open the API (tokens, or sessions), each stored as its hash only. Reads are from memory, which this program alone owns;
 * writes are durable before they count.
 */
export class Grants {
  private constructor(
    private readonly options: GrantsOptions,
    /** By hash, oldest first. */
    private readonly grants: Map<string, Grant>,
  ) {}

  static async load(options: GrantsOptions): Promise<Grants> {
    const rows = await options.state.tx((t) => t.list(options.table))
    const grants: [string, Grant][] = []
    for (const { key, value } of rows) {
      const parsed = grantSchema.safeParse(value)
      if (parsed.success) grants.push([key, parsed.data])
      else options.log.warn({ table: options.table }, 'stored grant cannot be read and is ignored')
    }
    grants.sort(([, a], [, b]) => a.createdAt - b.createdAt)
    return new Grants(options, new Map(grants))
  }

  /** What the secret grants; undefined if it is wrong or expired. */
  find(secret: string, now: number): Grant | undefined {
    const grant = this.grants.get(hashOfSecret(secret))
    return grant === undefined || isOver(grant, now) ? undefined : grant
  }

  /** Makes a secret; what is expired and what is too many goes. Resolves to the secret when it is durable. */
  async add(grant: Grant, now: number): Promise<string> {
    const secret = newSecret()
    const hash = hashOfSecret(secret)
    const gone = this.#surplus(now)
    const { table } = this.options
    await this.options.state.tx(async (t) => {
      for (const old of gone) await t.delete(table, old)
      await t.put(table, hash, grant)
    })
    for (const old of gone) this.grants.delete(old)
    this.grants.set(hash, grant)
    return secret
  }

  async remove(secret: string): Promise<void> {
    await this.#remove([hashOfSecret(secret)])
  }

  async removeNamed(name: string): Promise<void> {
    await this.#remove([...this.grants].filter(([, grant]) => grant.name === name).map(([hash]) => hash))
  }

  /** Forgets first, so that a failing store cannot keep a revoked secret alive until the restart. */
  async #remove(hashes: readonly string[]): Promise<void> {
    const known = hashes.filter((hash) => this.grants.delete(hash))
    if (known.length === 0) return
    await this.options.state.tx(async (t) => {
      for (const hash of known) await t.delete(this.options.table, hash)
    })
  }

  #surplus(now: number): string[] {
    const over = [...this.grants].filter(([, grant]) => isOver(grant, now)).map(([hash]) => hash)
    const left = this.grants.size - over.length
    const tooMany = Math.max(0, left + 1 - this.options.most)
    const oldest = [...this.grants.keys()].filter((hash) => !over.includes(hash)).slice(0, tooMany)
    return [...over, ...oldest]
  }
}

function isOver({ expiresAt }: Grant, now: number): boolean {
  return expiresAt !== undefined && expiresAt <= now
}
