import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { afterAll, beforeAll, expect, it } from 'vitest'
import { z } from 'zod'

import { runCliHere, type CliRun } from '../../../test/support/cli/run-cli.js'

const elab = fileURLToPath(new URL('../../../deploy/fleets/elab.yaml', import.meta.url))
const viewSchema = z.object({
  done: z.number(),
  steps: z.array(z.object({ text: z.string() })),
  left: z.array(z.unknown()),
})

let directory = ''
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'headroom-grow-'))
})
afterAll(() => rmSync(directory, { recursive: true }))

function grow(...words: readonly string[]): Promise<CliRun> {
  return runCliHere(['plan', 'grow', ...words], {})
}

const wanted = [
  '--add-host',
  'name=xenhv05,memory=32GiB,cores=8',
  '--add-memory',
  'xenhv01=8GiB',
  '--add-memory',
  'xenhv02=8GiB',
]

it('keeps a plan and goes on with it, checked against the fleet each time', async () => {
  const plan = join(directory, 'plan.json')
  const first = viewSchema.parse(JSON.parse((await grow('--from', elab, ...wanted, '--plan', plan, '--json')).stdout))
  expect(first.left).toEqual([])
  expect(first.steps[0]?.text).toBe('put in xenhv05, like xenhv01, for core')
  const again = await grow('--from', elab, '--plan', plan, '--done', '3')
  expect(again.stdout).toContain(`${first.steps.length - 3} steps are left`)
  const third = viewSchema.parse(JSON.parse((await grow('--from', elab, '--plan', plan, '--json')).stdout))
  expect(third).toMatchObject({ done: 3, steps: first.steps })

  const other = join(directory, 'fleet.yaml')
  writeFileSync(
    other,
    readFileSync(elab, 'utf8').replace(/(name: lupin, .*memoryMiB: )1024/u, (_, before: string) => `${before}40960`),
  )
  const refused = await grow('--from', other, '--plan', plan)
  expect(refused.code).toBe(4)
  expect(refused.stderr).toMatch(/step \d+ \(.*\) is not allowed: .* short on \w+ \(into-reserve\)/)
})

it('says what is missing, and what is no plan', async () => {
  expect((await grow('--from', elab)).stderr).toContain('say what is to come: --add-host or --add-memory')
  const bad = join(directory, 'bad.json')
  writeFileSync(bad, '{}')
  expect((await grow('--from', elab, '--plan', bad)).stderr).toContain('is no plan of headroom plan grow')
})
