import { describe, expect, it } from 'vitest'

import { HandControl } from '../../../test/support/hand-control.js'
import { VerbBench } from '../../../test/support/verb-bench.js'
import { ActionRefused } from '../../hypervisor/hypervisor.js'
import { definitionHash } from './migrate.js'

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

describe('the start of a VM with its host', () => {
  const definition = definitionHash(`<domain>${uuid}</domain>`)
  function moving(move: (control: HandControl) => Promise<void>): {
    control: HandControl
    run: () => Promise<unknown>
  } {
    const control = new HandControl()
    control.add(uuid, 'alpha')
    control.set(uuid, { autostart: true })
    control.move = () => move(control)
    return { control, run: () => new VerbBench(control, uuid).run('migrate', { to: 'two', definition }) }
  }

  it('is switched off before the VM leaves', async () => {
    const { control, run } = moving((at) => {
      expect(at.done).toEqual(['autostart alpha false'])
      at.set(uuid, { state: 'shutoff', runId: '' })
      return Promise.resolve()
    })
    expect(await run()).toMatchObject({ state: 'succeeded' })
    expect(control.vms.get(uuid)?.autostart).toBe(false)
  })

  it('is as it was where the VM has stayed', async () => {
    const { control, run } = moving(() => Promise.reject(new ActionRefused('no route')))
    await expect(run()).rejects.toThrow('no route')
    expect(control.done).toEqual(['autostart alpha false', 'autostart alpha true'])
  })

  it('stays off where the VM is halted and may be elsewhere', async () => {
    const { control, run } = moving((at) => {
      at.set(uuid, { state: 'paused' })
      return Promise.reject(new Error('connection lost'))
    })
    await expect(run()).rejects.toThrow('connection lost')
    expect(control.done).toEqual(['autostart alpha false'])
  })

  it('comes with it, and holds up no arrival', async () => {
    const { control, bench } = halted()
    expect(await bench.run('arrive', { autostart: 'on' })).toEqual({ state: 'succeeded', reason: 'it runs' })
    expect(control.done).toEqual(['resume alpha', 'autostart alpha true'])
    control.before = (action) => (action === 'autostart' ? Promise.reject(new Error('full')) : Promise.resolve())
    control.set(uuid, { state: 'paused' })
    expect(await bench.run('arrive', { autostart: 'on' })).toMatchObject({
      state: 'succeeded',
      reason: expect.stringMatching(/does not start with its host: full/),
    })
  })
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
