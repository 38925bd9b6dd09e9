import { describe, expect, it } from 'vitest'

import type { CommandState } from '../../common/verbs.js'
import { buildSnapshot, hostIdOf, MiB } from '../../test/support/snapshot-builder.js'
import type { Snapshot, Vm } from '../model/snapshot.js'
import type { Command } from './command.js'
import { planMove, type Planned } from './plan-move.js'

const snapshot = buildSnapshot({
  hosts: ['one', 'two', 'three'].map((name) => ({ name, memoryMiB: 4096 })),
  vms: ['a', 'b', 'c'].map((name) => ({ name, host: 'one', memoryMiB: 512 })),
})

function vmOf(name: string, of: Pick<Snapshot, 'vms'> = snapshot): Vm {
  const vm = [...of.vms.values()].find((one) => one.name === name)
  if (vm === undefined) throw new Error(`no VM ${name}`)
  return vm
}

function moving(name: string, to: string, more: Partial<Command> = {}): Command {
  const { uuid } = vmOf(name)
  return {
    id: `of-${name}`,
    number: 1,
    verb: 'migrate',
    args: { to },
    hostId: hostIdOf('one'),
    hostName: 'one',
    vmUuid: uuid,
    vmName: name,
    dryRun: false,
    actor: 'ann',
    state: 'running',
    reason: '',
    createdAt: 0,
    startBefore: 0,
    timeoutMs: 0,
    revision: 0,
    verdicts: [],
    output: '',
    outputEnd: 0,
    move: { fromHostId: hostIdOf('one'), fromHostName: 'one', toHostId: hostIdOf(to), toHostName: to },
    ...more,
  }
}

function plan(verb: 'migrate' | 'resolve', args: Record<string, string>, commands: readonly Command[]): Planned {
  const planned = planMove({ verb, args }, vmOf('a'), {
    snapshot,
    balanceOf: () => ({ spareBytes: 1024 * MiB, room: 0, shortOfNextBytes: 512 * MiB }),
    maintenanceOf: () => undefined,
    commands,
  })
  if (planned === undefined) throw new Error('moves nothing')
  return planned
}

function memory(commands: readonly Command[]): boolean | undefined {
  return plan('migrate', { to: 'two' }, commands).verdicts.find(({ check }) => check === 'memory')?.ok
}

describe('the memory of the host that a VM is to move to', () => {
  it.each<[string, Command[], boolean]>([
    ['nothing else', [], true],
    ['one that comes too', [moving('b', 'two')], true],
    ['two that come too', [moving('b', 'two'), moving('c', 'two')], false],
    ['one that waits for its turn', [moving('b', 'two', { state: 'queued' }), moving('c', 'two')], false],
    ['one twice', [moving('b', 'two'), moving('b', 'two', { id: 'again' })], true],
    ['others that go elsewhere', [moving('b', 'three'), moving('c', 'three')], true],
    ...(['succeeded', 'failed', 'pending-approval'] as const).map(
      (state: CommandState): [string, Command[], boolean] => [
        `others that are ${state}`,
        [moving('b', 'two', { state }), moving('c', 'two', { state })],
        true,
      ],
    ),
    ['dry runs', [moving('b', 'two', { dryRun: true }), moving('c', 'two', { dryRun: true })], true],
  ])('counts %s', (_what, commands, expected) => {
    expect(memory(commands)).toBe(expected)
  })
})

describe('resolving', () => {
  it('goes by the last move that was sent, by which agents know their part', () => {
    const sent = moving('a', 'two', { id: 'sent', number: 1, sentAt: 1, state: 'unknown' })
    const later = moving('a', 'three', { id: 'later', number: 2, state: 'refused' })
    expect(plan('resolve', { keep: 'two' }, [later, sent]).move).toBeUndefined()
    const halted = { ...vmOf('a'), state: 'paused' as const }
    const planned = planMove({ verb: 'resolve', args: { keep: 'two' } }, halted, {
      snapshot,
      balanceOf: () => undefined,
      maintenanceOf: () => undefined,
      commands: [later, sent],
    })
    expect(planned?.move).toMatchObject({ moveId: 'sent', toHostName: 'two', fromHostName: 'one' })
  })
})
