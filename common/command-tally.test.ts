import { expect, it } from 'vitest'

import { CommandTally } from './command-tally.js'

it('counts ends by verb, and the time of those that had begun', () => {
  const tally = new CommandTally()
  tally.add('start', 'succeeded', 1500)
  tally.add('start', 'succeeded', 500)
  tally.add('start', 'refused', undefined)
  tally.add('start', 'failed', -5000)
  for (const verb of ['format', 'x'.repeat(99), 'toString']) tally.add(verb, 'refused', undefined)
  expect(tally.rows()).toEqual([
    { verb: 'start', end: 'succeeded', count: 2, seconds: 2 },
    { verb: 'start', end: 'refused', count: 1, seconds: 0 },
    { verb: 'start', end: 'failed', count: 1, seconds: 0 },
    { verb: 'unknown', end: 'refused', count: 3, seconds: 0 },
  ])
})
