import { expect, it } from 'vitest'
import { burstWords, fillWords, gaugeOf, rangeWords } from './cache-words.js'

const around = (likely: number) => ({ low: likely / 2, likely, high: likely * 2 })
const burst = { roomBytes: around(100e6), bulkCopyBytesPerSecond: 60e6, bulkCopies: 1, secondsForTwoCopies: around(4) }

it.each([
  [
    'idle',
    burst,
    'It takes 100 MB (50 MB to 200 MB) at once, and one bulk copy of a minute at 60 MB/s; two at once fill it in 4.0 s (2.0 s to 8.0 s).',
  ],
  [
    'idle',
    { ...burst, bulkCopies: 0, secondsForTwoCopies: undefined },
    'It takes 100 MB (50 MB to 200 MB) at once, and no bulk copy of a minute at 60 MB/s; two at once do not fill it.',
  ],
  ['saturated', burst, 'It bears nothing more now: what is written waits for its disks.'],
  ['write-through', burst, 'Without its cache a bulk copy of 60 MB/s makes all others wait.'],
] as const)('what a cache that is %s bears', (state, of, words) => {
  expect(burstWords({ state, burst: of })).toBe(words)
})

it('draws nothing of what is not known, and no more than the whole', () => {
  expect(gaugeOf({ fillBytes: undefined, capacityBytes: undefined })).toBeUndefined()
  const capacityBytes = { ...around(100), basis: 'learnt' as const }
  expect(gaugeOf({ fillBytes: { low: 20, likely: 50, high: 300 }, capacityBytes })).toEqual({
    low: 20,
    likely: 50,
    high: 100,
  })
})

it('says no share of a guess: before an overflow at most what came in, or nothing', () => {
  const capacityBytes = { ...around(100e6), basis: 'assumed' as const }
  const note = 'what it holds was neither seen nor told yet'
  const [some, none] = [
    { low: 0, likely: 5e6, high: 20e6 },
    { low: 0, likely: 0, high: 0 },
  ]
  expect(fillWords({ fillBytes: some, capacityBytes })).toEqual({ value: 'at most 20 MB', note })
  expect(fillWords({ fillBytes: none, capacityBytes })).toEqual({ value: undefined, note })
  expect(gaugeOf({ fillBytes: some, capacityBytes })).toBeUndefined()
  const learnt = { ...capacityBytes, basis: 'learnt' as const }
  expect(fillWords({ fillBytes: some, capacityBytes: learnt })).toEqual({ value: '5 MB', note: '0 B to 20 MB' })
})

it('says no range where both ends say the same', () => {
  expect(rangeWords({ low: 1, likely: 1, high: 1 }, String)).toBe('')
})
