import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { createLog } from '../../common/log.js'
import type { Role } from '../../common/verbs.js'
import { elabSnapshot } from '../../test/support/elab-fleet.js'
import { elabPolicy } from '../../test/support/elab-policy.js'
import { hostIdOf, uuidOf, withVm } from '../../test/support/snapshot-builder.js'
import { ControllerAudit } from '../audit/controller-audit.js'
import type { Asked } from '../commands/command-desk.js'
import type { Command } from '../commands/command.js'
import { FleetLook } from '../fleet-look.js'
import type { Snapshot } from '../model/snapshot.js'
import { allKinds, liveKinds } from '../planner/live/facts.js'
import { liveProblem } from '../planner/live/live-problem.js'
import { planOf } from '../planner/live/plan-rebalance.js'
import type { Plan } from '../planner/live/plan.js'
import type { Refusal } from '../planner/problem.js'
import { openEmbeddedState } from '../store/embedded-state/embedded-state.js'
import type { StateStore } from '../store/state-store.js'
import { PlanDesk } from './plan-desk.js'

/** A fleet whose migrations the test does itself. */
let directory = ''
let state: StateStore
let snapshot: Snapshot
let asked: Asked[]
let commands: Command[]
let refusals: Refusal[]
/** What the rules answer comes after this. */
let rulesWait: Promise<void>
/** By name, and by the token where it was one. */
let rights: Map<string, Role>
let now = 1000

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'headroom-plans-'))
  state = openEmbeddedState({ path: join(directory, 'state.db') })
  snapshot = elabSnapshot()
  asked = []
  commands = []
  refusals = []
  rulesWait = Promise.resolve()
  rights = new Map([
    ['ann', 'operator'],
    ['ben', 'operator'],
  ])
})
afterEach(async () => {
  await state.close()
  rmSync(directory, { recursive: true })
})

const policy = elabPolicy()
const ann = { name: 'ann', role: 'operator', scope: undefined } as const

async function open(): Promise<PlanDesk> {
  const circumstances = {}
  return PlanDesk.open({
    state,
    audit: await ControllerAudit.open(state),
    planning: { refusals: () => rulesWait.then(() => refusals) },
    commands: {
      list: () => commands,
      maintenanceOf: () => undefined,
      ask: (one) => {
        asked.push(one)
        const command = commandOf(one, commands.length + 1)
        commands = [...commands, command]
        return Promise.resolve(command)
      },
    },
    look: new FleetLook({
      fleet: { snapshot: () => snapshot },
      policy: () => ({ policy, problem: undefined }),
      circumstances: () => circumstances,
    }),
    stillMay: ({ name, tokenHash }) => {
      const role = rights.get(tokenHash ?? name)
      return role && { role, scope: undefined }
    },
    now: () => now,
    utcOffsetMinutes: () => 0,
    log: createLog('test', 'silent'),
  })
}

function commandOf({ verb, args, vm, asker }: Asked, number: number): Command {
  return {
    id: `c${number}`,
    number,
    verb,
    args,
    hostId: vm.hostId,
    hostName: vm.hostId,
    vmUuid: vm.uuid,
    vmName: vm.name,
    dryRun: false,
    actor: asker.name,
    state: 'running',
    reason: '',
    createdAt: now,
    startBefore: now,
    timeoutMs: 1000,
    revision: 1,
    verdicts: [],
    output: '',
    outputEnd: 0,
    begunAt: now,
    move: { toHostId: hostIdOf(args['to'] ?? ''), toHostName: '', fromHostId: vm.hostId, fromHostName: '' },
  }
}

