import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'

import { stringify } from 'yaml'
import { z } from 'zod'

import { alertDetailView, alertView, commandView, vmView } from '../../controller/api/views.js'
import { startFleetOnLab, type FleetOnLab } from '../support/fleet-on-lab.js'
import { waitFor } from '../support/wait-for.js'
import { startLab, type Lab } from './lab.js'
import { WriteWitness } from './write-witness.js'

const usage = `A personal VM fills the write cache of the array that core VMs use; the alert proposes a limit, one person asks for it, another approves,
and the core VMs say how long their writes take: real guests, a real iSCSI target, an array that overflows; needs root and a build.

Usage: npm run lab:remedy -- [--count 4] [--seed 1] [--hosts 2] [--guests 4] [--array KIND] [--learn] [--results FILE] [--keep]

The policy says what the array's cache holds and what it drains; with --learn it does not, and the array overflows once before the first round, so that
it can be learnt. The latency is what the guests' own kernels count. Each round is a line of JSON in the file of results; what is there already is not done again. The last line sums up. Exit
code 1: in the last 10 of the 20 s after the approval writes took more than 0.3 of what they took in the 10 s before, or the alert said something else.
`

const seen = z.object({ alerts: z.array(alertView) })
const windowMs = 10_000
const withinMs = 20_000
const mostRatio = 0.3
const patienceMs = 120_000

interface Round {
  readonly index: number
  /** Milliseconds from the first write of the copy to the alert that proposes a limit. */
  readonly proposedAfterMs: number
  readonly limit: string
  /** Mean of the core VMs' writes, milliseconds: before the copy, in the 10 s before the approval, in seconds 10 to 20 after it. */
  readonly quietMs: number | undefined
  readonly saturatedMs: number | undefined
  readonly limitedMs: number | undefined
  readonly ratio: number | undefined
  /** The end of the first window of 10 s after the approval in which it was at most 0.3. */
  readonly goodAfterMs: number | undefined
  /** From the approval to the end of the command. */
  readonly commandMs: number
  /** What virsh says of the disk meanwhile, bytes written a second. */
  readonly virshSays: number
  readonly effect: string
  readonly effectSays: string
  readonly faults: readonly string[]
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      count: { type: 'string', default: '4' },
      seed: { type: 'string', default: '1' },
      guests: { type: 'string', default: '4' },
      hosts: { type: 'string', default: '2' },
      array: { type: 'string', default: 'write-back:cache=12MB,drain=1MB' },
      results: { type: 'string' },
      learn: { type: 'boolean', default: false },
      keep: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return console.log(usage)
  const file = values.results ?? path.join(tmpdir(), `headroom-remedy-${values.seed}.jsonl`)
  const rounds = await readRounds(file)
  const data = await mkdtemp(path.join(tmpdir(), 'headroom-remedy-'))
  try {
    if (rounds.length < Number(values.count))
      await withFleet(values, data, async (trial) => {
        if (values.learn) await learn(trial)
        for (let index = rounds.length; index < Number(values.count); index += 1) {
          const round = await oneRound(trial, index)
          rounds.push(round)
          await appendFile(file, `${JSON.stringify(round)}\n`)
          console.log(JSON.stringify(round))
          if (index + 1 < Number(values.count)) await untilWell(trial)
        }
      })
  } finally {
    if (values.keep) console.log(`the controller's data and logs: ${data}`)
    else await rm(data, { recursive: true, force: true })
  }
  const faults = rounds.flatMap((round) => round.faults)
  const ratios = rounds.flatMap(({ ratio }) => ratio ?? []).toSorted((a, b) => a - b)
  const effects: Record<string, number> = {}
  for (const { effect } of rounds) effects[effect] = (effects[effect] ?? 0) + 1
  console.log(
    JSON.stringify({
      trial: 'remedy',
      seed: values.seed,
      rounds: rounds.length,
      ratios: { least: ratios[0], median: ratios[Math.floor(ratios.length / 2)], most: ratios.at(-1) },
      effects,
      results: file,
      faults,
    }),
  )
  if (faults.length > 0) process.exitCode = 1
}

interface Trial {
  readonly lab: Lab
  readonly fleet: FleetOnLab
  readonly witness: WriteWitness
  /** Of the one who asks, and of the second person. */
  readonly tokens: { readonly asks: string; readonly approves: string }
}

