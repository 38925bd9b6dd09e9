import { appendFile, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

import { z } from 'zod'

import { createLog } from '../../common/log.js'
import { outage, type Outage } from './outage-trial.js'

const usage = `Takes the built controller away while agents read on, brings it back, and compares what it has then with what was made.

Usage: npx tsx test/durability/outage.ts [--minutes 10] [--agents 20] [--state-seconds 2] [--max-reports N]
         [--count 1] [--seed 1] [--results DIR] [--keep]

One agent simulates the elab fleet of five hosts, each further one a host with four VMs. --max-reports bounds the agents'
spools, so that the outage can be longer than they hold. With --results each round is written down there as a line of JSON,
and rounds that are there already are not run again. The last line printed is JSON. Exit code 1: something was lost that
should not have been, or it took too long.
`

/** The whole backlog has to be there by then. */
const caughtUpWithinMs = 60_000

const options = {
  minutes: { type: 'string', default: '10' },
  agents: { type: 'string', default: '20' },
  'state-seconds': { type: 'string', default: '2' },
  'max-reports': { type: 'string' },
  count: { type: 'string', default: '1' },
  seed: { type: 'string', default: '1' },
  results: { type: 'string' },
  keep: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const

const recordedLine = z.object({ round: z.string(), faults: z.array(z.string()) })

async function main(): Promise<void> {
  const { values } = parseArgs({ options })
  if (values.help) {
    console.log(usage)
    return
  }
  const stateMs = Number(values['state-seconds']) * 1000
  const maxReports = values['max-reports'] === undefined ? undefined : Number(values['max-reports'])
  const awayMs = Number(values.minutes) * 60_000
  const lines: z.output<typeof recordedLine>[] = []
  for (let index = 0; index < Number(values.count); index += 1) {
    const round = [values.seed, index, values.minutes, values.agents, stateMs, maxReports ?? 'default'].join(' ')
    const known = (await recorded(values.results)).find((one) => one.round === round)
    if (known !== undefined) {
      lines.push(known)
      continue
    }
    const data = await mkdtemp(join(tmpdir(), 'headroom-outage-'))
    try {
      const log = createLog('outage', 'silent')
      const agents = Number(values.agents)
      const seed = Number(values.seed) + index
      const found = await outage({ data, awayMs, agents, stateMs, maxReports, seed, log })
      const line = { round, ...found, faults: faultsOf(found, stateMs, maxReports) }
      lines.push(line)
      console.log(JSON.stringify(line))
      if (values.results !== undefined) {
        await mkdir(values.results, { recursive: true })
        await appendFile(join(values.results, 'outage.jsonl'), `${JSON.stringify(line)}\n`)
      }
    } finally {
      if (values.keep) console.log(`data and logs: ${data}`)
      else await rm(data, { recursive: true, force: true })
    }
  }
  const faults = lines.flatMap((line) => line.faults)
  console.log(JSON.stringify({ trial: 'outage', rounds: lines.length, faults }))
  if (faults.length > 0) process.exitCode = 1
}

/** What should not be, in words. */
function faultsOf(found: Outage, stateMs: number, maxReports: number | undefined): string[] {
  const { history, away, dropped, droppedShown, skippedBeats } = found
  const faults: string[] = []
  if (found.caughtUpAfterMs > caughtUpWithinMs) faults.push(`caught up only after ${found.caughtUpAfterMs} ms`)
  if (maxReports === undefined && dropped > 0) faults.push(`${dropped} reports were dropped`)
  if (maxReports !== undefined && dropped === 0) faults.push('the bound was not reached')
  if (dropped !== droppedShown) faults.push(`${dropped} reports were dropped, ${droppedShown} are shown`)
  // A beat that came late is no loss, nor is one that the agent missed; any other that is missing is a gap of two.
  if (history.largestGapMs >= stateMs * (1.9 + skippedBeats))
    faults.push(`nothing of a host for ${history.largestGapMs} ms`)
  if (away.worstDiskError > 1e-6) faults.push(`what came late of a disk is off by ${away.worstDiskError}`)
  if (Math.abs(history.integralBytes / history.writtenBytes - 1) > 0.01)
    faults.push('rates do not give what was written')
  return faults
}

async function recorded(results: string | undefined): Promise<z.output<typeof recordedLine>[]> {
  if (results === undefined) return []
  const text = await readFile(join(results, 'outage.jsonl'), 'utf8').catch(() => '')
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => recordedLine.parse(JSON.parse(line)))
}

await main()
