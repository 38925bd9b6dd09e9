import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { parseArgs } from 'node:util'

import { keptPlanView, planView, type KeptPlanView, type PlanView } from '../../controller/api/plan-views.js'
import { waitFor } from '../support/wait-for.js'
import { startLab, type Lab } from './lab.js'
import { Commands, startMovingFleet } from './migration-fleet.js'
import { migrate } from './migrate.js'

const usage = `The loop of a plan with real guests; needs root and a build.

Usage: npm run lab:plan -- [--guests 4] [--seed TEXT]

All guests are brought to the first of two hosts, where they copy as fast as they can. Then: a plan is made and kept, let go on, and applied by
migrations; virsh says where the guests are; what was foretold is compared with what came; and a second plan has nothing to move. The last line
is JSON. Exit code 1: something was not as it has to be.
`

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      guests: { type: 'string', default: '4' },
      seed: { type: 'string', default: '1' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return console.log(usage)
  const data = await mkdtemp(join(tmpdir(), 'headroom-plans-'))
  const lab = await startLab({ hosts: 2, guests: Number(values.guests), seed: values.seed })
  try {
    await overload(lab)
    const fleet = await startMovingFleet(lab, data)
    try {
      const told = await theLoop(lab, fleet.url, data)
      console.log(JSON.stringify(told))
      if (told.faults.length > 0) process.exitCode = 1
    } finally {
      await fleet.stop()
    }
  } finally {
    await lab.stop()
    await rm(data, { recursive: true, force: true })
  }
}

/** Every guest on the first host, and busy. */
async function overload(lab: Lab): Promise<void> {
  const [first] = lab.hosts
  if (first === undefined) throw new Error('no host')
  for (const guest of lab.guests) {
    if ((await guest.host()) !== first) await migrate(guest, first)
    await guest.load('copy', 'vda', 0)
  }
}

interface Told {
  readonly suggested: number
  readonly says: string
  readonly state: string
  readonly reason: string
  readonly before: readonly string[]
  readonly after: readonly string[]
  readonly moves: readonly {
    readonly vm: string
    readonly foretoldMs: readonly [number, number]
    readonly tookMs: number | undefined
    readonly hit: boolean | undefined
  }[]
  readonly secondPlan: string
  readonly faults: readonly string[]
}

async function theLoop(lab: Lab, url: string, data: string): Promise<Told> {
  const api = new Api(url, (await readFile(join(data, 'controller/api-token'), 'utf8')).trim())
  const commands = new Commands(() => url, data)
  await waitFor(120_000, 'the load of every guest to be known', async () => {
    const vms = await commands.vms()
    return vms.length === lab.guests.length && vms.every(({ metrics }) => (metrics['cpuCores'] ?? 0) > 0.02)
  })
  const before = await whereabouts(lab)
  const kept = keptPlanView.parse(await api.post('/api/v1/plans', { kind: 'rebalance' }))
  await api.post(`/api/v1/plans/${kept.number}/apply`, {})
  let plan: KeptPlanView = kept
  await waitFor(300_000, 'the plan to come to an end', async () => {
    plan = keptPlanView.parse(await api.get(`/api/v1/plans/${kept.number}`))
    return plan.state === 'done' || plan.state === 'stopped'
  })
  const after = await whereabouts(lab)
  const second: PlanView = planView.parse(await api.get('/api/v1/plans/rebalance'))
  const faults: string[] = []
  if (plan.state !== 'done') faults.push(`the plan is ${plan.state}: ${plan.reason}`)
  for (const { vm, to, observed } of plan.moves) {
    if (!after.includes(`${vm} ${to}`)) faults.push(`${vm} does not run on ${to}`)
    if (observed === undefined) faults.push(`nothing was observed of ${vm}`)
  }
  if (second.moves.length > 0) faults.push(`the second plan has ${second.moves.length} moves`)
  return {
    suggested: kept.moves.length,
    says: kept.says,
    state: plan.state,
    reason: plan.reason,
    before,
    after,
    moves: plan.moves.map(({ vm, times, observed }) => ({
      vm,
      foretoldMs: [Math.round(times.duration.leastMs), Math.round(times.duration.mostMs)],
      tookMs: observed?.durationMs,
      hit: observed?.hit,
    })),
    secondPlan: second.says,
    faults,
  }
}

/** `vm host` of every guest, as virsh says it. */
async function whereabouts(lab: Lab): Promise<string[]> {
  return Promise.all(lab.guests.map(async (guest) => `${guest.name} ${(await guest.host()).name}`))
}

class Api {
  constructor(
    private readonly url: string,
    private readonly token: string,
  ) {}

  get(path: string): Promise<unknown> {
    return this.#call('GET', path)
  }

  post(path: string, body: object): Promise<unknown> {
    return this.#call('POST', path, body)
  }

  async #call(method: string, path: string, body?: object): Promise<unknown> {
    const answer = await fetch(`${this.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${this.token}`, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(130_000),
    })
    if (answer.status !== 200) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`)
    return answer.json()
  }
}

await main()
