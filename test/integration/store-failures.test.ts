import { expect, test } from 'vitest'

import { storePaces } from '../durability/store-book.js'
import { durability } from '../support/durability-script.js'

/** A few rounds of what test/durability does in full with the built store, while it is busy with each kind of its work. Needs root. */

const short = ['--count', '3', '--chain', '3', '--seed', 'test']
const failures = ['power', 'kill'].flatMap((failure) => Object.keys(storePaces).map((work) => ({ failure, work })))

test.each(failures)(
  '$failure loss during $work takes nothing that was acked, and doubles nothing',
  async ({ failure, work }) => {
    const { last, said } = await durability(...short, '--what', `${failure}-store-${work}`)
    expect(last, said).toMatchObject({ rounds: 3, faultyRounds: 0 })
    expect(last.samplesPromised).toBeGreaterThan(0)
    expect(last.samplesReadBack).toBeGreaterThanOrEqual(last.samplesPromised)
  },
  120_000,
)
