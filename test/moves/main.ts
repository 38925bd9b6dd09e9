import { parseArgs } from 'node:util'

import fc from 'fast-check'

import type { Told } from '../support/move-world.js'
import { faultsOf, inAnyOrder, tellings } from './told-in-any-order.js'

const usage = `Plays moves of a VM from host to host, told late and in time and in any order, and compares the VM's series with
what it wrote. Times of what fails are in milliseconds since its beginning.

Usage: npx tsx test/moves/main.ts [--seed 1] [--seeds 1] [--count 300] [--skew-ms 0]

Each of so many seeds, from --seed on, gives --count journeys. With --skew-ms hosts' clocks differ from ours by as much.
The last line printed is JSON. Exit code 1: a series was wrong.
`

function main(): void {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string', default: '1' },
      seeds: { type: 'string', default: '1' },
      count: { type: 'string', default: '300' },
      'skew-ms': { type: 'string', default: '0' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    console.log(usage)
    return
  }
  const seed = wholeNumber('seed', values.seed)
  const seeds = wholeNumber('seeds', values.seeds)
  const count = wholeNumber('count', values.count)
  const skewMs = wholeNumber('skew-ms', values['skew-ms'])
  const failed: number[] = []
  for (let one = seed; one < seed + seeds; one += 1) {
    const property = fc.property(tellings(skewMs), (telling) => faultsOf(telling).length === 0)
    const { counterexample } = fc.check(property, { seed: one, numRuns: count })
    if (counterexample === null) continue
    failed.push(one)
    const [telling] = counterexample
    console.log(
      `seed ${one}; away: ${telling.journey.hosts.filter((_, index) => telling.away[index]).join(' ') || 'none'}`,
    )
    for (const told of inAnyOrder(telling)) console.log(lineOf(told))
    for (const fault of faultsOf(telling)) console.log(fault)
  }
  console.log(JSON.stringify({ seed, seeds, count, skewMs, failed }))
  if (failed.length > 0) process.exitCode = 1
}

function wholeNumber(option: string, text: string): number {
  const value = Number(text)
  if (text === '' || !Number.isSafeInteger(value) || value < 0) {
    throw new Error(`--${option}: expected a whole number, got ${text}`)
  }
  return value
}

function lineOf({ host, arrivesMs, report: { atMs, lane, vms = [], events = [] } }: Told): string {
  const what = [
    ...events.map(({ kind, reason }) => `${kind} ${reason}`),
    ...vms.map(
      ({ runId, state, disks }) => `${runId} ${state ?? ''} wrote ${disks[0]?.totals['writeBytes'] ?? 'nothing'}`,
    ),
  ]
  return `  ${host} ${atMs}, told ${arrivesMs}, ${lane}: ${what.join(', ')}`
}

main()
