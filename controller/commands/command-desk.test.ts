import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { createLog } from '../../common/log.js'
import { ControllerAudit } from '../audit/controller-audit.js'
import { openEmbeddedState } from '../store/embedded-state/embedded-state.js'
import type { StateStore } from '../store/state-store.js'
import { CommandDesk, type AgentLink } from './command-desk.js'
import type { Command, CommandUpdate } from './command.js'

/** Hand-written: a session that notes what is sent. */
class HandLink implements AgentLink {
  readonly sent: string[] = []
  constructor(readonly agentId: string) {}
  rules(): ReturnType<AgentLink['rules']> {
    return { allow: [], utcOffsetMinutes: 0, verbs: new Map() }
  }
  speaksFor(hostId: string): boolean {
    return hostId === 'h'
  }
  send({ id }: Command, { onlyReport }: { readonly onlyReport: boolean }): void {
    this.sent.push(`${id} ${onlyReport ? 'report' : 'begin'}`)
  }
  cancel(id: string, actor: string): void {
    this.sent.push(`${id} cancelled by ${actor}`)
  }
  ack(id: string, revision: number): void {
    this.sent.push(`${id} acked ${revision}`)
  }
  tellHead(): void {
    // Heads are looked at in whole-way.test.ts.
  }
}

const command: Command = {
  id: 'c',
  number: 1,
  verb: 'shutdown',
  args: {},
  hostId: 'h',
  hostName: 'one',
  vmUuid: 'a',
  vmName: 'alpha',
  dryRun: false,
  actor: 'ann',
  state: 'queued',
  reason: '',
  createdAt: 0,
  startBefore: 1000,
  timeoutMs: 500,
  revision: 0,
  verdicts: [],
  output: '',
  outputEnd: 0,
}
const running: CommandUpdate = {
  id: 'c',
  revision: 2,
  state: 'running',
  reason: '',
  verdicts: [],
  output: '',
  outputOffset: 0,
  outputBytes: 0,
}

let directory: string
let state: StateStore
let audit: ControllerAudit
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'headroom-desk-'))
  state = openEmbeddedState({ path: join(directory, 'state.db') })
  audit = await ControllerAudit.open(state)
})
afterEach(async () => {
  await state.close()
  await rm(directory, { recursive: true })
})

/** A controller that finds these commands when it starts. */
async function deskWith(...kept: readonly Command[]): Promise<CommandDesk> {
  for (const one of kept) await state.tx((t) => t.put('commands', String(one.number).padStart(12, '0'), one))
  return CommandDesk.open({
    state,
    audit,
    hostName: () => 'one',
    ownerOf: () => undefined,
    approvals: () => [],
    copies: () => [],
    now: () => 10,
    newId: () => 'd',
    log: createLog('test', 'silent'),
  })
}

/** Everything that is in turn before is done. */
const settled = (desk: CommandDesk): Promise<void> => desk.stop()

async function events(): Promise<unknown[]> {
  return (await audit.list(100)).map(({ what }) => what['event']).toReversed()
}

describe('a command that was sent', () => {
  const sent: Command = { ...command, state: 'sent', sentAt: 5, sentTo: 'one' }

  it.each<readonly [string, Partial<Command>, string, string[]]>([
    ['may have been lost on its way', {}, 'one', ['c begin']],
    ['had begun', { state: 'running', begunAt: 6 }, 'one', ['c report']],
    ['may have been begun by the agent before', {}, 'another', ['c report']],
    ['was sent to nobody knows whom', { sentTo: undefined }, 'one', ['c report']],
    ['is cancelled', { cancelledBy: 'bob' }, 'one', ['c report', 'c cancelled by bob']],
  ])('and %s', async (_what, change, agentId, said) => {
    const desk = await deskWith({ ...sent, ...change })
    const link = new HandLink(agentId)
    desk.attach(link)
    await settled(desk)
    expect(link.sent).toEqual(said)
  })

  it('is sent once, to one agent', async () => {
    const desk = await deskWith(command)
    const link = new HandLink('one')
    desk.attach(link)
    await settled(desk)
    expect(link.sent).toEqual(['c begin'])
    expect(desk.find('c')).toMatchObject({ state: 'sent', sentTo: 'one' })
  })

  it('leaves an entry for each state, however often the agent tells of it', async () => {
    const desk = await deskWith(sent)
    const link = new HandLink('one')
    for (let revision = 1; revision <= 20; revision += 1) await desk.update(link, { ...running, revision })
    expect(await events()).toEqual(['running'])
    await desk.update(link, { ...running, revision: 30, state: 'succeeded' })
    expect(await events()).toEqual(['running', 'succeeded'])
  })

  it('leaves one entry for its cancelling, and is cancelled again by every asking', async () => {
    const desk = await deskWith(sent)
    const link = new HandLink('one')
    desk.attach(link)
    for (const actor of ['bob', 'bob', 'eve'])
      expect(await desk.cancel('c', actor)).toMatchObject({ status: 'done', command: { cancelledBy: 'bob' } })
    expect(link.sent).toEqual(['c begin', ...Array.from({ length: 3 }, () => 'c cancelled by bob')])
    expect(await events()).toEqual(['cancel'])
  })

  it('ends when its agent has lost its record of it', async () => {
    const desk = await deskWith({ ...sent, state: 'running', begunAt: 6, revision: 7 })
    await desk.update(new HandLink('one'), { ...running, state: 'unknown', reason: 'no record' })
    expect(desk.find('c')).toMatchObject({ state: 'unknown', reason: 'no record' })
  })
})

describe('a resolve', () => {
  const move = { fromHostId: 'h', fromHostName: 'one', toHostId: 'i', toHostName: 'two' }
  const resolve: Command = { ...command, verb: 'resolve', state: 'running', move }
  const probe: Command = { ...command, id: 'p', number: 2, verb: 'arrive', stepOf: 'c', dryRun: true }
  const discard: Command = { ...command, id: 's', number: 3, verb: 'discard', stepOf: 'c' }

  it('is cancelled with its steps while it only looks', async () => {
    const desk = await deskWith(resolve, probe)
    expect(await desk.cancel('c', 'bob')).toMatchObject({ status: 'done', command: { state: 'cancelled' } })
    expect(desk.find('p')).toMatchObject({ state: 'cancelled' })
  })

  it('is dropped with its steps while it only looks, if who asked may no more', async () => {
    const desk = await deskWith(resolve, probe)
    await desk.dropWaiting('ann', 'the user ann was removed')
    expect([desk.find('c')?.state, desk.find('p')?.state]).toEqual(['cancelled', 'cancelled'])
  })

  it('goes on once the other copy is being ended, whoever cancels it or is removed', async () => {
    const desk = await deskWith(resolve, probe, discard)
    for (const id of ['c', 's']) expect(await desk.cancel(id, 'bob')).toMatchObject({ status: 'past-cancelling' })
    await desk.dropWaiting('ann', 'the user ann was removed')
    expect([desk.find('c')?.state, desk.find('s')?.state]).toEqual(['running', 'queued'])
    expect(await events()).toEqual([])
  })
})
