import { readFileSync } from 'node:fs'

import { z } from 'zod'

/** What hbal did with the fleets of `ganetiFleet`, recorded: its runs at 40 hosts take a minute and more each. */
const schema = z.strictObject({
  tool: z.string(),
  runs: z.array(
    z.strictObject({
      hosts: z.number(),
      seed: z.number(),
      mode: z.enum(['default', 'ignore-dynu', 'util']),
      before: z.number(),
      /** Number of moves, and the score after so many. */
      at: z.array(z.tuple([z.number(), z.number()])),
      cpuSeconds: z.number(),
    }),
  ),
})

export type HbalRun = z.output<typeof schema>['runs'][number]

export const hbalRuns: readonly HbalRun[] = schema.parse(
  JSON.parse(readFileSync(new URL('hbal-runs.json', import.meta.url), 'utf8')),
).runs
