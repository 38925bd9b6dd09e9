import { describe, expect, it } from 'vitest'

import { LoginLimit } from './login-limit.js'

const minute = 60_000

/** How many tries are taken before one has to wait. */
function taken(limit: LoginLimit, next: (count: number) => readonly [string, string], now = 0): number {
  for (let count = 0; count < 1000; count += 1) {
    const [name, address] = next(count)
    if (limit.begin(name, true, address, now) !== undefined) return count
  }
  return 1000
}

describe('tries of passwords', () => {
  it.each<readonly [string, (count: number) => readonly [string, string], number]>([
    ['of one account, from anywhere', (count) => ['ann', `10.0.${count}.1`], 10],
    ['from one address, of any account', (count) => [`user${count}`, '10.0.0.1'], 50],
    ['from one IPv6 network', (count) => [`user${count}`, `2001:db8::${count.toString(16)}`], 50],
    ['from this machine, where a proxy may be', (count) => [`user${count}`, '127.0.0.1'], 500],
    ['of different accounts from different addresses', (count) => [`user${count}`, `10.0.${count}.1`], 1000],
  ])('%s', (_what, next, most) => {
    expect(taken(new LoginLimit(), next)).toBe(most)
  })

  it('are taken again after five minutes', () => {
    const limit = new LoginLimit()
    expect(taken(limit, () => ['ann', '10.0.0.1'])).toBe(10)
    expect(limit.begin('ann', true, '10.9.9.9', 4 * minute)).toBe(minute)
    expect(limit.begin('ann', true, '10.9.9.9', 5 * minute)).toBeUndefined()
  })

  it('that were right do not count', () => {
    const limit = new LoginLimit()
    for (let count = 0; count < 200; count += 1) {
      expect(limit.begin('ann', true, '10.0.0.1', 0)).toBeUndefined()
      limit.forget('ann', '10.0.0.1')
    }
  })

  it('of names that are no users make nothing forgotten of those that are', () => {
    const limit = new LoginLimit()
    expect(taken(limit, (count) => ['ann', `10.0.${count}.1`])).toBe(10)
    for (let count = 0; count < 20_000; count += 1)
      limit.begin(`nobody${count}`, false, `10.${count >> 8}.${count & 255}.9`, 1)
    expect(limit.begin('ann', true, '10.9.9.9', 2)).toBe(5 * minute - 2)
  })
})
