import { expect, it } from 'vitest'

import { KeyedBuckets, TokenBucket } from './token-bucket.js'

const rate = { perSecond: 10, burst: 5 }

it('takes what is there, and nothing where it is not enough', () => {
  const bucket = new TokenBucket(rate, 0)
  expect([bucket.take(3, 0), bucket.take(3, 0), bucket.take(2, 0), bucket.take(1, 0)]).toEqual([
    true,
    false,
    true,
    false,
  ])
})

it.each([
  ['nothing at once', 0, false],
  ['one after its time', 100, true],
  ['less than one before it', 90, false],
])('fills up by the clock: %s', (_what, afterMs, taken) => {
  const bucket = new TokenBucket(rate, 1000)
  bucket.take(5, 1000)
  expect(bucket.take(1, 1000 + afterMs)).toBe(taken)
})

it('never holds more than its burst', () => {
  const bucket = new TokenBucket(rate, 0)
  expect([bucket.take(6, 1e9), bucket.take(5, 1e9), bucket.isFull(1e9), bucket.isFull(1e9 + 500)]).toEqual([
    false,
    true,
    false,
    true,
  ])
})

it('tells how long to wait for what was spent beyond it', () => {
  const bucket = new TokenBucket(rate, 0)
  expect([bucket.spend(5, 0), bucket.spend(10, 0), bucket.spend(0, 400), bucket.spend(1, 1000)]).toEqual([
    0, 1000, 600, 100,
  ])
})

it('stands still while the clock goes back, and goes on from there', () => {
  const bucket = new TokenBucket(rate, 10_000)
  bucket.take(5, 10_000)
  expect([bucket.take(1, 5000), bucket.take(1, 5100)]).toEqual([false, true])
})

it('keeps a bucket for each, as many as there may be, and those only that are not full', () => {
  const buckets = new KeyedBuckets(rate, 2)
  expect([buckets.take('a', 5, 0), buckets.take('a', 1, 0), buckets.take('b', 5, 0)]).toEqual([true, false, true])
  buckets.take('c', 1, 0)
  expect([buckets.size, buckets.take('b', 1, 0), buckets.spend('c', 9, 0)]).toEqual([2, false, 500])
  buckets.sweep(500)
  expect(buckets.size).toBe(1)
})
