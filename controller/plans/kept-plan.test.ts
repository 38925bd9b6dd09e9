import { describe, expect, it } from 'vitest'

import { elabSnapshot } from '../../test/support/elab-fleet.js'
import { hostIdOf, uuidOf, withVm } from '../../test/support/snapshot-builder.js'
import type { Command } from '../commands/command.js'
import type { HostFill } from '../planner/live/plan.js'
import { afterCheck, hitRate, nextStep, type ApplyWorld, type KeptMove, type KeptPlan } from './kept-plan.js'

const GiB = 2 ** 30
const fill = (host: string, gibibytes: number): HostFill => {
  return { host, memoryBytes: gibibytes * GiB, memoryMostBytes: 6 * GiB, cores: 1, coresMost: 4, vms: 1 }
}
const both = (host: string): KeptMove['source'] => ({ before: fill(host, 3), after: fill(host, 2) })

function move(change: Partial<KeptMove> = {}): KeptMove {
  return {
    vmUuid: uuidOf('www'),
    vm: 'www',
    fromHostId: hostIdOf('xenhv01'),
    from: 'xenhv01',
    toHostId: hostIdOf('xenhv02'),
    to: 'xenhv02',
    kind: 'live',
    by: 'command',
    note: '',
    reason: '',
    gain: 1,
    cost: 0,
    times: { duration: { leastMs: 1000, mostMs: 5000 }, downtime: { leastMs: 60, mostMs: 1000 }, basis: 'assumed' },
    memoryBytes: GiB,
    diskBytes: 0,
    source: both('xenhv01'),
    target: both('xenhv02'),
    runnerUp: { none: '' },
    state: 'waiting',
    ...change,
  }
}

function plan(moves: readonly KeptMove[] = [move()]): KeptPlan {
  return {
    number: 1,
    kind: 'rebalance',
    subject: '',
    says: '',
    createdAt: 0,
    createdBy: 'ann',
    state: 'applying',
    reason: '',
    approved: { name: 'ann', role: 'operator', at: 0 },
    automatic: false,
    moves,
  }
}

function command(change: Partial<Command>): Command {
  return {
    id: 'c1',
    number: 7,
    verb: 'migrate',
    args: {},
    hostId: hostIdOf('xenhv01'),
    hostName: 'xenhv01',
    vmUuid: uuidOf('www'),
    vmName: 'www',
    dryRun: false,
    actor: 'ann',
    state: 'running',
    reason: '',
    createdAt: 1000,
    startBefore: 2000,
    timeoutMs: 1000,
    revision: 1,
    verdicts: [],
    output: '',
    outputEnd: 0,
    ...change,
  }
}

const snapshot = elabSnapshot()
const there = withVm(snapshot, 'www', { hostId: hostIdOf('xenhv02') })
const world = (change: Partial<ApplyWorld> = {}): ApplyWorld => {
  return { snapshot, commands: [], configuredBytes: () => 2 * GiB, now: 10_000, ...change }
}
const moving = move({ state: 'moving', commandId: 'c1', begunAt: 2000 })

/** What became of it: state of the plan, why, states of its moves. */
function after(from: KeptPlan, seen: ApplyWorld): unknown[] {
  const next = nextStep(from, seen)
  if (next.step !== 'change') return [next.step]
  return [next.plan.state, next.plan.reason, ...next.plan.moves.map(({ state }) => state)]
}

