import { describe, expect, it } from 'vitest'

import { canHaveBegunWithin, interval, longestIntervalMs, meanMs, perSecond } from './rates.js'

const before = { at: 10_000, runId: 'a', totals: { writeBytes: 1000, writeRequests: 10, writeSeconds: 1 } }

describe('interval', () => {
  it.each([
    ['nothing before', undefined, 20_000, 'a', undefined],
    ['no time passed', before, 10_000, 'a', undefined],
    ['time went back', before, 9_000, 'a', undefined],
    ['too long ago', before, 10_001 + longestIntervalMs, 'a', undefined],
    ['grew', before, 20_000, 'a', 50],
    ['a new run counts from 0', before, 20_000, 'b', 150],
  ])('%s', (_name, base, at, runId, rate) => {
    const result = interval(base, { at, runId, totals: { writeBytes: 1500 } }, { beganSince: true })
    expect(result === undefined ? undefined : perSecond(result, 'writeBytes')).toBe(rate)
  })

  it('gives nothing for a new run that began earlier: its total is no growth', () => {
    expect(interval(before, { at: 20_000, runId: 'b', totals: { writeBytes: 9e9 } }, { beganSince: false })).toBe(
      undefined,
    )
  })

  it('counts a total that fell inside a run from 0', () => {
    const result = interval(before, { at: 20_000, runId: 'a', totals: { writeBytes: 400 } }, { beganSince: false })
    expect(result?.delta).toEqual({ writeBytes: 400 })
  })

  it('takes CPU time that went back a little for none, not for a new beginning', () => {
    const base = { at: 10_000, runId: 'boot', totals: { cpuIowaitSeconds: 5000.1, psiIoSomeSeconds: 7 } }
    const now = { at: 20_000, runId: 'boot', totals: { cpuIowaitSeconds: 5000.05, psiIoSomeSeconds: 6.9 } }
    expect(interval(base, now, { beganSince: false })?.delta).toEqual({ cpuIowaitSeconds: 0, psiIoSomeSeconds: 0 })
  })

  it('leaves out what was not read at both ends', () => {
    const result = interval(before, { at: 20_000, runId: 'a', totals: { readBytes: 1 } }, { beganSince: true })
    expect(result?.delta).toEqual({})
  })
})

describe('meanMs', () => {
  it('is time by requests, and nothing without requests', () => {
    const of = { seconds: 10, delta: { writeSeconds: 0.5, writeRequests: 100, readSeconds: 0, readRequests: 0 } }
    expect(meanMs(of, 'writeSeconds', 'writeRequests')).toBe(5)
    expect(meanMs(of, 'readSeconds', 'readRequests')).toBe(undefined)
  })
})

describe('canHaveBegunWithin', () => {
  it.each([
    [10_000, 3, 1, true],
    [10_000, 100, 1, false],
    [10_000, 100, 16, true],
    [10_000, undefined, 1, false],
  ])('%d ms, %s CPU seconds, %d vCPUs: %s', (elapsedMs, cpuSeconds, vcpus, expected) => {
    expect(canHaveBegunWithin(elapsedMs, cpuSeconds, vcpus)).toBe(expected)
  })
})
