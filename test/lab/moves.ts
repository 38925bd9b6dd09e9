import { createHash } from 'node:crypto'
import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'

import { waitFor } from '../support/wait-for.js'
import type { LabHost } from './lab-host.js'
import { startLab, type Lab } from './lab.js'
import { Commands, Crashes, startMovingFleet } from './migration-fleet.js'
import { MoveWitness } from './move-witness.js'

const usage = `Migrations by headroom's own commands, of a guest that writes; needs root and a build.

Usage: npm run lab:migrations -- [--count 100] [--seed TEXT] [--kill] [--results FILE] [--kib 2048]

--kill kills something in each round with SIGKILL, at a moment by chance: the agent of either host, the controller, libvirtd of either host, or
cuts the link of the host that the guest is to come to. Each round is a line of JSON in the file of results; what is there already is not done
again. The last line sums up. Exit code 1: something was not as it has to be.
`

const victims = ['source-agent', 'target-agent', 'controller', 'source-libvirtd', 'target-libvirtd', 'link'] as const
type Victim = (typeof victims)[number]

interface Round {
  readonly index: number
  readonly from: string
  readonly to: string
  readonly state: string
  readonly reason: string
  readonly tookMs: number
  /** Longest time without a beat, seen from outside; beats come each 100 ms. */
  readonly gapMs: number
  readonly victim?: Victim
  readonly afterMs?: number
  /** From when what was killed is back, or the link, to the end of the command. */
  readonly knownAfterMs?: number
  /** What virsh says of each host when the command has ended. */
  readonly found: string
  readonly resolved?: string
  readonly faults: readonly string[]
}

const mostGapMs = 2000
const mostKnownMs = 60_000

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      count: { type: 'string', default: '100' },
      seed: { type: 'string', default: '1' },
      kib: { type: 'string', default: '2048' },
      results: { type: 'string' },
      kill: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return console.log(usage)
  const { seed, kill } = values
  const file = values.results ?? path.join(tmpdir(), `headroom-moves-${kill ? 'kill-' : ''}${seed}.jsonl`)
  const rounds = await readRounds(file)
  const data = await mkdtemp(path.join(tmpdir(), 'headroom-moves-'))
  const lab = await startLab({ hosts: 2, guests: 1, seed })
  try {
    const fleet = await startMovingFleet(lab, data)
    const crashes = new Crashes(fleet, { http: Number(new URL(fleet.url).port), grpc: fleet.grpcPort })
    const trial: Trial = { lab, crashes, commands: new Commands(() => fleet.url, data), seed, kill }
    try {
      await waitFor(180_000, 'the guest to be seen', async () => (await trial.commands.vms()).length === 1)
      const witness = await MoveWitness.start(lab, lab.guest('vm1'))
      await lab.guest('vm1').load('write', 'vda', Number(values.kib))
      for (let index = rounds.length; index < Number(values.count); index += 1) {
        const round = await oneRound(trial, witness, index)
        rounds.push(round)
        await appendFile(file, `${JSON.stringify(round)}\n`)
        console.log(JSON.stringify(round))
      }
      await witness.stop()
    } finally {
      crashes.stop()
      await fleet.stop()
    }
  } finally {
    await lab.stop()
    await rm(data, { recursive: true, force: true })
  }
  const faults = rounds.flatMap((round) => round.faults)
  console.log(JSON.stringify({ ...summary(rounds), results: file, faults }))
  if (faults.length > 0) process.exitCode = 1
}

interface Trial {
  readonly lab: Lab
  readonly crashes: Crashes
  readonly commands: Commands
  readonly seed: string
  readonly kill: boolean
}

async function oneRound(trial: Trial, witness: MoveWitness, index: number): Promise<Round> {
  const { lab, commands, kill, seed } = trial
  const from = await lab.guest('vm1').host()
  const to = lab.hosts.find((host) => host !== from)
  if (to === undefined) throw new Error('one host only')
  await delay(700)
  witness.takeLongestGap()
  const faultsBefore = witness.faults.length
  const began = performance.now()
  const asked = await commands.ask('migrate', 'vm1', { to: to.name })
  let backAt: number | undefined
  const victim = kill ? victims[chance(`${seed} ${index} victim`, victims.length)] : undefined
  const afterMs = chance(`${seed} ${index} moment`, 2500)
  if (victim !== undefined) {
    await delay(afterMs)
    await crash(victim, trial, { from, to }, chance(`${seed} ${index} away`, 4000))
    backAt = performance.now()
  }
  const end = await commands.end(asked.id, 150_000)
  const tookMs = Math.round(performance.now() - began)
  const knownAfterMs = backAt === undefined ? undefined : Math.max(0, Math.round(performance.now() - backAt))
  // The step after it, in which the old host forgets the guest.
  await waitFor(60_000, 'all steps to end', async () =>
    (await commands.list()).every(({ stepOf, endedAt }) => stepOf !== asked.id || endedAt !== undefined),
  )
  const found = await foundBy(lab)
  const faults = [...witness.faults.slice(faultsBefore), ...truth(end.state, found, { from, to })]
  let resolved: string | undefined
  if (!Object.values(found).includes('running')) {
    resolved = await resolve(trial, found, { from, to })
    const after = await foundBy(lab)
    if (Object.values(after).filter((state) => state === 'running').length !== 1)
      faults.push(`after ${resolved}: ${JSON.stringify(after)}`)
  }
  const gapMs = witness.takeLongestGap()
  if (!kill && gapMs > mostGapMs) faults.push(`no beat for ${gapMs} ms`)
  if (!kill && end.state !== 'succeeded') faults.push(`${end.state}: ${end.reason}`)
  if (knownAfterMs !== undefined && knownAfterMs > mostKnownMs) faults.push(`known only after ${knownAfterMs} ms`)
  await goesOn(witness)
  return {
    index,
    from: from.name,
    to: to.name,
    state: end.state,
    reason: end.reason,
    tookMs,
    gapMs,
    ...(victim !== undefined && { victim, afterMs }),
    ...(knownAfterMs !== undefined && { knownAfterMs }),
    found: JSON.stringify(found),
    ...(resolved !== undefined && { resolved }),
    faults,
  }
}