/** Two VMs to the reserve host, as no planner would have it. */
function aPlan(by: 'command' | 'person' = 'command'): Plan {
  const facts = { snapshot, policy, history: new Map(), maintenance: new Map(), past: [], now: 0 }
  const live = liveProblem(facts, { kinds: by === 'person' ? allKinds : liveKinds, mayUseReserve: true })
  const to = live.problem.hosts.indexOf('xenhv03')
  const steps = ['www', 'ns'].map((name) => {
    const vm = live.problem.vms.indexOf(name)
    return { vm, from: live.problem.start[vm] ?? 0, to }
  })
  const head = { kind: 'rebalance', subject: '', complete: true, capped: false, says: 'two moves' } as const
  const plan = planOf(live, steps, head)
  return { ...plan, moves: plan.moves.map((move) => ({ ...move, by })) }
}

function moved(name: string): void {
  snapshot = withVm(snapshot, name, { hostId: hostIdOf('xenhv03') })
  now += 2000
  commands = commands.map((one) =>
    one.vmUuid === uuidOf(name) ? { ...one, state: 'succeeded' as const, endedAt: now } : one,
  )
}

async function ticks(desk: PlanDesk, count = 3): Promise<void> {
  for (let tick = 0; tick < count; tick += 1) await desk.tick()
}

it('does one move after the other, and goes on where it was after a restart', async () => {
  const first = await open()
  const { number } = await first.propose(aPlan(), 'ann')
  await ticks(first)
  expect(asked).toEqual([])
  expect(await first.apply(number, ann)).toMatchObject({ status: 'done' })
  await ticks(first)
  expect(asked.map(({ verb, vm, args, asker }) => [verb, vm.name, args, asker.name])).toEqual([
    ['migrate', 'www', { to: 'xenhv03' }, 'ann'],
  ])
  const second = await open()
  moved('www')
  await ticks(second)
  expect(asked.map(({ vm }) => vm.name)).toEqual(['www', 'ns'])
  moved('ns')
  await ticks(second)
  const plan = second.find(number)
  expect(plan?.state).toBe('done')
  expect(plan?.moves.map(({ observed }) => observed?.durationMs)).toEqual([2000, 2000])
  expect((await open()).find(number)).toEqual(plan)
})

it('asks for no move twice, though the controller ended between asking and writing it down', async () => {
  const desk = await open()
  const { number } = await desk.propose(aPlan(), 'ann')
  await desk.apply(number, ann)
  const before = await state.tx((t) => t.list('plans'))
  await ticks(desk)
  await state.tx(async (t) => {
    for (const { key, value } of before) await t.put('plans', key, value)
  })
  const again = await open()
  await ticks(again)
  expect(asked).toHaveLength(1)
  expect(again.find(number)?.moves[0]).toMatchObject({ state: 'moving', commandNumber: 1 })
})

it('stops at the first rule that forbids a move by now, and resumes', async () => {
  const desk = await open()
  const { number } = await desk.propose(aPlan(), 'ann')
  await desk.apply(number, ann)
  refusals = [{ rule: 'maintenance', reason: 'it is in maintenance' }]
  await ticks(desk)
  expect(desk.find(number)).toMatchObject({ state: 'stopped', reason: expect.stringContaining('maintenance') })
  expect(asked).toEqual([])
  refusals = []
  await desk.apply(number, { ...ann, name: 'ben' })
  await ticks(desk)
  expect(asked.map(({ asker }) => asker.name)).toEqual(['ben'])
})

it('stops when asked to, and with whoever let it go on', async () => {
  const desk = await open()
  const { number } = await desk.propose(aPlan(), 'ann')
  await desk.apply(number, ann)
  expect(await desk.apply(number, ann)).toMatchObject({ status: 'not-now' })
  await desk.stopOf('ben', 'the user ben was removed')
  expect(desk.find(number)?.state).toBe('applying')
  await desk.stopOf('ann', 'the user ann was removed')
  expect(desk.find(number)).toMatchObject({ state: 'stopped', reason: 'the user ann was removed' })
  await desk.apply(number, ann)
  await desk.cancel(number, 'ben')
  expect(desk.find(number)).toMatchObject({ state: 'stopped', reason: 'by ben' })
  await desk.cancel(number, 'ben')
  expect(desk.find(number)?.state).toBe('cancelled')
  expect(await desk.apply(number, ann)).toMatchObject({ status: 'not-now' })
  expect(await desk.apply(99, ann)).toEqual({ status: 'unknown' })
})

