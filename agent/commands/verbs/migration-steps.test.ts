import { describe, expect, it } from 'vitest'

import { HandControl } from '../../../test/support/hand-control.js'
import { VerbBench } from '../../../test/support/verb-bench.js'

const uuid = 'a'

function halted(): { readonly control: HandControl; readonly bench: VerbBench } {
  const control = new HandControl()
  control.add(uuid, 'alpha')
  control.set(uuid, { state: 'paused' })
  return { control, bench: new VerbBench(control, uuid) }
}

async function refusals(bench: VerbBench, verb: 'arrive' | 'discard'): Promise<string[]> {
  return (await bench.checks(verb)).flatMap(({ check, ok }) => (ok ? [] : [check]))
}

describe.each(['arrive', 'discard'] as const)('%s', (verb) => {
  it('says in its checks already what it refuses', async () => {
    const { control, bench } = halted()
    expect(await refusals(bench, verb)).toEqual([])
    control.isBusy = true
    bench.isArchived = false
    expect(await refusals(bench, verb)).toEqual(['archive', 'job'])
  })

  it.each([
    ['another job', (control: HandControl) => (control.isBusy = true), /is at work on it/],
    ['no archived definition', (_control: HandControl, bench: VerbBench) => (bench.isArchived = false), /archived/],
  ])('refuses it at the last moment where there is %s', async (_what, change, reason) => {
    const { control, bench } = halted()
    change(control, bench)
    await expect(bench.run(verb)).rejects.toThrow(reason)
    expect(control.done).toEqual([])
  })
})

it('an arrival lets the guest go on', async () => {
  const { control, bench } = halted()
  expect(await bench.run('arrive')).toMatchObject({ state: 'succeeded' })
  expect(control.done).toEqual(['resume alpha'])
})

describe('a discard', () => {
  it('archives the definition before it ends the copy and forgets it', async () => {
    const { control, bench } = halted()
    expect(await bench.run('discard')).toMatchObject({ state: 'succeeded' })
    expect(control.done).toEqual(['destroy alpha', 'undefine alpha'])
    expect(bench.archived).toEqual([expect.stringMatching(/secret/)])
  })

  it('of one that is off asks for no job of it', async () => {
    const { control, bench } = halted()
    control.set(uuid, { state: 'shutoff', runId: '' })
    control.isBusy = true
    expect(await refusals(bench, 'discard')).toEqual([])
    await bench.run('discard')
    expect(control.done).toEqual(['undefine alpha'])
  })
})
