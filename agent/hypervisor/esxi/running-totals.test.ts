import { describe, expect, it } from 'vitest'

import { advance, cpuSecondsOfEarlierLife, type Growth, type RunningTotals } from './running-totals.js'

const t0 = 1_800_000_000_000

/** An interval that ended `seconds` after the beginning. */
function growth(seconds: number, readBytes: number): Growth {
  return { atMs: t0 + seconds * 1000, intervalMs: 20_000, added: { cpuSeconds: 1, readBytes } }
}

const life = { beganAtMs: undefined, hasCpu: true }
const known: RunningTotals = { runId: 'run', atMs: t0, totals: { cpuSeconds: 100, readBytes: 1000 } }

function told(
  state: RunningTotals | undefined,
  growths: readonly Growth[],
  options: Parameters<typeof advance>[2] = life,
) {
  return advance(state, growths, options).told.map(({ runId, atMs, totals, isBegin }) => [
    (atMs - t0) / 1000,
    totals['readBytes'],
    runId === 'run' ? 'same run' : isBegin ? 'begin' : 'new run',
  ])
}

describe('advance', () => {
  it('adds up', () => {
    expect(told(known, [growth(20, 5), growth(40, 7)])).toEqual([
      [20, 1005, 'same run'],
      [40, 1012, 'same run'],
    ])
  })

  it('counts no interval twice', () => {
    expect(told(known, [growth(-20, 9), growth(0, 9), growth(3, 9), growth(20, 5)])).toEqual([[20, 1005, 'same run']])
  })

  it('ends the run at a hole, and tells where the next begins', () => {
    expect(told(known, [growth(20, 5), growth(80, 7)])).toEqual([
      [20, 1005, 'same run'],
      [60, 0, 'begin'],
      [80, 7, 'new run'],
    ])
  })

  it('begins before the first interval of what was never counted', () => {
    expect(told(undefined, [growth(20, 5)])).toEqual([
      [0, 0, 'begin'],
      [20, 5, 'new run'],
    ])
  })

  it('begins at 0 with the VM, if that was started since, and with more CPU time than any could use if not', () => {
    const started = advance(known, [growth(80, 5)], { beganAtMs: t0 + 65_000, hasCpu: true })
    expect(started.told.map(({ isBegin, totals }) => [isBegin, totals])).toEqual([
      [false, { cpuSeconds: 1, readBytes: 5 }],
    ])
    const hole = advance(known, [growth(80, 5)], { beganAtMs: t0 - 1, hasCpu: true })
    expect(hole.told.at(-1)?.totals['cpuSeconds']).toBe(cpuSecondsOfEarlierLife + 1)
  })

  it('leaves out what was not measured, and keeps its total', () => {
    const silent: Growth = { ...growth(20, 0), added: { cpuSeconds: 1 } }
    expect(told(known, [silent, growth(40, 7)])).toEqual([
      [20, undefined, 'same run'],
      [40, 1007, 'same run'],
    ])
  })

  it('gives the same totals when it goes over the same intervals again', () => {
    const first = advance(known, [growth(20, 5), growth(40, 7)], life)
    expect(advance(known, [growth(20, 5), growth(40, 7)], life)).toEqual(first)
  })
})
