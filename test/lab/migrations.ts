import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'

import { startFleetOnLab } from '../support/fleet-on-lab.js'
import { startLab } from './lab.js'
import { migrationTrial, type Trial } from './migration-trial.js'

const usage = `Moves a guest that writes from host to host, with the built controller and agents on all hosts; needs root and a build.

Usage: npx tsx test/lab/migrations.ts [--count 20] [--seed TEXT] [--hosts 3] [--kib 4096] [--rest MS] [--details] [--keep]

The last line is JSON: the longest time from virsh's end to the API, the largest gap of the VM's series, and how far the
integral of its write rate is off what the guest wrote. Exit code 1: something of that is over its bar.
`

/** From virsh's end to the API. */
const appearsWithinMs = 2000
/** One series: a state beat and the move itself lie between two points at most. */
const mostGapMs = 4000
/** Of the integral against what the guest wrote. */
const mostError = 0.01

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      count: { type: 'string', default: '20' },
      seed: { type: 'string', default: '1' },
      hosts: { type: 'string', default: '3' },
      kib: { type: 'string', default: '4096' },
      rest: { type: 'string', default: '1500' },
      details: { type: 'boolean', default: false },
      keep: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    console.log(usage)
    return
  }
  const { seed } = values
  const data = await mkdtemp(path.join(tmpdir(), 'headroom-migrations-'))
  const lab = await startLab({ hosts: Number(values.hosts), guests: 3, seed })
  try {
    const fleet = await startFleetOnLab(lab, data)
    try {
      const trial = await migrationTrial(lab, fleet, lab.guest('vm1'), {
        count: Number(values.count),
        seed,
        kibPerSecond: Number(values.kib),
        restMs: Number(values.rest),
      })
      if (values.details) for (const migration of trial.migrations) console.log(JSON.stringify(migration))
      const { migrations, trace, ...figures } = trial
      if (values.details) console.log(JSON.stringify(trace))
      const most = (numbers: readonly number[]): number => Math.max(0, ...numbers)
      console.log(
        JSON.stringify({
          trial: 'migrations',
          seed,
          count: migrations.length,
          appearedAfterMsMax: most(migrations.map(({ appearedAfterMs }) => appearedAfterMs)),
          tookMsMax: most(migrations.map(({ tookMs }) => tookMs)),
          downtimeMsMax: most(migrations.map(({ downtimeMs }) => downtimeMs ?? 0)),
          ...figures,
          faults: faultsOf(trial),
        }),
      )
      if (faultsOf(trial).length > 0) process.exitCode = 1
    } finally {
      await fleet.stop()
    }
  } finally {
    await lab.stop()
    if (values.keep) console.log(`controller's data and logs: ${data}`)
    else await rm(data, { recursive: true, force: true })
  }
}

/** What is over its bar, in words. */
function faultsOf({ migrations, largestGapMs, relativeError, pointsApart }: Trial): string[] {
  const late = migrations.filter(({ appearedAfterMs }) => appearedAfterMs > appearsWithinMs)
  return [
    ...late.map(({ to, appearedAfterMs }) => `on ${to} only after ${appearedAfterMs} ms`),
    ...(largestGapMs > mostGapMs ? [`nothing for ${largestGapMs} ms`] : []),
    ...(Math.abs(relativeError) > mostError ? [`the integral is off by ${(relativeError * 100).toFixed(2)} %`] : []),
    ...(pointsApart > 0 ? [`${pointsApart} points were kept apart`] : []),
  ]
}

await main()
