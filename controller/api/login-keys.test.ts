import { describe, expect, it } from 'vitest'

import { LoginKeys } from './login-keys.js'

const me = { name: 'me', token: 'hash' }

describe('login keys', () => {
  it('work once, within 15 minutes', () => {
    const keys = new LoginKeys()
    const { key, expiresAt } = keys.create(me, 0)
    expect(expiresAt).toBe(900_000)
    expect(keys.redeem(`${key}x`, 1)).toBeUndefined()
    expect(keys.redeem(key, 899_999)).toBe(me)
    expect(keys.redeem(key, 899_999)).toBeUndefined()
    expect(keys.redeem(keys.create(me, 0).key, 900_000)).toBeUndefined()
  })

  it('are no more than a thousand: the oldest goes', () => {
    const keys = new LoginKeys()
    const made = Array.from({ length: 1001 }, () => keys.create(me, 0).key)
    expect(made.map((key) => keys.redeem(key, 1)).filter((as) => as === undefined)).toHaveLength(1)
    expect(keys.redeem(made[0] ?? '', 1)).toBeUndefined()
  })
})
