import { spawn } from 'node:child_process'
import { resolve } from 'node:path'
import { text } from 'node:stream/consumers'

import { describe, expect, it } from 'vitest'
import { z } from 'zod'

/**
 * A few rounds of what test/durability does in full: the built programs on a disk that loses its power, and what they know
 * afterwards. Needs root.
 */

const root = resolve(import.meta.dirname, '../..')
const outcome = z.object({
  rounds: z.number(),
  faultyRounds: z.number(),
  samplesPromised: z.number(),
  samplesReadBack: z.number(),
  reportsThatWaited: z.number(),
})

/** Runs the script with mounts of its own; gives its last line, and all that it said. */
async function durability(
  ...words: string[]
): Promise<{ readonly last: z.output<typeof outcome>; readonly said: string }> {
  const script = [process.execPath, '--import', 'tsx', 'test/durability/main.ts', ...words]
  const child = spawn('unshare', ['--mount', '--propagation', 'private', ...script], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [printed, complained] = await Promise.all([text(child.stdout), text(child.stderr)])
  const last = printed.trim().split('\n').at(-1) ?? ''
  if (!last.startsWith('{')) throw new Error(`${printed}${complained}`)
  return { last: outcome.parse(JSON.parse(last)), said: `${printed}${complained}` }
}

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
