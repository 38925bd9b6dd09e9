import { expect, it } from 'vitest'

import { sendInParts, type PartVerdict } from './send-in-parts.js'

/** A server that refuses whole parts with a bad item in them; `sent` are the items of those that it took. */
async function send(items: readonly string[], verdict: (part: readonly string[]) => PartVerdict): Promise<unknown> {
  const sent: string[] = []
  let calls = 0
  const outcome = await sendInParts(items, 4, (part) => {
    calls += 1
    const found = verdict(part)
    if (found.is === 'taken') sent.push(...part)
    return Promise.resolve(found)
  })
  return { outcome, sent: sent.join(''), calls }
}

const refusing =
  (bad: string) =>
  (part: readonly string[]): PartVerdict =>
    part.some((item) => bad.includes(item)) ? { is: 'too-much', reason: 'bad line' } : { is: 'taken' }

it.each([
  ['nothing', '', refusing(''), { outcome: { is: 'stored' }, sent: '', calls: 0 }],
  ['all in order', 'abcdef', refusing(''), { outcome: { is: 'stored' }, sent: 'abcdef', calls: 2 }],
  [
    'all but the bad ones',
    'abcdefgh',
    refusing('bg'),
    { outcome: { is: 'stored', refused: { points: 2, reason: 'bad line' } }, sent: 'acdefh', calls: 10 },
  ],
  ['nothing is given up where nothing is taken', 'abc', refusing('abc'), { outcome: { is: 'failed' }, sent: '' }],
  ['nor where it is one', 'a', refusing('a'), { outcome: { is: 'failed', problem: 'bad line' }, calls: 1 }],
  [
    'a server that takes nothing is not asked for each',
    'x'.repeat(1000),
    refusing('x'),
    { outcome: { is: 'failed', problem: 'bad line' }, sent: '', calls: 18 },
  ],
  [
    'what it names it takes, and counts',
    'abcdef',
    (): PartVerdict => ({ is: 'taken', refused: { points: 1, reason: 'too old' } }),
    { outcome: { is: 'stored', refused: { points: 2, reason: 'too old' } }, calls: 2 },
  ],
  [
    'a failure ends it',
    'abcdefgh',
    (part: readonly string[]): PartVerdict =>
      part.includes('e') ? { is: 'failed', problem: 'gone' } : { is: 'taken' },
    { outcome: { is: 'failed', problem: 'gone' }, sent: 'abcd', calls: 2 },
  ],
])('%s', async (_what, items, verdict, expected) => {
  expect(await send(items.split(''), verdict)).toMatchObject(expected)
})
