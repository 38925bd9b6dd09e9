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
  const again = await grow('--from', elab, '--plan', plan)
  expect(again.stdout).toContain(`${first.steps.length} steps are left`)

  const other = join(directory, 'fleet.yaml')
  writeFileSync(
    other,
    readFileSync(elab, 'utf8').replace(/(name: lupin, .*memoryMiB: )1024/u, (_, before: string) => `${before}40960`),
  )
  const refused = await grow('--from', other, '--plan', plan)
  expect(refused.code).toBe(4)
  expect(refused.stderr).toMatch(/step \d+ \(.*\) is not allowed: .* short on \w+ \(into-reserve\)/)

  const more = await grow('--from', elab, '--plan', plan, '--add-memory', 'xenhv03=8GiB')
  expect(more.code).toBe(2)
  expect(more.stderr).toContain('--add-host and --add-memory would not count')
})

/** Two hosts that see one array, as they are after so many steps. */
function smallFleet(hostOfMail: string, memoryOfA: number): string {
  const host = 'cores: 4, mhz: 2400, hypervisor: xen, version: "3.4.3", os: CentOS 5.6, role: core'
  return `name: small
hosts:
  - { name: a, memoryMiB: ${memoryOfA}, ${host} }
  - { name: b, memoryMiB: 16384, ${host} }
arrays:
  - { name: box, kind: iscsi, sizeGB: 1000, hosts: [a, b] }
vms:
  - { name: mail, host: ${hostOfMail}, group: none, memoryMiB: 1024, vcpus: 1, storage: box }
`
}

it('checks what is left against the fleet as it is by then', async () => {
  const [plan, fleet] = [join(directory, 'small.json'), join(directory, 'small.yaml')]
  const at = async (done: number, hostOfMail: string, memoryOfA: number) => {
    writeFileSync(fleet, smallFleet(hostOfMail, memoryOfA))
    return grow('--from', fleet, '--plan', plan, '--done', String(done), '--json')
  }
  writeFileSync(fleet, smallFleet('a', 8192))
  const made = await grow('--from', fleet, '--add-memory', 'a=8GiB', '--plan', plan, '--json')
  const texts = viewSchema.parse(JSON.parse(made.stdout)).steps.map(({ text }) => text)
  expect(texts.slice(0, 4)).toEqual(['mail: a → b, live', 'shut down a', 'memory into a', 'start a'])
  for (const [done, hostOfMail, memoryOfA] of [
    [1, 'b', 8192],
    [2, 'b', 8192],
    [3, 'b', 16384],
    [4, 'b', 16384],
  ] as const) {
    const run = await at(done, hostOfMail, memoryOfA)
    expect(run.stderr, `after step ${done}`).toBe('')
    expect(viewSchema.parse(JSON.parse(run.stdout)).done).toBe(done)
  }
  const back = await at(1, 'a', 8192)
  expect(back.stderr).toContain('step 2 (shut down a) is not allowed: mail still run')
})

it('says what is missing, and what is no plan', async () => {
  expect((await grow('--from', elab)).stderr).toContain('say what is to come: --add-host or --add-memory')
  const bad = join(directory, 'bad.json')
  writeFileSync(bad, '{}')
  expect((await grow('--from', elab, '--plan', bad)).stderr).toContain('is no plan of headroom plan grow')
})
