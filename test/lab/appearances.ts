import { appendFile, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'

import { z } from 'zod'

import { vmView } from '../../controller/api/views.js'
import { startFleetOnLab, type FleetOnLab } from '../support/fleet-on-lab.js'
import { waitFor } from '../support/wait-for.js'
import { startLab } from './lab.js'
import { misplaced, placementsOf } from './placement.js'

const usage = `How long it takes until every guest of a new lab is on the API, with its host, array and LUN; needs root and a build.

Usage: npx tsx test/lab/appearances.ts [--count 3] [--seed TEXT] [--hosts 3] [--guests 6] [--disks 256,64]
         [--agents with-machines|after-up] [--results DIR]

The controller and the agents start with the machines, as they would in life, or after the lab is up. Times are from the lab's
start and from its end; the latter is 0 if all guests were there before. With --results each round is written down there as a
line of JSON, and rounds that are there already are not run again. The last line printed is JSON. Exit code 1: something was
not as virsh, the domains' XML and the iSCSI target say, or took longer than 20 s.
`

const withinMs = 20_000
const waitAtMostMs = 60_000

const vmList = z.object({ vms: z.array(vmView) })

const line = z.object({
  round: z.string(),
  upMs: z.number(),
  allAfterStartMs: z.number(),
  allAfterUpMs: z.number(),
  faults: z.array(z.string()),
})
type Line = z.output<typeof line>

interface Order {
  readonly hosts: number
  readonly guests: number
  readonly disksMiB: readonly number[]
  readonly agents: 'with-machines' | 'after-up'
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      count: { type: 'string', default: '3' },
      seed: { type: 'string', default: '1' },
      hosts: { type: 'string', default: '3' },
      guests: { type: 'string', default: '6' },
      disks: { type: 'string', default: '256,64' },
      agents: { type: 'string', default: 'with-machines' },
      results: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    console.log(usage)
    return
  }
  const order: Order = {
    hosts: Number(values.hosts),
    guests: Number(values.guests),
    disksMiB: values.disks.split(',').map(Number),
    agents: z.enum(['with-machines', 'after-up']).parse(values.agents),
  }
  const lines: Line[] = []
  for (let index = 0; index < Number(values.count); index += 1) {
    const round = `${values.seed} ${index} ${JSON.stringify(order)}`
    const known = (await recorded(values.results)).find((one) => one.round === round)
    if (known !== undefined) {
      lines.push(known)
      continue
    }
    const measured = { round, ...(await measure(order, `${values.seed} ${index}`)) }
    lines.push(measured)
    console.log(JSON.stringify(measured))
    if (values.results !== undefined) {
      await mkdir(values.results, { recursive: true })
      await appendFile(path.join(values.results, 'appearances.jsonl'), `${JSON.stringify(measured)}\n`)
    }
  }
  const most = (of: (one: Line) => number): number => Math.max(0, ...lines.map((one) => of(one)))
  const faults = lines.flatMap((one) => one.faults)
  const summary = {
    trial: 'appearances',
    ...order,
    rounds: lines.length,
    upMsMax: most(({ upMs }) => upMs),
    allAfterStartMsMax: most(({ allAfterStartMs }) => allAfterStartMs),
    allAfterUpMsMax: most(({ allAfterUpMs }) => allAfterUpMs),
    faults,
  }
  console.log(JSON.stringify(summary))
  if (faults.length > 0 || summary.allAfterUpMsMax > withinMs) process.exitCode = 1
}

/** One lab from nothing, and its end. */
async function measure({ agents, ...shape }: Order, seed: string): Promise<Omit<Line, 'round'>> {
  const data = await mkdtemp(path.join(tmpdir(), 'headroom-appearances-'))
  let fleet: FleetOnLab | undefined
  try {
    let seen: Promise<number> | undefined
    const began = performance.now()
    const watch = async (of: FleetOnLab): Promise<number> => {
      fleet = of
      return allThere(of, shape.guests)
    }
    const lab = await startLab({
      ...shape,
      seed,
      onMachines: async (machines) => {
        if (agents === 'after-up') return
        seen = watch(await startFleetOnLab(machines, data))
        // Whoever awaits it later hears of its failure.
        seen.catch(() => undefined)
      },
    })
    try {
      const upMs = performance.now() - began
      seen ??= watch(await startFleetOnLab(lab, data))
      const at = await seen
      if (fleet === undefined) throw new Error('no controller')
      const { vms } = vmList.parse(await fleet.api('/api/v1/vms'))
      return {
        upMs: Math.round(upMs),
        allAfterStartMs: Math.round(at - began),
        allAfterUpMs: Math.round(Math.max(0, at - began - upMs)),
        faults: misplaced(await placementsOf(lab), vms),
      }
    } finally {
      await fleet?.stop()
      await lab.stop()
    }
  } finally {
    await rm(data, { recursive: true, force: true })
  }
}

/** When all guests were there, running, with all that their disks are. */
async function allThere(fleet: FleetOnLab, guests: number): Promise<number> {
  const there = async (): Promise<boolean> => {
    const { vms } = vmList.parse(await fleet.api('/api/v1/vms'))
    return vms.filter(({ state, disks }) => state === 'running' && disks.length > 0).length === guests
  }
  await waitFor(waitAtMostMs, 'all guests on the API', there)
  return performance.now()
}

async function recorded(results: string | undefined): Promise<Line[]> {
  if (results === undefined) return []
  const text = await readFile(path.join(results, 'appearances.jsonl'), 'utf8').catch(() => '')
  return text
    .split('\n')
    .filter((one) => one !== '')
    .map((one) => line.parse(JSON.parse(one)))
}

await main()