it('waits for what a person has to do', async () => {
  const desk = await open()
  const { number } = await desk.propose(aPlan('person'), 'ann')
  await desk.apply(number, ann)
  await ticks(desk)
  expect([asked.length, desk.find(number)?.moves[0]?.state]).toEqual([0, 'by-person'])
  moved('www')
  moved('ns')
  await ticks(desk, 5)
  expect(desk.find(number)?.state).toBe('done')
})

describe('the right of who let a plan go on', () => {
  const byToken = { ...ann, name: 'ci', tokenHash: 'hash' }

  it.each<[string, typeof ann | typeof byToken, [string, Role | undefined], string]>([
    ['a user who is removed', ann, ['ann', undefined], 'ann, who let it go on, may no more'],
    ['a token that ends', byToken, ['hash', undefined], 'ci, who let it go on, may no more'],
  ])('is looked up before each move: %s', async (_what, who, [key, role], reason) => {
    rights.set('hash', 'operator')
    const desk = await open()
    const { number } = await desk.propose(aPlan(), 'ann')
    await desk.apply(number, who)
    await ticks(desk)
    expect(asked).toHaveLength(1)
    moved('www')
    if (role === undefined) rights.delete(key)
    await ticks(await open())
    expect(asked).toHaveLength(1)
    expect((await open()).find(number)).toMatchObject({ state: 'stopped', reason })
  })

  it.each<[Role, Role]>([
    ['viewer', 'viewer'],
    ['admin', 'operator'],
  ])('is never more than it was: %s now', async (role, as) => {
    const desk = await open()
    const { number } = await desk.propose(aPlan(), 'ann')
    await desk.apply(number, ann)
    rights.set('ann', role)
    await ticks(desk)
    expect(asked.map(({ asker }) => asker.role)).toEqual([as])
  })
})

it('is stopped while the planner looks, and asks for nothing any more', async () => {
  const desk = await open()
  const { number } = await desk.propose(aPlan(), 'ann')
  await desk.apply(number, ann)
  let answer = (): void => undefined
  rulesWait = new Promise((resolve) => {
    answer = resolve
  })
  const tick = desk.tick()
  await desk.stopOf('ann', 'the user ann was removed')
  expect(desk.find(number)?.state).toBe('stopped')
  answer()
  await tick
  expect(asked).toEqual([])
  expect(desk.find(number)).toMatchObject({ state: 'stopped', reason: 'the user ann was removed' })
})

it('is not let go on while a move of a plan that was stopped is under way', async () => {
  const desk = await open()
  const first = await desk.propose(aPlan(), 'ann')
  const second = await desk.propose(aPlan(), 'ann')
  await desk.apply(first.number, ann)
  await ticks(desk)
  await desk.cancel(first.number, 'ann')
  expect(await desk.apply(second.number, ann)).toEqual({
    status: 'not-now',
    why: 'a move of plan 1, which is stopped, is under way: command 1',
  })
  moved('www')
  expect(await desk.apply(second.number, ann)).toMatchObject({ status: 'done' })
})

it('keeps 200 plans: the oldest that is not under way gives way, be it stopped', async () => {
  const desk = await open()
  const { number } = await desk.propose(aPlan(), 'ann')
  await desk.apply(number, ann)
  await ticks(desk)
  await desk.cancel(number, 'ann')
  const empty = { ...aPlan(), moves: [] }
  for (let count = 0; count < 200; count += 1) await desk.propose(empty, 'ann')
  expect([desk.list().length, desk.find(number)?.state, desk.find(2)]).toEqual([200, 'stopped', undefined])
  moved('www')
  await desk.propose(empty, 'ann')
  expect([desk.list().length, desk.find(number)]).toEqual([200, undefined])
})
