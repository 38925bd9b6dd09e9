import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, expect, it } from 'vitest'
import { z } from 'zod'

import { ganetiFleet } from '../../../test/bench/planner/ganeti-fleet.js'
import { hbalRuns } from '../../../test/bench/planner/hbal-runs.js'
import { runCliHere, type CliRun } from '../../../test/support/cli/run-cli.js'

const planSchema = z.object({
  scoreBefore: z.number(),
  scoreAfter: z.number(),
  moves: z.array(z.strictObject({ vm: z.string(), from: z.string(), to: z.string() })),
  placement: z.record(z.string(), z.string()),
  cpuSeconds: z.number().positive(),
})

let directory = ''
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'headroom-plan-'))
})
afterAll(() => rmSync(directory, { recursive: true }))

function filesOf(seed: number, hosts: number): { readonly fleet: string; readonly loads: string } {
  const { text, utilisation } = ganetiFleet(seed, { hosts, vmsPerHost: 12 })
  const [fleet, loads] = [join(directory, `${hosts}-${seed}.txt`), join(directory, `${hosts}-${seed}.util`)]
  writeFileSync(fleet, text)
  writeFileSync(loads, utilisation)
  return { fleet, loads }
}

function rebalance(fleet: string, ...more: readonly string[]): Promise<CliRun> {
  return runCliHere(['plan', 'rebalance', '--from', fleet, '--format', 'ganeti', ...more], {})
}

it.each(hbalRuns.filter(({ hosts, seed }) => hosts === 10 && seed < 3))(
  'is no worse than hbal at its own number of moves, and counts as it does: $hosts hosts, seed $seed, $mode',
  async ({ hosts, seed, mode, before, at }) => {
    const { fleet, loads } = filesOf(seed, hosts)
    const words = { default: [], 'ignore-dynu': ['--ignore-dynu'], util: ['--util', loads] }[mode]
    for (const [moves, score] of at) {
      const { stdout } = await rebalance(fleet, '--json', '--max-moves', String(moves), ...words)
      const plan = planSchema.parse(JSON.parse(stdout))
      expect(plan.scoreBefore).toBeCloseTo(before, 7)
      expect(plan.scoreAfter).toBeLessThanOrEqual(score)
      expect(plan.moves.length).toBeLessThanOrEqual(moves)
      for (const { vm, to } of plan.moves) expect(plan.placement[vm]).toBe(to)
    }
  },
)

it('shows a person the moves and what they gain', async () => {
  const { stdout, code } = await rebalance(filesOf(2, 10).fleet, '--max-moves', '2')
  expect(code).toBe(0)
  expect(stdout).toMatch(/# +VM +FROM +TO\n1 +vm39 +node3 +node9\n/)
  expect(stdout).toMatch(/Before +█+ +26\.8534\nAfter +█+░+ +\d+\.\d{4}\n/)
})

it('says what is wrong with a file, and that there is none', async () => {
  const bad = join(directory, 'bad.txt')
  writeFileSync(bad, 'g|u|preferred||\n\nn|much|0|0|0|0|1|N|u\n\n\n\n')
  const refused = await rebalance(bad)
  expect(refused.code).toBe(1)
  expect(refused.stderr).toContain(`${bad}:3: node.tmem: expected a number of at least 1, got much`)
  expect((await rebalance(join(directory, 'none'))).stderr).toContain('cannot be read')
})