interface Hosts {
  readonly from: LabHost
  readonly to: LabHost
}

async function crash(victim: Victim, { crashes }: Trial, { from, to }: Hosts, awayMs: number): Promise<void> {
  switch (victim) {
    case 'source-agent':
    case 'target-agent': {
      const host = victim === 'source-agent' ? from : to
      await crashes.killAgent(host)
      await delay(awayMs)
      return crashes.startAgent(host)
    }
    case 'controller':
      await crashes.killController()
      await delay(awayMs)
      return crashes.startController()
    case 'source-libvirtd':
    case 'target-libvirtd': {
      const host = victim === 'source-libvirtd' ? from : to
      await host.killLibvirtd()
      await delay(awayMs)
      return host.startLibvirtd()
    }
    case 'link':
      await to.run(['/usr/sbin/ip', 'link', 'set', 'port', 'down'])
      await delay(awayMs * 4)
      await to.run(['/usr/sbin/ip', 'link', 'set', 'port', 'up'])
  }
}

/** By host: as virsh says it; `none` where it is not defined. */
async function foundBy(lab: Lab): Promise<Readonly<Record<string, string>>> {
  const rows = await Promise.all(
    lab.hosts.map(async (host) => [host.name, (await host.vmStates()).get('vm1') ?? 'none'] as const),
  )
  return Object.fromEntries(rows)
}

/** What is not so of what the command says. */
function truth(state: string, found: Readonly<Record<string, string>>, { from, to }: Hosts): string[] {
  const [here, there] = [found[from.name] ?? '', found[to.name] ?? '']
  const faults: string[] = []
  const runs = [here, there].filter((one) => one === 'running').length
  if (runs > 1) faults.push('it runs on both hosts')
  if (here === 'none' && there === 'none') faults.push('it is defined nowhere')
  if (state === 'succeeded' && there !== 'running') faults.push(`succeeded, and it is ${there} on ${to.name}`)
  if (state === 'succeeded' && here !== 'none') faults.push(`succeeded, and it is ${here} on ${from.name}`)
  if (['failed', 'refused', 'cancelled', 'expired'].includes(state) && here !== 'running')
    faults.push(`${state}, and it is ${here} on ${from.name}`)
  if (state === 'unknown' && runs === 1) faults.push('unknown, though it runs on one host')
  return faults
}

/** One explicit command: the copy of the old host if it is there, else that of the new one. */
async function resolve(
  { commands }: Trial,
  found: Readonly<Record<string, string>>,
  { from, to }: Hosts,
): Promise<string> {
  const keep = found[from.name] === 'paused' ? from : to
  const { id } = await commands.ask('resolve', 'vm1', { keep: keep.name })
  const { state, reason } = await commands.end(id, 90_000)
  return `resolve --keep ${keep.name}: ${state}${reason === '' ? '' : `: ${reason}`}`
}

async function goesOn(witness: MoveWitness): Promise<void> {
  const before = witness.stamp
  await waitFor(60_000, 'the guest to write', () => Promise.resolve(witness.stamp > before))
}

function summary(rounds: readonly Round[]): Record<string, unknown> {
  const sorted = (of: (round: Round) => number | undefined): number[] =>
    rounds.flatMap((round) => of(round) ?? []).toSorted((a, b) => a - b)
  const at = (values: readonly number[], part: number): number | undefined =>
    values[Math.min(values.length - 1, Math.floor(values.length * part))]
  const took = sorted(({ tookMs }) => tookMs)
  const gaps = sorted(({ gapMs }) => gapMs)
  const known = sorted(({ knownAfterMs }) => knownAfterMs)
  const states: Record<string, number> = {}
  for (const { state } of rounds) states[state] = (states[state] ?? 0) + 1
  return {
    rounds: rounds.length,
    states,
    tookMs: { median: at(took, 0.5), most: took.at(-1) },
    gapMs: { median: at(gaps, 0.5), p95: at(gaps, 0.95), most: gaps.at(-1) },
    ...(known.length > 0 && { knownAfterMs: { median: at(known, 0.5), most: known.at(-1) } }),
    resolved: rounds.filter(({ resolved }) => resolved !== undefined).length,
  }
}

async function readRounds(file: string): Promise<Round[]> {
  const text = await readFile(file, 'utf8').catch(() => '')
  return text
    .split('\n')
    .filter(Boolean)
    .map((line): Round => JSON.parse(line))
}

function chance(seed: string, below: number): number {
  return createHash('sha256').update(seed).digest().readUInt32BE() % below
}

await main()
