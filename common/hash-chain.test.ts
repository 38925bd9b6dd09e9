import { describe, expect, it } from 'vitest'

import { witnessed, type ChainMark } from './hash-chain.js'

const mark = (entries: number, hash = `h${entries}`, logId = 'log'): ChainMark => ({ logId, entries, hash })

describe('what was seen of a log', () => {
  it.each<[string, ChainMark, ChainMark | undefined, ChainMark, RegExp | undefined]>([
    ['moves to what follows it', mark(7), mark(5), mark(7), undefined],
    ['stays where nothing is shown', mark(7), undefined, mark(5), undefined],
    ['stays where another entry is shown', mark(7), mark(4), mark(5), undefined],
    ['stays where another log is shown', mark(7), mark(5, 'h5', 'other'), mark(5), undefined],
    ['finds another entry', mark(7), mark(5, 'x'), mark(5), /entry 5 is not the one/],
    ['finds another end', mark(5, 'x'), undefined, mark(5), /entry 5 is not the one/],
    ['finds a cut tail', mark(4), mark(4), mark(5), /its tail is missing/],
    ['finds another log', mark(7, 'h7', 'other'), mark(5), mark(5), /it is another log/],
  ])('%s', (_what, head, again, seen, wrong) => {
    const after = witnessed({ seen: mark(5) }, head, again, 0)
    expect(after.seen).toEqual(seen)
    expect(after.wrong ?? '').toMatch(wrong ?? /^$/)
  })

  it('must be shown within a minute of growth', () => {
    const first = witnessed({ seen: mark(5) }, mark(7), undefined, 1000)
    const second = witnessed(first, mark(8), undefined, 61_000)
    expect(second).toEqual({ seen: mark(5), unprovenSinceMs: 1000 })
    expect(witnessed(second, mark(9), mark(5), 61_001)).toEqual({ seen: mark(9) })
    const late = witnessed(second, mark(9), undefined, 61_001)
    expect(late).toMatchObject({ seen: mark(5), wrong: 'it has 9 entries, and does not show entry 5, which was seen' })
    // Nothing that is said later makes it good.
    expect(witnessed(late, mark(10), mark(5), 62_000)).toEqual(late)
  })
})