describe('a plan that is applied', () => {
  it.each([
    ['asks the rules about a move before it begins', plan(), world(), ['check']],
    ['takes a VM that is there already for moved', plan(), world({ snapshot: there }), ['applying', '', 'done']],
    [
      'stops where a VM is gone',
      plan(),
      world({ snapshot: { ...snapshot, vms: new Map() } }),
      ['stopped', 'www is gone', 'waiting'],
    ],
    [
      'stops where a VM is somewhere else',
      plan(),
      world({ snapshot: withVm(snapshot, 'www', { hostId: hostIdOf('xenhv04') }) }),
      ['stopped', 'www is on xenhv04, not on xenhv01 any more', 'waiting'],
    ],
    ['waits for its command', plan([moving]), world({ commands: [command({})] }), ['wait']],
    [
      'waits until the VM is seen on its new host',
      plan([moving]),
      world({ commands: [command({ state: 'succeeded', endedAt: 9000 })] }),
      ['wait'],
    ],
    [
      'goes on once it is',
      plan([moving]),
      world({ snapshot: there, commands: [command({ state: 'succeeded', begunAt: 2000, endedAt: 9000 })] }),
      ['applying', '', 'done'],
    ],
    [
      'stops where it is not seen there in time',
      plan([moving]),
      world({ now: 200_000, commands: [command({ state: 'succeeded', endedAt: 9000 })] }),
      ['stopped', 'www was moved, and is not seen running on xenhv02', 'waiting'],
    ],
    [
      'stops where the command did not succeed, and would ask again',
      plan([moving]),
      world({ commands: [command({ state: 'failed', reason: 'no route' })] }),
      ['stopped', 'www: command 7 failed: no route', 'waiting'],
    ],
    ['waits for a person', plan([move({ state: 'by-person', by: 'person' })]), world(), ['wait']],
    [
      'sees what a person did',
      plan([move({ state: 'by-person', by: 'person' })]),
      world({ snapshot: there }),
      ['applying', '', 'done'],
    ],
    [
      'waits for a person who has undefined the VM on its old host',
      plan([move({ state: 'by-person', by: 'person' })]),
      world({ snapshot: { ...snapshot, vms: new Map() } }),
      ['wait'],
    ],
    [
      'stops where a person carried the VM somewhere else',
      plan([move({ state: 'by-person', by: 'person' })]),
      world({ snapshot: withVm(snapshot, 'www', { hostId: hostIdOf('xenhv04') }) }),
      ['stopped', 'www is on xenhv04, not on xenhv02', 'by-person'],
    ],
    [
      'asks the rules about a VM that was shut down before its turn',
      plan([move({ by: 'person', kind: 'cold-copy' })]),
      world({ snapshot: withVm(snapshot, 'www', { state: 'shutoff' }) }),
      ['check'],
    ],
    ['is done after its last move', plan([move({ state: 'done' })]), world(), ['done', '', 'done']],
    ['does nothing once it is stopped', { ...plan(), state: 'stopped' as const }, world(), ['wait']],
  ])('%s', (_what, from, seen, expected) => {
    expect(after(from, seen)).toEqual(expected)
  })

  it('keeps what was foretold beside what came', () => {
    const seen = world({ snapshot: there, commands: [command({ state: 'succeeded', begunAt: 2000, endedAt: 9000 })] })
    const next = nextStep(plan([moving]), seen)
    const observed = next.step === 'change' ? next.plan.moves[0]?.observed : undefined
    expect(observed).toEqual({
      durationMs: 7000,
      sourceMemoryBytes: 2 * GiB,
      targetMemoryBytes: 2 * GiB,
      hit: true,
    })
    const late = command({ state: 'succeeded', begunAt: 2000, endedAt: 12_001 })
    const slow = nextStep(plan([moving]), world({ snapshot: there, commands: [late] }))
    expect(slow.step === 'change' && slow.plan.moves[0]?.observed?.hit).toBe(false)
  })

  it('stops where a rule forbids the move by now, or the command is refused', () => {
    const refusal = { rule: 'maintenance', reason: 'it is in maintenance' } as const
    expect(afterCheck(plan(), 0, { refusals: [refusal] }, 1)).toMatchObject({
      state: 'stopped',
      reason: 'www may not go to xenhv02 any more: it is in maintenance (maintenance)',
    })
    expect(afterCheck(plan(), 0, { command: command({ state: 'refused', reason: 'no' }) }, 1)).toMatchObject({
      state: 'stopped',
      reason: 'www: no',
    })
    expect(afterCheck(plan(), 0, { command: command({ state: 'queued' }) }, 1).moves[0]).toMatchObject({
      state: 'moving',
      commandId: 'c1',
      commandNumber: 7,
    })
  })
})

describe('moves that came as foretold', () => {
  const seen = (hit: boolean, change: Partial<KeptMove> = {}): KeptMove =>
    move({ state: 'done', observed: { durationMs: 1, sourceMemoryBytes: 1, targetMemoryBytes: 1, hit }, ...change })
  /** The plan once its move was looked at. */
  const looked = (seenNow: ApplyWorld): KeptPlan => {
    const next = nextStep(plan([moving]), seenNow)
    return next.step === 'change' ? next.plan : plan([])
  }

  it.each([
    ['none of none', [], 0, 1],
    ['some of those that are over', [seen(true), seen(false), move()], 2, 0.5],
    ['not those that a person did', [seen(false, { by: 'person' }), seen(true)], 1, 1],
    ['not those whose command failed before', [seen(true, { missedAt: [5, 6] }), seen(true)], 4, 0.5],
  ] as const)('are counted: %s', (_what, moves, count, rate) => {
    expect(hitRate([plan(moves)])).toEqual({ moves: count, rate })
  })

  it('are the last ones', () => {
    const old = Array.from({ length: 30 }, (_, at) => seen(false, { endedAt: at }))
    expect(hitRate([plan([...old, seen(true, { endedAt: 100 })])], 2)).toEqual({ moves: 2, rate: 0.5 })
  })

  it.each([
    ['one that failed', { state: 'failed', endedAt: 9000 }, world(), { moves: 1, rate: 0 }],
    ['one of which nothing is known', { state: 'unknown' }, world(), { moves: 1, rate: 0 }],
    [
      'one that brought nothing over',
      { state: 'succeeded', endedAt: 9000 },
      world({ now: 200_000 }),
      { moves: 1, rate: 0 },
    ],
    ['but none that a person cancelled', { state: 'cancelled' }, world(), { moves: 0, rate: 1 }],
    [
      'one after which memory is not known',
      { state: 'succeeded', endedAt: 9000 },
      world({ snapshot: there, configuredBytes: () => undefined }),
      { moves: 1, rate: 0 },
    ],
  ] as const)('are not: %s', (_what, change, seenNow, rate) => {
    expect(hitRate([looked({ ...seenNow, commands: [command(change)] })])).toEqual(rate)
  })
})
