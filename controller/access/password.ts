import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'

import { z } from 'zod'

/** Cost of scrypt (RFC 7914): 2^logN rounds over blocks of 128 × r bytes, p times. */
export interface ScryptCost {
  readonly logN: number
  readonly r: number
  readonly p: number
}

/** 64 MiB, twice: what OWASP's cheat sheet on storing passwords asks for at least. */
const presentCost: ScryptCost = { logN: 16, r: 8, p: 2 }
const saltBytes = 16
const hashBytes = 32
/** Passwords that are hashed one after the other; more wait, and beyond this many are turned away. */
const mostWaiting = 16

export const leastPasswordLength = 10

/** A new password; an old one is compared, whatever it is. */
export const newPassword = z
  .string()
  .max(1000)
  .refine(
    (text) => Array.from(text).length >= leastPasswordLength,
    `a password of at least ${leastPasswordLength} characters`,
  )

/** Too many passwords wait to be hashed. */
export class PasswordsBusy extends Error {
  override readonly name = 'PasswordsBusy'
}

/**
 * Hashes passwords with scrypt, one at a time: each takes much memory, so that guessing is dear. A hash is text with its cost and salt, so that a
 * later cost does not void it: `scrypt$16$8$2$SALT$HASH`.
 */
export class PasswordHashing {
  #last: Promise<unknown> = Promise.resolve()
  #waiting = 0

  constructor(private readonly cost: ScryptCost = presentCost) {}

  /** @throws PasswordsBusy */
  async hash(password: string): Promise<string> {
    const salt = randomBytes(saltBytes)
    const { logN, r, p } = this.cost
    const hash = await this.#inTurn(password, salt, this.cost)
    return ['scrypt', logN, r, p, salt.toString('base64url'), hash.toString('base64url')].join('$')
  }

  /**
   * Whether the password is the one of the hash. Without a hash it takes as long, and is never right.
   * @throws PasswordsBusy
   */
  async isRight(password: string, kept: string | undefined): Promise<boolean> {
    const parts = kept === undefined ? undefined : partsOf(kept)
    const { cost, salt, hash } = parts ?? {
      cost: this.cost,
      salt: randomBytes(saltBytes),
      hash: randomBytes(hashBytes),
    }
    const found = await this.#inTurn(password, salt, cost)
    return timingSafeEqual(found, hash) && parts !== undefined
  }

  #inTurn(password: string, salt: Buffer, cost: ScryptCost): Promise<Buffer> {
    if (this.#waiting >= mostWaiting) throw new PasswordsBusy('too many logins at once')
    this.#waiting += 1
    const turn = this.#last.then(() => derive(password, salt, cost)).finally(() => (this.#waiting -= 1))
    this.#last = turn.catch(() => undefined)
    return turn
  }
}

function derive(password: string, salt: Buffer, { logN, r, p }: ScryptCost): Promise<Buffer> {
  const N = 2 ** logN
  // As one person types it on different keyboards.
  const text = password.normalize('NFC')
  return new Promise((resolve, reject) => {
    scrypt(text, salt, hashBytes, { N, r, p, maxmem: 256 * N * r }, (error, key) => {
      if (error === null) resolve(key)
      else reject(error)
    })
  })
}

function partsOf(
  kept: string,
): { readonly cost: ScryptCost; readonly salt: Buffer; readonly hash: Buffer } | undefined {
  const match = /^scrypt\$(\d{1,2})\$(\d{1,3})\$(\d{1,3})\$([\w-]{22})\$([\w-]{43})$/.exec(kept)
  if (match === null) return undefined
  const [, logN = '', r = '', p = '', salt = '', hash = ''] = match
  const cost = { logN: Number(logN), r: Number(r), p: Number(p) }
  return { cost, salt: Buffer.from(salt, 'base64url'), hash: Buffer.from(hash, 'base64url') }
}
