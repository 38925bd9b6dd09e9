import { spawn } from 'node:child_process'
import { resolve } from 'node:path'
import { text } from 'node:stream/consumers'

import { expect, test } from 'vitest'
import { z } from 'zod'

import { storePaces } from '../durability/store-book.js'

/** A few rounds of what test/durability does in full with the built store, while it is busy with each kind of its work. Needs root. */

const root = resolve(import.meta.dirname, '../..')
const outcome = z.object({
  rounds: z.number(),
  faultyRounds: z.number(),
  samplesPromised: z.number(),
  samplesReadBack: z.number(),
})

/** Runs the script with mounts of its own; gives its last line, and all that it said. */
async function durability(what: string): Promise<{ readonly last: z.output<typeof outcome>; readonly said: string }> {
  const words = ['--what', what, '--count', '3', '--chain', '3', '--seed', 'test']
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

const failures = ['power', 'kill'].flatMap((failure) => Object.keys(storePaces).map((work) => ({ failure, work })))

test.each(failures)(
  '$failure loss during $work takes nothing that was acked, and doubles nothing',
  async ({ failure, work }) => {
    const { last, said } = await durability(`${failure}-store-${work}`)
    expect(last, said).toMatchObject({ rounds: 3, faultyRounds: 0 })
    expect(last.samplesPromised).toBeGreaterThan(0)
    expect(last.samplesReadBack).toBeGreaterThanOrEqual(last.samplesPromised)
  },
  120_000,
)
