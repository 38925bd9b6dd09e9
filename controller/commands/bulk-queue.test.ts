import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { arrayCondition } from '../../test/support/array-condition.js'
import { hostIdOf, uuidOf } from '../../test/support/snapshot-builder.js'
import { storageFleet } from '../../test/support/storage-fleet.js'
import { createLog } from '../../common/log.js'
import type { CommandState } from '../../common/verbs.js'
import { ControllerAudit } from '../audit/controller-audit.js'
import type { ArrayCondition } from '../model/array-condition.js'
import { openEmbeddedState } from '../store/embedded-state/embedded-state.js'
import type { StateStore } from '../store/state-store.js'
import { CommandDesk, type AgentLink } from './command-desk.js'
import type { Command } from './command.js'

const log = createLog('test', 'silent')
const fleet = storageFleet()
const quiet = arrayCondition('idle', { inflowBytesPerSecond: 2e6 })

let directory: string
let state: StateStore
let desk: CommandDesk
let sent: string[]
let condition: ArrayCondition
let now: number
let ids = 0

const link: AgentLink = {
  agentId: 'one',
  rules: () => ({
    allow: [{ verbs: ['exec', 'limit'], vms: ['*'] }],
    utcOffsetMinutes: 0,
    bulkPrograms: new Set(['backup']),
    verbs: new Map([[hostIdOf('a'), { verbs: ['exec', 'limit'], reason: '' }]]),
  }),
  speaksFor: (id) => id === hostIdOf('a'),
  send: ({ vmName, args }) => void sent.push(`${args['entry'] ?? 'limit'} ${vmName} ${args['rate'] ?? 'at any rate'}`),
  cancel: () => undefined,
  ack: () => undefined,
  tellHead: () => undefined,
}

async function open(): Promise<void> {
  desk = await CommandDesk.open({
    state,
    audit: await ControllerAudit.open(state),
    hostName: () => 'a',
    ownerOf: () => undefined,
    approvals: () => [],
    copies: () => [],
    boxesOf: () => [{ id: 'box', name: 'the box' }],
    conditionOf: () => condition,
    now: () => now,
    newId: () => `id${(ids += 1)}`,
    log,
  })
  desk.attach(link)
}

async function ask(name: string, args: Readonly<Record<string, string>>, verb = 'exec'): Promise<Command> {
  const vm = fleet.vms.get(uuidOf(name))
  if (vm === undefined) throw new Error(name)
  const asker = { name: 'ann', role: 'operator', scope: undefined } as const
  const command = await desk.ask({ verb, args, vm, dryRun: false, asker, startWithinMs: 1000 })
  if (command === undefined) throw new Error('turned away')
  return command
}

async function end({ id }: Command, state: CommandState = 'succeeded'): Promise<void> {
  const update = { id, reason: '', verdicts: [], output: '', outputOffset: 0, outputBytes: 0 }
  await desk.update(link, { ...update, revision: 9, state })
}

const waiting = (): string[] => desk.queue().map(({ command, why }) => `${command.vmName} ${why}`)

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'headroom-queue-'))
  state = openEmbeddedState({ path: join(directory, 'state.db') })
  sent = []
  condition = quiet
  now = 1000
  await open()
})
afterEach(async () => {
  await desk.stop()
  await state.close()
  await rm(directory, { recursive: true })
})

it('sends one at a time, with its rate, and says of the others what they wait for', async () => {
  const first = await ask('p1', { entry: 'backup' })
  await ask('c1', { entry: 'backup' })
  await ask('x1', { entry: 'backup' })
  expect(sent).toEqual(['backup p1 14MB/s'])
  expect(waiting()).toEqual([
    `c1 the box: exec has its place, as command ${first.number}`,
    `x1 the box: exec has its place, as command ${first.number}`,
  ])
  await end(first)
  expect(sent).toEqual(['backup p1 14MB/s', 'backup c1 14MB/s'])
})

it('is reordered by people, and stays so over a restart', async () => {
  const first = await ask('p1', { entry: 'backup' })
  await ask('c1', { entry: 'backup' })
  const third = await ask('x1', { entry: 'backup' })
  expect(await desk.moveInQueue(third.id, 1, 'bob')).toMatchObject({ status: 'done' })
  expect(await desk.moveInQueue(first.id, 1, 'bob')).toEqual({ status: 'not-queued' })
  await desk.stop()
  await open()
  expect(waiting().map((text) => text.slice(0, 2))).toEqual(['x1', 'c1'])
  await end(first)
  expect(sent.at(-1)).toBe('backup x1 14MB/s')
  expect(waiting()).toHaveLength(1)
})

