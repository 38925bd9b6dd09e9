import { describe, expect, it } from 'vitest'

import { aged, nextToSend, told, type Command, type CommandUpdate } from './command.js'

const command: Command = {
  id: 'c',
  number: 1,
  verb: 'suspend',
  args: {},
  hostId: 'h1',
  hostName: 'one',
  vmUuid: 'a',
  vmName: 'alpha',
  dryRun: false,
  actor: 'ann',
  state: 'sent',
  reason: '',
  createdAt: 0,
  startBefore: 1000,
  timeoutMs: 500,
  sentAt: 1,
  revision: 0,
  verdicts: [],
  output: '',
  outputEnd: 0,
}
const update: CommandUpdate = {
  id: 'c',
  revision: 1,
  state: 'running',
  reason: '',
  verdicts: [],
  output: '',
  outputOffset: 0,
  outputBytes: 0,
}

describe('what an agent tells of a command', () => {
  it('moves it on, and nothing old moves it back', () => {
    const running = told(command, update, 10)
    expect(running).toMatchObject({ state: 'running', begunAt: 10, revision: 1 })
    const end = told(running ?? command, { ...update, revision: 3, state: 'failed', reason: 'why' }, 20)
    expect(end).toMatchObject({ state: 'failed', reason: 'why', begunAt: 10, endedAt: 20 })
    expect(told(end ?? command, { ...update, revision: 9, state: 'running' }, 30)).toBeUndefined()
    expect(told(running ?? command, update, 30)).toBeUndefined()
  })

  it('has its output put together by offsets, however it overlaps', () => {
    const says = (output: string, outputOffset: number, revision: number, before: Command): Command =>
      told(before, { ...update, revision, output, outputOffset, outputBytes: Buffer.byteLength(output) }, 1) ?? before
    const first = says('one\n', 0, 1, command)
    const second = says('one\ntwo\n', 0, 2, first)
    expect(second).toMatchObject({ output: 'one\ntwo\n', outputEnd: 8 })
    expect(says('two\n', 4, 3, second).output).toBe('one\ntwo\n')
    expect(says('five\n', 16, 4, second)).toMatchObject({
      output: 'one\ntwo\n[… some of it was lost]\nfive\n',
      outputEnd: 21,
    })
  })
})

describe('time', () => {
  it.each<readonly [string, Partial<Command>, number, string | undefined]>([
    ['leaves what may still begin', { state: 'queued' }, 999, undefined],
    ['ends what was not sent in time', { state: 'queued' }, 1000, 'expired'],
    ['ends what nobody approved in time', { state: 'pending-approval' }, 1000, 'expired'],
    ['waits for the word of an agent that is away', {}, 3_601_499, undefined],
    ['gives up in the end', {}, 3_601_500, 'unknown'],
    ['ends nothing twice', { state: 'succeeded' }, 1e9, undefined],
  ])('%s', (_what, change, now, state) => {
    expect(aged({ ...command, ...change }, now)?.state).toBe(state)
  })

  it('leaves the last word to the agent, also after it was given up', () => {
    const lost = aged(command, 1e9) ?? command
    expect(told(lost, { ...update, state: 'succeeded' }, 2e9)).toMatchObject({ state: 'succeeded', gaveUp: undefined })
  })
})

describe('what is sent', () => {
  const row = (number: number, change: Partial<Command> = {}): Command => {
    return { ...command, id: `c${number}`, number, state: 'queued', vmUuid: `vm${number}`, ...change }
  }
  const chosen = (rows: readonly Command[], caps = { perHost: 2, fleet: 3 }): number[] =>
    nextToSend(rows, (hostId) => hostId !== 'away', caps).map(({ number }) => number)

  it.each<readonly [string, readonly Command[], number[]]>([
    ['the oldest first, so many of a host', [row(3), row(1), row(2)], [1, 2]],
    ['those that run count', [row(1, { state: 'running' }), row(2), row(3)], [2]],
    ['others do not wait for a full host', [row(1), row(2), row(3), row(4, { hostId: 'h2' })], [1, 2, 4]],
    ['so many in all', [1, 2, 3, 4, 5].map((n) => row(n, { hostId: `h${n}` })), [1, 2, 3]],
    ['one of a VM', [row(1), row(2, { vmUuid: 'vm1' }), row(3)], [1, 3]],
    ['one of a VM that is away', [row(1, { hostId: 'away' }), row(2, { vmUuid: 'vm1' })], []],
    [
      'what was sent to agents that are away takes no place of others',
      [1, 2, 3, 4].map((n) => row(n, n < 4 ? { hostId: 'away', state: 'sent' } : {})),
      [4],
    ],
    ['nothing that waits for approval', [row(1, { state: 'pending-approval' })], []],
  ])('%s', (_what, rows, numbers) => {
    expect(chosen(rows)).toEqual(numbers)
  })
})
