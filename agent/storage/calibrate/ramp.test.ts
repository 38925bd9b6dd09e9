import { describe, expect, it } from 'vitest'

import { cliffOf, type Write } from './cliff.js'
import { beginRamp, see, longWait, type Ramp, type RampBounds, type RampResult, type Seen, type Step } from './ramp.js'

const MB = 1e6
const KiB = 1024

/** A leaky bucket with a canary beside the one who fills it, in virtual time. */
interface Bucket {
  readonly cacheBytes: number
  readonly drainBytesPerSecond: number
  /** What the wire lets through. */
  readonly wireBytesPerSecond: number
  /** Nothing ends from then on, milliseconds. */
  readonly hangsFromMs?: number
  /** Of the canary in quiet, by time. */
  readonly calmSeconds?: (atMs: number) => number
  readonly filledBytes?: number
  /** Every write takes much longer then. */
  readonly slowAt?: (atMs: number) => boolean
}

interface Played {
  readonly result: RampResult
  readonly bytes: number
  readonly seconds: number
  /** The longest time without a canary that did not wait. */
  readonly longestWaitSeconds: number
}

const chunk = 256 * KiB
const canaryEveryMs = 50
const bounds: RampBounds = { mostBytes: 8e9, mostSeconds: 600, mostBytesPerSecond: 200 * MB, mostFillBytes: 2e9 }

function play(bucket: Bucket, limits: RampBounds = bounds): Played {
  const { cacheBytes, drainBytesPerSecond: drain, wireBytesPerSecond: wire, calmSeconds = () => 0.002 } = bucket
  let now: { readonly ramp: Ramp; readonly step: Step } = { ramp: beginRamp(limits, 0), step: { do: 'rest' } }
  let [fill, filledAt, bytes] = [bucket.filledBytes ?? 0, 0, 0]
  let [canaryAt, freeAt, paid] = [0, 0, 0]
  let [waitsSince, longestWaitSeconds] = [0, 0]
  const tell = (seen: Seen): void => {
    now = see(now.ramp, seen)
  }
  const isHung = (atMs: number): boolean => atMs >= (bucket.hangsFromMs ?? Infinity)
  for (let at = 0; at < 700_000; at += 1) {
    tell({ kind: 'time', atMs: at })
    const { step } = now
    if (step.do === 'stop') return { result: step.result, bytes, seconds: at / 1000, longestWaitSeconds }
    if (isHung(at) && at % 100 === 0)
      tell({ kind: 'waits', atMs: at, seconds: (at - (bucket.hangsFromMs ?? 0)) / 1000 })
    if (isHung(at)) continue
    fill = Math.max(0, fill - (drain * (at - filledAt)) / 1000)
    filledAt = at
    const waitFor = (room: number): number => Math.max(0, fill + room - cacheBytes) / drain
    if (at >= canaryAt) {
      const calm = calmSeconds(at)
      const seconds = calm + waitFor(0)
      if (seconds < longWait(calm)) waitsSince = at
      longestWaitSeconds = Math.max(longestWaitSeconds, (at - waitsSince) / 1000)
      canaryAt = at + canaryEveryMs + seconds * 1000
      tell({ kind: 'canary', atMs: at, seconds })
    }
    if (step.do !== 'write') paid = at
    else if (at >= freeAt && at >= paid) {
      const seconds = Math.max(chunk / wire, waitFor(chunk), bucket.slowAt?.(at) === true ? 0.05 : 0)
      fill += chunk
      freeAt = at + seconds * 1000
      paid += (1000 * chunk) / step.bytesPerSecond
      bytes += chunk
      tell({ kind: 'wrote', atMs: freeAt, bytes: chunk, seconds })
    }
  }
  throw new Error('it does not end')
}

