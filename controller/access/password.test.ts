import { describe, expect, it } from 'vitest'

import { newPassword, PasswordHashing, PasswordsBusy } from './password.js'

const quick = { logN: 4, r: 8, p: 1 }

describe('a password', () => {
  it('is known again by its hash, and no other is', async () => {
    const hashing = new PasswordHashing(quick)
    const [one, two] = [await hashing.hash('correct horse'), await hashing.hash('correct horse')]
    expect(one).not.toBe(two)
    expect(one).toMatch(/^scrypt\$4\$8\$1\$[\w-]{22}\$[\w-]{43}$/)
    expect(await hashing.isRight('correct horse', one)).toBe(true)
    expect(await hashing.isRight('correct horsf', one)).toBe(false)
    expect(await hashing.isRight('', one)).toBe(false)
    expect(await hashing.isRight('correct horse', undefined)).toBe(false)
    expect(await hashing.isRight('correct horse', 'scrypt$4$8$1$short$hash')).toBe(false)
  })

  it('is known again however its letters are composed, and when the cost has grown', async () => {
    const kept = await new PasswordHashing(quick).hash('caf\u00e9 au lait')
    expect(await new PasswordHashing({ logN: 6, r: 8, p: 2 }).isRight('cafe\u0301 au lait', kept)).toBe(true)
  })

  it('takes 64 MiB to hash', async () => {
    const before = process.memoryUsage().rss
    let most = 0
    const watch = setInterval(() => (most = Math.max(most, process.memoryUsage().rss - before)), 5)
    const kept = await new PasswordHashing().hash('correct horse')
    clearInterval(watch)
    expect(kept).toMatch(/^scrypt\$16\$8\$2\$/)
    expect(most).toBeGreaterThan(50 * 2 ** 20)
  })

  it('of which too many come at once are turned away', async () => {
    const hashing = new PasswordHashing(quick)
    const tries = Array.from({ length: 20 }, async () =>
      hashing.isRight('a', undefined).catch((error: unknown) => error),
    )
    const found = await Promise.all(tries)
    expect(found.filter((one) => one instanceof PasswordsBusy)).toHaveLength(4)
    expect(await hashing.isRight('a', undefined)).toBe(false)
  })

  it.each([
    ['short', false],
    ['ten letters', true],
    ['🔑'.repeat(5), false],
    ['x'.repeat(1001), false],
  ])('%j may be a new one: %s', (text, fits) => {
    expect(newPassword.safeParse(text).success).toBe(fits)
  })
})