async function withFleet(
  {
    seed,
    guests,
    hosts,
    array,
    learn: learns,
  }: Readonly<Record<'seed' | 'guests' | 'hosts' | 'array', string>> & { readonly learn: boolean },
  data: string,
  work: (trial: Trial) => Promise<void>,
): Promise<void> {
  const lab = await startLab({
    hosts: Number(hosts),
    guests: Number(guests),
    seed,
    arrays: [array],
  })
  try {
    const policyFile = path.join(data, 'policy.yaml')
    await writeFile(policyFile, policyFor(learns))
    const allow = [{ verbs: ['limit', 'unlimit'], vms: ['*'] }]
    const agents = Object.fromEntries(lab.hosts.map(({ name }) => [name, { allow }]))
    const fleet = await startFleetOnLab(lab, data, { policyFile }, agents)
    const core = lab.guests.slice(1)
    try {
      await waitFor(patienceMs, 'all guests on the API', async () => {
        const { vms } = z.object({ vms: z.array(vmView) }).parse(await fleet.api('/api/v1/vms'))
        return vms.filter(({ state, disks }) => state === 'running' && disks.length > 0).length === lab.guests.length
      })
      for (const guest of core) await guest.tell('trickle vda')
      const admin = (await readFile(path.join(data, 'controller/api-token'), 'utf8')).trim()
      const made = await post(fleet, admin, '/api/v1/tokens', { name: 'ann', role: 'operator' })
      const tokens = { asks: z.object({ token: z.string() }).parse(made).token, approves: admin }
      const witness = new WriteWitness(core)
      try {
        await work({ lab, fleet, witness, tokens })
      } finally {
        await witness.stop()
      }
    } finally {
      await fleet.stop()
    }
  } finally {
    await lab.stop()
  }
}

function policyFor(learns: boolean): string {
  return stringify({
    groups: [
      { name: 'own', class: 'personal', match: 'vm1', owner: 'kure' },
      { name: 'core', class: 'core', match: 'vm*' },
    ],
    approvals: [{ verbs: ['limit'], role: 'operator' }],
    ...(!learns && { arrays: [{ name: 'box1', match: 'iscsi:*', cache: '12MB', drain: '1MB/s' }] }),
  })
}

/** One overflow, and until the cache is empty again. */
async function learn(trial: Trial): Promise<void> {
  console.log('the array overflows for the first time')
  const guest = trial.lab.guest('vm1')
  await guest.load('copy', 'vda', 0)
  await waitFor(patienceMs, 'the array to overflow', async () => (await truthOf(trial)).overflowing)
  await delay(windowMs)
  await guest.unload('vda', patienceMs)
  await untilWell(trial)
}

async function oneRound(trial: Trial, index: number): Promise<Round> {
  const { lab, fleet, witness, tokens } = trial
  const guest = lab.guest('vm1')
  await delay(windowMs)
  const loadedMs = Date.now()
  const quietMs = witness.latencyMs(loadedMs - windowMs, loadedMs)
  await guest.load('copy', 'vda', 0)
  const number = await proposed(trial)
  const proposedAfterMs = Date.now() - loadedMs
  await waitFor(patienceMs, 'the array to overflow', async () => (await truthOf(trial)).overflowing)
  // As long as the window is: so that it holds nothing but the full cache.
  await delay(windowMs + 1000)
  await waitFor(
    patienceMs,
    'the limit to be proposed',
    async () => (await detailOf(trial, number)).proposals.length > 0,
  )
  const asked = commandView.parse(await post(fleet, tokens.asks, `/api/v1/alerts/${number}/remedies`, { vm: 'vm1' }))
  const approvedMs = Date.now()
  const faults: string[] = []
  if (asked.state !== 'pending-approval') faults.push(`asked for, it was ${asked.state}: ${asked.reason}`)
  await post(fleet, tokens.approves, `/api/v1/commands/${asked.id}/approve`, {})
  await waitFor(patienceMs, 'the limit to be set', async () => (await commandAt(trial, asked.id)).endedAt !== undefined)
  const commandMs = Date.now() - approvedMs
  const virshSays = await limitByVirsh(trial)
  await delay(approvedMs + withinMs + 1000 - Date.now())
  await waitFor(patienceMs, 'the effect', async () => (await commandAt(trial, asked.id)).remedy?.effect !== undefined)
  const { state, reason, args, remedy } = await commandAt(trial, asked.id)
  const saturatedMs = witness.latencyMs(approvedMs - windowMs, approvedMs)
  const limitedMs = witness.latencyMs(approvedMs + withinMs - windowMs, approvedMs + withinMs)
  const ratioOf = (latencyMs: number | undefined): number | undefined =>
    latencyMs === undefined || saturatedMs === undefined ? undefined : latencyMs / saturatedMs
  const ratio = ratioOf(limitedMs)
  const goodAfterMs = Array.from({ length: 41 }, (_, step) => step * 500).find(
    (fromMs) => (ratioOf(witness.latencyMs(approvedMs + fromMs, approvedMs + fromMs + windowMs)) ?? 1) <= mostRatio,
  )
  if (state !== 'succeeded') faults.push(`${state}: ${reason}`)
  if (ratio === undefined || ratio > mostRatio) faults.push(`writes take ${ratio} of what they took`)
  if (virshSays === 0) faults.push('virsh sees no limit')
  if (remedy?.effect?.outcome !== 'helped') faults.push(`it is said that it ${remedy?.effect?.outcome}`)
  await guest.unload('vda', patienceMs)
  const freed = commandView.parse(
    await post(fleet, tokens.approves, '/api/v1/commands', { verb: 'unlimit', vm: 'vm1' }),
  )
  await waitFor(patienceMs, 'the limit to end', async () => (await commandAt(trial, freed.id)).endedAt !== undefined)
  return {
    index,
    proposedAfterMs,
    limit: JSON.stringify(args),
    quietMs,
    saturatedMs,
    limitedMs,
    ratio,
    goodAfterMs: goodAfterMs === undefined ? undefined : goodAfterMs + windowMs,
    commandMs,
    virshSays,
    effect: remedy?.effect?.outcome ?? 'none',
    effectSays: remedy?.effect?.says ?? '',
    faults,
  }
}