it('waits for an array that is full, and holds up neither other programs nor other commands of its VM', async () => {
  condition = arrayCondition('saturated')
  expect(await ask('p1', { entry: 'backup' })).toMatchObject({ state: 'queued' })
  expect(waiting()).toEqual(['p1 the box: its write cache is full'])
  expect(await ask('p1', { write: '5MB/s', for: '1m' }, 'limit')).toMatchObject({ state: 'sent' })
  expect(await ask('c1', { entry: 'look' })).toMatchObject({ state: 'sent' })
  expect(sent).toEqual(['limit p1 at any rate', 'look c1 at any rate'])
})

it('takes the same program with the same arguments once, while it waits', async () => {
  condition = arrayCondition('saturated')
  await ask('p1', { entry: 'backup', arg1: 'vda' })
  expect(await ask('p1', { entry: 'backup', arg1: 'vda' })).toMatchObject({
    state: 'refused',
    reason: 'the same waits for its array, as command 1',
  })
  for (const [name, args] of [
    ['p1', { entry: 'backup', arg1: 'vdb' }],
    ['p1', { entry: 'backup' }],
    ['c1', { entry: 'backup', arg1: 'vda' }],
  ] as const)
    expect(await ask(name, args)).toMatchObject({ state: 'queued' })
})

it('takes no more than a bound at one box', async () => {
  condition = arrayCondition('saturated')
  for (let count = 0; count < 100; count += 1) await ask('p1', { entry: 'backup', arg1: `${count}` })
  expect(await ask('c1', { entry: 'backup' })).toMatchObject({
    state: 'refused',
    reason: '100 bulk commands wait at the box, as many as may',
  })
})

describe('one that was sent and not begun in time', () => {
  it('has two minutes, and waits again at its place for what the array then bears', async () => {
    const first = await ask('p1', { entry: 'backup' })
    expect(first).toMatchObject({ state: 'sent', startBefore: 121_000, args: { entry: 'backup', rate: '14MB/s' } })
    await ask('c1', { entry: 'backup' })
    now += 36_000_000
    condition = arrayCondition('saturated')
    await end(first, 'expired')
    expect(desk.find(first.id)).toMatchObject({
      state: 'expired',
      reason: 'its agent did not begin it in time: it waits again, as command 3',
    })
    expect(waiting()).toEqual(['p1 the box: its write cache is full', 'c1 the box: command 3 waits before it'])
    expect(desk.find('3')).toMatchObject({ args: { entry: 'backup' }, startBefore: 86_401_000, actor: 'ann' })
    await end(first, 'expired')
    expect(waiting()).toHaveLength(2)
    condition = { ...quiet, inflowBytesPerSecond: 6e6 }
    await desk.moveInQueue(desk.find('3')?.id ?? '', 1, 'bob')
    expect(sent).toEqual(['backup p1 14MB/s', 'backup p1 10MB/s'])
  })

  it.each<[string, (command: Command) => Promise<unknown>]>([
    ['is cancelled', ({ id }) => desk.cancel(id, 'bob')],
    ['is of one who was removed', () => desk.dropWaiting('ann', 'the user ann was removed')],
    [
      'has waited for a day',
      () => {
        now += 86_400_000
        return Promise.resolve()
      },
    ],
  ])('ends where it %s', async (_what, before) => {
    const first = await ask('p1', { entry: 'backup' })
    await before(first)
    await end(first, 'expired')
    expect(desk.find(first.id)?.state).toBe('expired')
    expect(waiting()).toEqual([])
  })

  it('is tried a bounded number of times', async () => {
    await ask('p1', { entry: 'backup' })
    for (let count = 0; count < 30; count += 1) {
      const open = desk.list().find(({ state: one }) => one === 'sent')
      if (open !== undefined) await end(open, 'expired')
    }
    expect(desk.list()).toHaveLength(20)
    expect(desk.list().every(({ state: one }) => one === 'expired')).toBe(true)
  })
})
