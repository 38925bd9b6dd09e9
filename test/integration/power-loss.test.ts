import { describe, expect, it } from 'vitest'

import { durability } from '../support/durability-script.js'

/**
 * A few rounds of what test/durability does in full: the built programs on a disk that loses its power, and what they know
 * afterwards. Needs root.
 */

describe('a power loss', () => {
  it('takes no sample that the controller acked, and doubles none', async () => {
    const { last, said } = await durability('--what', 'power-controller', '--count', '3', '--seed', 'test')
    expect(last, said).toMatchObject({ rounds: 3, faultyRounds: 0 })
    expect(last.samplesPromised).toBeGreaterThan(50)
    expect(last.samplesReadBack).toBeGreaterThanOrEqual(last.samplesPromised)
  }, 180_000)

  it("takes no report that waited on the agent's disk, nor who the agent is", async () => {
    const { last, said } = await durability(
      '--what',
      'power-agent',
      '--count',
      '2',
      '--seed',
      'c',
      '--file-systems',
      'ext2',
    )
    expect(last, said).toMatchObject({ rounds: 2, faultyRounds: 0 })
    expect(last.reportsThatWaited).toBeGreaterThan(0)
    expect(last.samplesReadBack).toBeGreaterThanOrEqual(last.samplesPromised)
  }, 180_000)
})
