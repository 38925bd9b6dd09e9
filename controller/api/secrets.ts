import { createHash, randomBytes } from 'node:crypto'

/** 256 random bits as text: not to be guessed, so comparing needs no slow hash. */
export function newSecret(): string {
  return randomBytes(32).toString('base64url')
}

/**
 * What is stored and looked up in place of a secret. Finding a hash in a table leaks nothing through its timing: whoever tries a secret does
 * not choose its hash, so a nearly right one is as far off as any other.
 */
export function hashOfSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex')
}
