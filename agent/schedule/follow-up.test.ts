import { describe, expect, it } from 'vitest'

import { FollowUp } from './follow-up.js'

/** Passes that end when the test says so, in the order of their beginning. */
function passes(): {
  readonly followUp: FollowUp
  /** What each was asked to read. */
  readonly asked: (readonly string[] | 'all')[]
  readonly finish: (index: number) => Promise<void>
} {
  const asked: (readonly string[] | 'all')[] = []
  const ends: (() => void)[] = []
  const followUp = new FollowUp((vmUuids) => {
    asked.push(vmUuids === undefined ? 'all' : [...vmUuids])
    return new Promise((resolve) => {
      ends.push(resolve)
    })
  })
  const finish = async (index: number): Promise<void> => {
    ends[index]?.()
    await new Promise((done) => setImmediate(done))
  }
  return { followUp, asked, finish }
}

describe('FollowUp', () => {
  it('reads the next VM at once though the pass over another hangs', () => {
    const { followUp, asked } = passes()
    followUp.ask(new Set(['stuck']))
    followUp.ask(new Set(['leaving']))
    expect(asked).toEqual([['stuck'], ['leaving']])
  })

  it('runs a few passes at once, and reads together what was asked for meanwhile', async () => {
    const { followUp, asked, finish } = passes()
    for (const vm of ['a', 'b', 'c', 'd', 'e', 'f', 'e']) followUp.ask(new Set([vm]))
    expect(asked).toEqual([['a'], ['b'], ['c'], ['d']])
    await finish(2)
    expect(asked.slice(4)).toEqual([['e', 'f']])
    await finish(0)
    expect(asked).toHaveLength(5)
  })

  it.each([
    ['no VM named', [[]]],
    ['too many', [Array.from({ length: 65 }, (_, n) => `vm${n}`)]],
    [
      'too many together',
      [Array.from({ length: 40 }, (_, n) => `vm${n}`), Array.from({ length: 40 }, (_, n) => `v${n}`)],
    ],
    ['all, and one', [[], ['one']]],
  ])('reads all: %s', async (_what, asks) => {
    const { followUp, asked, finish } = passes()
    for (const vm of ['a', 'b', 'c', 'd']) followUp.ask(new Set([vm]))
    for (const ask of asks) followUp.ask(new Set(ask))
    await finish(0)
    expect(asked.at(-1)).toBe('all')
  })

  it('lets what runs end, and begins nothing more', async () => {
    const { followUp, asked, finish } = passes()
    for (const vm of ['a', 'b', 'c', 'd', 'e']) followUp.ask(new Set([vm]))
    let ended = false
    const end = followUp.end().then(() => {
      ended = true
    })
    await finish(0)
    expect([asked.length, ended]).toEqual([4, false])
    for (const index of [1, 2, 3]) await finish(index)
    await end
    expect(asked).toHaveLength(4)
  })
})
