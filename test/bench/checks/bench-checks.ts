import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

import { rolldown } from 'rolldown'
import { z } from 'zod'

/**
 * What all checks and the step of alerts take each second in a large fleet, by what ails it and by how much of it is told anew each second. Each row is
 * measured in a process of its own, compiled as the product is: the test runner's compiler names every function that is made, which costs.
 */
const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: 'well/all,well/lanes,storm/all,storm/lanes' },
    vms: { type: 'string', default: '5000' },
    ticks: { type: 'string', default: '200' },
    seed: { type: 'string', default: '1' },
    // Of V8: `controller` are those of controller/run.sh; `--flags="--cpu-prof --cpu-prof-dir=DIR"` shows where the time goes.
    flags: { type: 'string', default: '' },
  },
})
const barMs = 50
/** The fleet that an operator has, with every figure told anew between two ticks. */
const rowOfBar = 'well/all'

const measured = z.object({ whole: z.object({ p50Ms: z.number(), p99Ms: z.number() }) }).loose()

const directory = mkdtempSync(join(tmpdir(), 'bench-checks-'))
try {
  const program = await compiled(join(import.meta.dirname, 'measure-checks.ts'), directory)
  const rows: Record<string, z.infer<typeof measured>> = {}
  for (const row of values.rows.split(',')) rows[row] = measure(program, row)
  const p99Ms = rows[rowOfBar]?.whole.p99Ms
  console.log(
    JSON.stringify({
      bench: 'checks',
      flags: values.flags,
      rows,
      barMs,
      rowOfBar,
      met: p99Ms === undefined ? null : p99Ms <= barMs,
    }),
  )
} finally {
  rmSync(directory, { recursive: true, force: true })
}

async function compiled(input: string, dir: string): Promise<string> {
  const bundle = await rolldown({ input, platform: 'node', logLevel: 'warn' })
  const { output } = await bundle.write({ dir, format: 'esm', sourcemap: true, entryFileNames: 'measure.mjs' })
  await bundle.close()
  return join(dir, output[0].fileName)
}

function measure(program: string, row: string): z.infer<typeof measured> {
  const [load = 0] = loadavg()
  const flags = values.flags === 'controller' ? controllersFlags() : values.flags.split(' ').filter((one) => one !== '')
  const { vms, ticks, seed } = values
  const done = spawnSync(
    process.execPath,
    [...flags, program, '--row', row, '--vms', vms, '--ticks', ticks, '--seed', seed],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], cwd: join(import.meta.dirname, '../../..') },
  )
  if (done.status !== 0) throw new Error(`${row} ended with ${done.status ?? done.signal}`)
  const figures = measured.parse(JSON.parse(done.stdout))
  const { p50Ms, p99Ms } = figures.whole
  console.log(
    `${row.padEnd(12)} p50 ${p50Ms} ms, p99 ${p99Ms} ms, load before ${load.toFixed(1)} ${done.stdout.trim()}`,
  )
  return figures
}

function controllersFlags(): string[] {
  const text = readFileSync(join(import.meta.dirname, '../../../controller/run.sh'), 'utf8')
  return /^early="(.*)"$/m.exec(text)?.[1]?.split(' ') ?? []
}
