import { describe, expect, it } from 'vitest'

import type { CommandState } from '../../common/verbs.js'
import { aged, endsBy, nextToSend, type Command } from './command.js'
import { afterWord, hashOf, migrationChanges, pastCancelling, type Change } from './migration.js'

const definition = "<domain type='kvm'><name>vm</name></domain>"
const move = { fromHostId: 'a', fromHostName: 'one', toHostId: 'b', toHostName: 'two' }
const base: Command = {
  id: 'm',
  number: 1,
  verb: 'migrate',
  args: { to: 'two' },
  hostId: 'a',
  hostName: 'one',
  vmUuid: 'u',
  vmName: 'vm',
  dryRun: false,
  actor: 'ann',
  state: 'queued',
  reason: '',
  createdAt: 0,
  startBefore: 120_000,
  timeoutMs: 0,
  revision: 0,
  verdicts: [],
  output: '',
  outputEnd: 0,
  move,
}

let numbers = 1
function stepped(verb: string, state: CommandState, more: Partial<Command> = {}): Command {
  numbers += 1
  return { ...base, id: `s${numbers}`, number: numbers, verb, state, stepOf: 'm', move: undefined, ...more }
}

/** In words: which step is next, or what the command becomes. */
function next(command: Command, ...steps: readonly Command[]): string[] {
  return migrationChanges([command, ...steps], 1000).map(said)
}

function said(change: Change): string {
  if (change.change === 'step')
    return `${change.step.verb} on ${change.step.hostName}${change.step.dryRun ? ', dry' : ''}`
  const { state, reason, move: now } = change.command
  return now?.isReady === true && state === 'queued' ? 'ready' : `${state}${reason === '' ? '' : `: ${reason}`}`
}

const offered = stepped('offer', 'succeeded', { output: `${definition}\n` })
const received = stepped('receive', 'succeeded', { hostName: 'two' })
const left: Command = { ...base, state: 'running', sentAt: 1, move: { ...move, isReady: true, hasLeft: true } }

describe('a migration', () => {
  it('goes step by step, each after the one before has ended well', () => {
    expect(next(base)).toEqual(['offer on one'])
    expect(next(base, stepped('offer', 'running'))).toEqual([])
    expect(next(base, offered)).toEqual(['receive on two'])
    expect(next(base, offered, received)).toEqual(['ready'])
    expect(next(left)).toEqual(['arrive on two'])
    expect(next(left, stepped('arrive', 'running'))).toEqual([])
    expect(next(left, stepped('arrive', 'succeeded'))).toEqual(['discard on one', 'succeeded: it runs on two'])
  })

  it('is not begun where a host refuses, or a definition is not whole', () => {
    const refused = stepped('offer', 'refused', { reason: 'it has devices of its host' })
    expect(next(base, refused)).toEqual(['refused: one: offer refused: it has devices of its host'])
    expect(next(base, stepped('offer', 'succeeded', { output: '<domain>' }))).toEqual([
      'failed: one has told no whole definition',
    ])
    const full = stepped('receive', 'refused', { hostName: 'two', reason: 'no bridge br0 here' })
    expect(next(base, offered, full)).toEqual(['refused: two: receive refused: no bridge br0 here'])
  })

  it('archives nothing in a dry run, and ends with what both hosts say', () => {
    const dry = { ...base, dryRun: true }
    const [first] = migrationChanges([dry], 0)
    expect(first).toMatchObject({ step: { args: { keep: 'no' } } })
    expect(next(dry, offered, received)).toEqual(['succeeded'])
  })

  it('is sent to the old host only when both have archived the definition that it then moves', () => {
    const reachable = (): boolean => true
    expect(nextToSend([base], reachable, { perHost: 4, fleet: 64 })).toEqual([])
    const [ready] = migrationChanges([base, offered, received], 0)
    if (ready?.change !== 'command') throw new Error('not ready')
    expect(ready.command.args['definition']).toBe(hashOf(definition))
    expect(nextToSend([ready.command], reachable, { perHost: 4, fleet: 64 })).toHaveLength(1)
  })

  it.each([
    [[], {}],
    [[{ check: 'agent: autostart', ok: true, says: 'it starts with its host' }], { autostart: 'on' }],
  ])('has it start with its new host if it did with its old one: %j', (verdicts, args) => {
    const [ready] = migrationChanges([base, { ...offered, verdicts }, received], 0)
    if (ready?.change !== 'command' || ready.command.move === undefined) throw new Error('not ready')
    const moved = { ...ready.command, state: 'running', move: { ...ready.command.move, hasLeft: true } } as const
    expect(migrationChanges([moved], 0)).toMatchObject([{ step: { verb: 'arrive', args: { move: 'm', ...args } } }])
  })

  it('takes a place of both hosts', () => {
    const ready = { ...base, move: { ...move, isReady: true } }
    const other = { ...base, id: 'x', number: 0, hostId: 'b', vmUuid: 'v', state: 'running', move: undefined } as const
    expect(nextToSend([other, ready], () => true, { perHost: 1, fleet: 64 })).toEqual([])
    expect(nextToSend([other, ready], () => true, { perHost: 2, fleet: 64 })).toHaveLength(1)
  })

  it('does not end when the old host says that it is off there, nor by a later word of that host', () => {
    const over = afterWord({ ...base, state: 'succeeded', reason: 'off here', sentAt: 1 }, 5000)
    expect(over).toMatchObject({ state: 'running', move: { hasLeft: true, leftAt: 5000 } })
    expect(afterWord({ ...over, state: 'unknown', reason: 'no record' }, 6000)).toMatchObject({ state: 'running' })
  })

  it('says so where it went off and does not go on, as its new host sees; nothing else is tried', () => {
    const verdicts = [{ check: 'agent: vm', ok: false, says: 'gone' }]
    expect(next(left, stepped('arrive', 'refused', { hostName: 'two', reason: 'gone', verdicts }))).toEqual([
      'unknown: it is off on one, and does not go on on two: gone',
    ])
    const failures = [1, 2, 3].map(() =>
      stepped('arrive', 'failed', { hostName: 'two', reason: 'no lock', endedAt: 0 }),
    )
    expect(next(left, ...failures)).toEqual(['unknown: it is off on one, and does not go on on two: no lock'])
  })

  it.each([
    ['refused', 'agent: allow'],
    ['refused', 'agent: job'],
    ['expired', ''],
    ['unknown', ''],
    ['failed', ''],
  ] as const)('past the point of no return asks again, after a while, for what ended %s (%s)', (state, check) => {
    const verdicts = check === '' ? [] : [{ check, ok: false, says: 'not now' }]
    const turnedAway = stepped('arrive', state, { hostName: 'two', reason: 'not now', verdicts, endedAt: 1000 })
    expect(migrationChanges([left, turnedAway], 5999)).toEqual([])
    expect(migrationChanges([left, turnedAway], 6000).map(said)).toEqual(['arrive on two', 'running'])
    expect(migrationChanges([left, turnedAway], 6000)[1]).toMatchObject({
      command: { output: `two: arrive ${state}: not now; it is asked again\n` },
    })
  })

  it('has no step that outlives it', () => {
    const endMs = endsBy(left)
    const [arrive] = migrationChanges([left], 1000)
    const [discard] = migrationChanges([left, stepped('arrive', 'succeeded')], 2000)
    expect([arrive, discard]).toMatchObject([
      { step: { startWithinMs: endMs - 1000 } },
      { step: { startWithinMs: endMs - 2000 } },
    ])
    expect(aged(left, endMs - 1)).toBeUndefined()
    expect(aged(left, endMs)).toMatchObject({ state: 'unknown', reason: expect.stringMatching(/off on one/) })
    // The word of its old host came late: there is time all the same.
    const late = { ...left, move: { ...move, hasLeft: true, leftAt: endMs + 5000 } }
    expect(aged(late, endMs + 5000)).toBeUndefined()
    expect(migrationChanges([late], endMs + 5000)).toMatchObject([{ step: { startWithinMs: 3_600_000 } }])
  })
})

