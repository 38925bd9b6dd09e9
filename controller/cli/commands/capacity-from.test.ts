import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { afterAll, beforeAll, expect, it } from 'vitest'
import { z } from 'zod'

import { ganetiFleet } from '../../../test/bench/planner/ganeti-fleet.js'
import { runCliHere, type CliRun } from '../../../test/support/cli/run-cli.js'

const elab = fileURLToPath(new URL('../../../deploy/fleets/elab.yaml', import.meta.url))
const fitsSchema = z.object({
  fits: z.number(),
  exact: z.literal(true),
  hosts: z.array(z.object({ room: z.number() })),
})

let directory = ''
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'headroom-rooms-'))
})
afterAll(() => rmSync(directory, { recursive: true }))

function capacity(...words: readonly string[]): Promise<CliRun> {
  return runCliHere(['capacity', ...words], {})
}

it.each([
  [[], [0, 0, 0, 1, 3], 4],
  [['--profile', 'memory=512MiB'], [0, 0, 0, 2, 6], 8],
  [['--vcpus-per-core', '2'], [0, 0, 0, 0, 3], 3],
  [['--add-memory', 'xenhv02=8GiB', '--grow', '10%'], [0, 7, 0, 0, 2], 9],
  [['--add-host', 'memory=16GiB,cores=4,count=2', '--remove-host', 'xenhv03'], [0, 0, 0, 1, 3, 12, 14], 30],
])('counts in the file of the elab: %j', async (words, rooms, fits) => {
  const { stdout } = await capacity('--from', elab, '--json', ...words)
  const view = fitsSchema.parse(JSON.parse(stdout))
  expect(view.hosts.map(({ room }) => room)).toEqual(rooms)
  expect(view.fits).toBe(fits)
})

// What hspace of ganeti-htools 3.0.2 allocates with --standard-alloc=1024,4096,2, without and with its checks of capacity.
it.each([
  [5, 1, [], 76],
  [5, 1, ['--n1'], 30],
  [10, 1, [], 201],
])('counts as many as hspace allocates: %i nodes, seed %i, %j', async (hosts, seed, words, fits) => {
  const file = join(directory, `${hosts}-${seed}.txt`)
  writeFileSync(file, ganetiFleet(seed, { hosts, vmsPerHost: 12 }).text)
  const { stdout } = await capacity(
    '--from',
    file,
    '--format',
    'ganeti',
    '--profile',
    'memory=4GiB,vcpus=2',
    '--json',
    ...words,
  )
  expect(fitsSchema.parse(JSON.parse(stdout)).fits).toBe(fits)
})

it('shows a person the rooms and what is not borne', async () => {
  const { stdout, code } = await capacity('--from', elab, '--n1')
  expect(code).toBe(0)
  expect(stdout).toMatch(/xenhv04 +1 +0\n/)
  expect(stdout).toContain('kept in reserve, no new VMs are counted there: xenhv03')
  expect(stdout).toContain('room for 0 new VMs of 1 GiB and 1 virtual CPU, any host lost')
  expect(stdout).toContain('if xenhv04 is lost, ')
})

it.each([
  [['--remove-host', 'xenhv9'], 2, 'no host of the fleet is called xenhv9'],
  [['--profile', 'vcpus=2'], 2, 'Expected memory, as in memory=4GiB,vcpus=2'],
  [['--profile', 'memory=4'], 2, 'Expected memory, vcpus, disk as in memory=4GiB,vcpus=2; got memory=4'],
  [['--add-host', 'memory=4GiB'], 2, 'Expected both, as in memory=64GiB,cores=16'],
  [['--fail', '5'], 2, '5 of 5 hosts cannot be lost with something left: expected at most 4'],
  [['--grow', 'much'], 2, 'Expected a percentage, such as 20%'],
])('refuses %j', async (words, code, message) => {
  const run = await capacity('--from', elab, ...words)
  expect(run.code).toBe(code)
  expect(run.stderr).toContain(message)
})

const catalog = fileURLToPath(new URL('../../../deploy/fleets/catalog.yaml', import.meta.url))

it.each([
  [['--n1', '--grow', '10%'], '--n1, --grow would not count: they are for a fleet in a file, --from'],
  [['--format', 'ganeti'], '--format would not count'],
  [['--from', elab, '--check', '--reserve', '1GiB'], '--reserve, --check would not count: a file has its own policy'],
  [
    ['buy', '--from', elab, '--catalog', catalog, '--new-vms', '1', '--fail', '2'],
    '--fail would not count: --losses says',
  ],
  [['forecast', '--n1'], '--n1 would not count: a forecast is'],
])('refuses what would not count: %j', async (words, message) => {
  const run = await capacity(...words)
  expect(run.code).toBe(2)
  expect(run.stderr).toContain(message)
})

it('buys with what counts', async () => {
  const words = ['--from', elab, '--profile', 'memory=2GiB', '--catalog', catalog, '--grow', '10%', '--losses', '0']
  const run = await capacity('buy', ...words)
  expect(run.stderr).toBe('')
  expect(run.code).toBe(0)
})
