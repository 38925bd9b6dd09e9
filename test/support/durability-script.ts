import { spawn } from 'node:child_process'
import { resolve } from 'node:path'
import { text } from 'node:stream/consumers'

import { z } from 'zod'

const root = resolve(import.meta.dirname, '../..')
const outcome = z.object({
  rounds: z.number(),
  faultyRounds: z.number(),
  samplesPromised: z.number(),
  samplesReadBack: z.number(),
  reportsThatWaited: z.number(),
})

/** Runs test/durability/main.ts with mounts of its own; gives its last line, and all that it said. */
export async function durability(
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