describe('resolving one whose contact was lost', () => {
  const resolve: Command = { ...base, verb: 'resolve', state: 'running', args: { keep: 'two' } }
  const probe = stepped('arrive', 'succeeded', { hostName: 'two', dryRun: true })
  const gone = stepped('discard', 'succeeded')

  it('looks at the copy that is kept before it ends the other, and lets it go on after that', () => {
    expect(next({ ...resolve, state: 'queued' })).toEqual(['running'])
    expect(next(resolve)).toEqual(['arrive on two, dry'])
    expect(
      next(resolve, stepped('arrive', 'refused', { dryRun: true, hostName: 'two', reason: 'no VM is here' })),
    ).toEqual(['refused: two: arrive refused: no VM is here'])
    expect(next(resolve, probe)).toEqual(['discard on one'])
    expect(next(resolve, probe, stepped('discard', 'failed', { reason: 'it is running now' }))).toEqual([
      'failed: one: discard failed: it is running now',
    ])
    expect(next(resolve, probe, gone)).toEqual(['arrive on two'])
    const arrived = stepped('arrive', 'succeeded', { hostName: 'two' })
    expect(next(resolve, probe, gone, arrived)).toEqual(['succeeded: it goes on on two; the copy on one is gone'])
  })

  it.each<[string, string]>([
    ['agent: look', 'the VM could not be looked at: timed out'],
    ['agent: host', 'the agent only observes'],
    ['agent: allow', 'not allowed'],
    ['agent: vm', 'no VM u is here'],
  ])('lets nothing go on unless the other copy was seen to be gone: %s', (check, reason) => {
    const verdicts = [{ check, ok: false, says: reason }]
    expect(next(resolve, probe, stepped('discard', 'refused', { reason, verdicts }))).toEqual([
      `refused: one: discard refused: ${reason}`,
    ])
  })

  it('only ends the other copy where the kept one runs', () => {
    const runs = { ...resolve, move: { ...move, runs: true } }
    expect(next(runs)).toEqual(['discard on one'])
    expect(next(runs, gone)).toEqual(['succeeded: it goes on on two; the copy on one is gone'])
  })
})

describe('what moves a VM can be cancelled', () => {
  const resolve: Command = { ...base, verb: 'resolve', state: 'running', args: { keep: 'two' } }
  const probe = stepped('arrive', 'succeeded', { dryRun: true })

  it.each<[string, Command, readonly Command[], string | undefined]>([
    ['while hosts only look', base, [offered, received], undefined],
    ['while it is moved', { ...base, state: 'running', sentAt: 1 }, [offered, received], undefined],
    ['not once it is off on its old host', left, [offered, received], 'the VM is off on one: it has to go on on two'],
    ['while the kept copy is looked at', resolve, [probe], undefined],
    [
      'not once the other copy is being ended',
      resolve,
      [probe, stepped('discard', 'queued')],
      'the other copy is being ended: this one has to go on',
    ],
    ['not step by step', stepped('arrive', 'queued'), [base], 'it is a step of command 1'],
  ])('%s', (_what, command, others, expected) => {
    expect(pastCancelling(command, [command, ...others])).toBe(expected)
  })
})
