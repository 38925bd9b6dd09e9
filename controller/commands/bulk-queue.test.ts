import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, expect, it } from 'vitest'

import { arrayCondition } from '../../test/support/array-condition.js'
import { hostIdOf, uuidOf } from '../../test/support/snapshot-builder.js'
import { storageFleet } from '../../test/support/storage-fleet.js'
import { createLog } from '../../common/log.js'
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
    now: () => 1000,
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

async function end({ id }: Command): Promise<void> {
  const update = { id, reason: '', verdicts: [], output: '', outputOffset: 0, outputBytes: 0 }
  await desk.update(link, { ...update, revision: 9, state: 'succeeded' })
}

const waiting = (): string[] => desk.queue().map(({ command, why }) => `${command.vmName} ${why}`)

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'headroom-queue-'))
  state = openEmbeddedState({ path: join(directory, 'state.db') })
  sent = []
  condition = quiet
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

it('takes no more than a bound at one box', async () => {
  condition = arrayCondition('saturated')
  for (let count = 0; count < 100; count += 1) await ask('p1', { entry: 'backup' })
  expect(await ask('c1', { entry: 'backup' })).toMatchObject({
    state: 'refused',
    reason: '100 bulk commands wait at the box, as many as may',
  })
})