/** The number of the alert of the array that proposes a limit of the guest. */
async function proposed(trial: Trial): Promise<number> {
  let found: number | undefined
  await waitFor(
    patienceMs,
    'an alert that proposes a limit',
    async () => {
      const { alerts } = seen.parse(await trial.fleet.api('/api/v1/alerts?check=array-cache'))
      for (const { number = 0 } of alerts)
        if ((await detailOf(trial, number)).proposals.some(({ vm }) => vm === 'vm1')) found = number
      return found !== undefined
    },
    200,
  ).catch(async (error: unknown) => {
    console.error(JSON.stringify(await trial.fleet.api('/api/v1/alerts?phase=any')))
    console.error(JSON.stringify([await truthOf(trial), await trial.fleet.api('/api/v1/arrays')]))
    throw error
  })
  return found ?? 0
}

async function detailOf({ fleet }: Trial, number: number): Promise<z.output<typeof alertDetailView>> {
  return alertDetailView.parse(await fleet.api(`/api/v1/alerts/${number}`))
}

async function commandAt({ fleet }: Trial, id: string): Promise<z.output<typeof commandView>> {
  return commandView.parse(await fleet.api(`/api/v1/commands/${id}`))
}

/** Of an array that tells no truth (nbdkit's rate filter) that it overflows is what the alert says, and when it is empty is waited for. */
async function truthOf({ lab }: Trial): Promise<{ readonly overflowing: boolean; readonly fillBytes: number }> {
  const control = lab.arrays[0]?.control
  if (control !== undefined) return control.truth()
  await delay(windowMs)
  return { overflowing: true, fillBytes: 0 }
}

/** The cache is empty, and nothing is proposed any more. An alert may fire on: it ends only when it is sure that all is well. */
async function untilWell(trial: Trial): Promise<void> {
  await waitFor(patienceMs, 'the cache to be empty', async () => (await truthOf(trial)).fillBytes < 1e6)
  await waitFor(patienceMs, 'the proposals to end', async () => {
    const { alerts } = seen.parse(await trial.fleet.api('/api/v1/alerts?check=array-cache'))
    const all = await Promise.all(alerts.map(({ number = 0 }) => detailOf(trial, number)))
    return all.every(({ proposals }) => proposals.length === 0)
  })
}

async function limitByVirsh({ lab }: Trial): Promise<number> {
  const host = await lab.guest('vm1').host()
  const text = await host.virsh('blkdeviotune', 'vm1', 'vda')
  return Number(/^write_bytes_sec *: *(\d+)$/m.exec(text)?.[1])
}

async function post({ url }: FleetOnLab, token: string, to: string, body: object): Promise<unknown> {
  const answer = await fetch(`${url}${to}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(10_000),
  })
  if (answer.status !== 200) throw new Error(`${to}: ${answer.status} ${await answer.text()}`)
  return answer.json()
}

async function readRounds(file: string): Promise<Round[]> {
  const text = await readFile(file, 'utf8').catch(() => '')
  return text
    .split('\n')
    .filter(Boolean)
    .map((line): Round => JSON.parse(line))
}

await main()