describe('a ramp', () => {
  it.each([50, 150, 400].flatMap((cache) => [4, 12, 32].map((drain) => [cache, drain] as const)))(
    'learns a cache of %i MB that drains %i MB/s, and nobody waits for long',
    (cache, drain) => {
      const bucket = { cacheBytes: cache * MB, drainBytesPerSecond: drain * MB, wireBytesPerSecond: 150 * MB }
      const { result, longestWaitSeconds } = play(bucket)
      if (result.outcome !== 'learnt') throw new Error(JSON.stringify(result))
      expect(Math.abs(result.capacityBytes / bucket.cacheBytes - 1)).toBeLessThan(0.08)
      expect(Math.abs(result.drainBytesPerSecond / bucket.drainBytesPerSecond - 1)).toBeLessThan(0.08)
      expect(result.overflows).toBe(4)
      expect(longestWaitSeconds).toBeLessThan(2)
    },
  )

  it.each([5, 7, 9, 13, 17, 25, 40])(
    'says nothing that is not so where all is slow for 0.4 s each %i s',
    (everySeconds) => {
      const { result } = play({
        cacheBytes: 150 * MB,
        drainBytesPerSecond: 10 * MB,
        wireBytesPerSecond: 150 * MB,
        slowAt: (at) => at % (everySeconds * 1000) > everySeconds * 1000 - 400,
      })
      // As long as it is rare enough it is learnt all the same.
      expect(result.outcome).toBe(everySeconds < 13 ? 'aborted' : 'learnt')
      const [capacity, drain] =
        result.outcome === 'learnt' ? [result.capacityBytes, result.drainBytesPerSecond] : [150 * MB, 10 * MB]
      expect(Math.abs(capacity / (150 * MB) - 1)).toBeLessThan(0.15)
      expect(Math.abs(drain / (10 * MB) - 1)).toBeLessThan(0.15)
    },
  )

  it('goes slower within a second where others wait three times as long as usual, however short that is', () => {
    const begun = [...Array(170).keys()].map((turn): Seen => ({ kind: 'canary', atMs: turn * 50, seconds: 0.0003 }))
    const slow = [...Array(20).keys()].map((turn): Seen => ({
      kind: 'canary',
      atMs: 8500 + turn * 50,
      seconds: 0.0012,
    }))
    let ramp = beginRamp(bounds, 0)
    for (const seen of begun) ramp = see(ramp, seen).ramp
    const steps = slow.map((seen) => {
      const next = see(ramp, seen)
      ramp = next.ramp
      return { atMs: seen.atMs, does: next.step.do }
    })
    expect(steps[0]?.does).toBe('write')
    expect(steps.find(({ does }) => does === 'rest')?.atMs).toBe(8500 + 15 * 50)
  })

  it('does not mind what was in the cache before', () => {
    const { result } = play({
      cacheBytes: 100 * MB,
      drainBytesPerSecond: 8 * MB,
      wireBytesPerSecond: 150 * MB,
      filledBytes: 90 * MB,
    })
    expect(result).toMatchObject({ outcome: 'learnt', overflows: 5 })
    expect(result.outcome === 'learnt' ? result.capacityBytes / (100 * MB) : 0).toBeCloseTo(1, 1)
  })

  it('says what an array took that never was full, and keeps its bounds', () => {
    const large = { cacheBytes: 4e9, drainBytesPerSecond: 50 * MB, wireBytesPerSecond: 150 * MB }
    const { result, bytes } = play(large, { ...bounds, mostBytes: 500 * MB })
    expect(result).toMatchObject({ outcome: 'never-full' })
    expect(bytes).toBeLessThanOrEqual(500 * MB + chunk)
    const { seconds } = play(
      { ...large, cacheBytes: 1e12 },
      { ...bounds, mostBytes: 1e12, mostSeconds: 20, mostFillBytes: 1e12 },
    )
    expect(seconds).toBeLessThanOrEqual(20.1)
    const { bytes: ofFill } = play(large, { ...bounds, mostFillBytes: 300 * MB })
    expect(ofFill).toBeLessThanOrEqual(300 * MB + chunk)
  })

  it('stops when the array stands still', () => {
    const { result, seconds } = play({
      cacheBytes: 100 * MB,
      drainBytesPerSecond: 8 * MB,
      wireBytesPerSecond: 150 * MB,
      hangsFromMs: 10_000,
    })
    expect(result).toMatchObject({ outcome: 'aborted', reason: expect.stringMatching(/has not come back for 5/) })
    expect(seconds).toBeLessThan(15.2)
  })

  it.each<[string, Partial<Bucket>, RegExp]>([
    [
      'it is not quiet',
      { calmSeconds: (at) => (at < 4000 ? 0.002 : 0.02) },
      /not quiet: small writes took 2.0 ms, then 20.0 ms/,
    ],
    ['the array is busy', { calmSeconds: () => 0.3 }, /busy: small writes take 300.0 ms/],
  ])('writes nothing where %s', (_what, change, reason) => {
    const { result, bytes } = play({ cacheBytes: 1e8, drainBytesPerSecond: 8e6, wireBytesPerSecond: 1e8, ...change })
    expect(result).toMatchObject({ outcome: 'aborted', reason: expect.stringMatching(reason) })
    expect(bytes).toBe(0)
  })

  it('goes slower where others wait though the cache is not full, and gives up if that does not help', () => {
    let ramp = beginRamp(bounds, 0)
    let step: Step = { do: 'rest' }
    const rates = new Set<number>()
    for (let at = 0; at < 400_000 && step.do !== 'stop'; at += 50) {
      const isWriting = step.do === 'write'
      if (step.do === 'write') rates.add(step.bytesPerSecond)
      for (const seen of [
        ...(isWriting ? [{ kind: 'wrote', atMs: at, bytes: chunk, seconds: 0.002 } as const] : []),
        { kind: 'canary', atMs: at, seconds: isWriting ? 0.02 : 0.002 } as const,
      ]) {
        ;({ ramp, step } = see(ramp, seen))
      }
    }
    expect(step).toMatchObject({
      do: 'stop',
      result: { outcome: 'aborted', reason: expect.stringMatching(/others wait/) },
    })
    expect(Math.max(...rates)).toBeLessThanOrEqual(16e6)
  })
})

