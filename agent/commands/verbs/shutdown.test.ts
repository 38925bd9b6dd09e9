import { expect, it } from 'vitest'

import { createLog } from '../../../common/log.js'
import { HandControl } from '../../../test/support/hand-control.js'
import { HandMarks } from '../../../test/support/hand-marks.js'
import { LimitKeeper } from '../limit-keeper.js'
import { shutdown } from './shutdown.js'
import type { VerbContext } from './verb-work.js'

const uuid = 'a'

/** Time passes only where the work waits. */
function contextOf(control: HandControl, withinMs: number): VerbContext & { readonly lines: string[] } {
  const abort = new AbortController()
  const before = control.vms.get(uuid)
  if (before === undefined) throw new Error('no VM')
  let nowMs = 0
  const lines: string[] = []
  return {
    commandId: 'c',
    hostId: 'h',
    vmUuid: uuid,
    limits: new LimitKeeper({
      store: { load: () => Promise.resolve([]), save: () => Promise.resolve() },
      control: () => control,
      mayHave: () => true,
      now: () => 0,
      monotonicMs: () => 0,
      audit: () => Promise.resolve(),
      log: createLog('test', 'silent'),
    }),
    progress: () => undefined,
    programs: [],
    archive: { keep: () => Promise.resolve(''), keepIncoming: () => Promise.resolve('') },
    marks: new HandMarks(),
    definition: undefined,
    held: () => Promise.resolve(),
    args: {},
    before,
    control,
    signal: abort.signal,
    pause: (ms) => {
      nowMs += ms
      if (nowMs >= withinMs) abort.abort()
      return Promise.resolve()
    },
    say: (line) => lines.push(line),
    lines,
  }
}

it.each([
  [0, 1, { state: 'succeeded' }],
  [2, 3, { state: 'succeeded', reason: 'asked 3 times' }],
  [99, 6, { state: 'failed', reason: 'asked 6 times, the guest has not shut down' }],
])('asks a guest that is deaf %i times every 10 s for a minute', async (deaf, asked, outcome) => {
  const control = new HandControl()
  control.add(uuid, 'alpha')
  control.deaf = deaf
  const context = contextOf(control, 60_000)
  expect(await shutdown.run(context)).toEqual(outcome)
  expect(control.done).toHaveLength(asked)
  expect(context.lines).toHaveLength(asked)
})

it('does not ask a run that it was not meant for', async () => {
  const control = new HandControl()
  control.add(uuid, 'alpha')
  const context = contextOf(control, 60_000)
  control.set(uuid, { runId: 'another' })
  expect(await shutdown.run(context)).toMatchObject({
    state: 'succeeded',
    reason: expect.stringMatching(/started again/),
  })
  expect(control.done).toEqual([])
})

it('does not take the last asking of many for nothing', async () => {
  const control = new HandControl()
  control.add(uuid, 'alpha')
  control.set(uuid, { state: 'running' })
  const context = contextOf(control, 60_000)
  expect(await shutdown.seen({ ...context, before: { ...context.before } })).toMatchObject({
    state: 'unknown',
    reason: expect.stringMatching(/may still shut down/),
  })
  expect(control.done).toEqual([])
})