describe('a cliff', () => {
  const writes = (...seconds: readonly number[]): Write[] => {
    let atMs = 0
    return seconds.map((one) => ({ atMs: (atMs += one * 1000), bytes: chunk, seconds: one }))
  }
  const many = (count: number, seconds: number): number[] => Array.from({ length: count }, () => seconds)

  it.each<[string, number[], boolean]>([
    ['as fast as ever', many(40, 0.002), false],
    ['one slow write', [...many(40, 0.002), 0.5], false],
    ['slow ones that are over', [...many(40, 0.002), ...many(5, 0.1), 0.002], false],
    ['slow ones that last', [...many(40, 0.002), ...many(5, 0.06)], true],
    ['somewhat slower', [...many(40, 0.002), ...many(200, 0.004)], false],
    ['slow from the beginning', many(40, 0.06), false],
  ])('%s', (_what, seconds, isCliff) => {
    expect(cliffOf(writes(...seconds)) !== undefined).toBe(isCliff)
  })

  it('is none where more is written than before: the wire is busy', () => {
    const paced = Array.from({ length: 250 }, (_, index) => ({ atMs: index * 4, bytes: chunk, seconds: 0.0009 }))
    const fast = Array.from({ length: 150 }, (_, index) => ({
      atMs: 1000 + index * 2.1,
      bytes: chunk,
      seconds: 0.0021,
    }))
    expect(cliffOf([...paced, ...fast])).toBeUndefined()
    const fallen = Array.from({ length: 30 }, (_, index) => ({ atMs: 1010 + index * 10, bytes: chunk, seconds: 0.01 }))
    expect(cliffOf([...paced, ...fallen])?.rate).toBeCloseTo(chunk / 0.01)
  })

  it('begins with the first slow write, and tells what slow ones got', () => {
    const cliff = cliffOf(writes(...many(50, 0.002), ...many(5, 0.0625)))
    expect(cliff?.onsetMs).toBeCloseTo(100)
    expect(cliff?.rate).toBeCloseTo(chunk / 0.0625)
  })
})
