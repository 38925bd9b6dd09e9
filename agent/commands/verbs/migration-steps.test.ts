import { describe, expect, it } from 'vitest'

import { HandControl } from '../../../test/support/hand-control.js'
import { VerbBench } from '../../../test/support/verb-bench.js'
import { ActionRefused } from '../../hypervisor/hypervisor.js'
import { definitionHash, migrate } from './migrate.js'
import { messageOf, type Outcome } from './verb-work.js'

const uuid = 'a'

const step = { move: 'm' }
const expected = {
  hostId: 'h',
  vmUuid: uuid,
  vmName: 'alpha',
  kind: 'expected',
  moveId: 'm',
  runId: '',
  wasDefined: false,
  atMs: 0,
} as const

/** One that has come and is halted. */
function halted(): { readonly control: HandControl; readonly bench: VerbBench } {
  const control = new HandControl()
  control.add(uuid, 'alpha')
  control.set(uuid, { state: 'paused' })
  const bench = new VerbBench(control, uuid)
  bench.marks.marks.set(uuid, expected)
  return { control, bench }
}

async function refusals(bench: VerbBench, verb: 'arrive' | 'discard', args = step): Promise<string[]> {
  return (await bench.checks(verb, args)).flatMap(({ check, ok }) => (ok ? [] : [check]))
}

describe.each(['arrive', 'discard'] as const)('%s', (verb) => {
  it('says in its checks already what it refuses', async () => {
    const { control, bench } = halted()
    expect(await refusals(bench, verb)).toEqual([])
    expect(await refusals(bench, verb, { move: 'of-another' })).toEqual(['move'])
    control.isBusy = true
    bench.marks.marks.clear()
    expect(await refusals(bench, verb)).toEqual(['move', 'job'])
  })

  it.each([
    ['another job', (control: HandControl) => (control.isBusy = true), /is at work on it/],
    [
      'no move that its agent knows of',
      (_control: HandControl, bench: VerbBench) => bench.marks.marks.clear(),
      /no move/,
    ],
  ])('refuses it at the last moment where there is %s', async (_what, change, reason) => {
    const { control, bench } = halted()
    change(control, bench)
    await expect(bench.run(verb, step)).rejects.toThrow(reason)
    expect(control.done).toEqual([])
  })
})

describe('an arrival', () => {
  it('lets the guest go on, and is none any more for a later one', async () => {
    const { control, bench } = halted()
    expect(await bench.run('arrive', step)).toMatchObject({ state: 'succeeded' })
    expect(control.done).toEqual(['resume alpha'])
    control.set(uuid, { state: 'paused' })
    await expect(bench.run('arrive', step)).rejects.toThrow('who halted it since')
    await expect(bench.run('discard', step)).rejects.toThrow('no copy that is left over')
  })

  it('of one that runs changes nothing', async () => {
    const { control, bench } = halted()
    control.set(uuid, { state: 'running' })
    expect(await bench.run('arrive', step)).toMatchObject({ state: 'succeeded', reason: 'it runs' })
    expect(control.done).toEqual([])
  })
})

describe('the start with its host of one that runs', () => {
  it.each([
    ['no move', undefined, false],
    ['another move', { ...expected, moveId: 'of-another' }, false],
    ['a move of a VM of another name', { ...expected, vmName: 'test-1' }, false],
    ['that move, told twice', { ...expected, kind: 'arrived' }, true],
    ['that move, of which it goes on where it was', { ...expected, kind: 'leaving' }, true],
  ] as const)('is switched on only by its move: %s', async (_what, mark, isSwitchedOn) => {
    const { control, bench } = halted()
    control.set(uuid, { state: 'running' })
    bench.marks.marks.clear()
    if (mark !== undefined) bench.marks.marks.set(uuid, mark)
    const why = isSwitchedOn ? '' : '; it does not start with its host: this agent knows of no such move of it'
    const arrived = await bench.run('arrive', { ...step, autostart: 'on' })
    expect(arrived).toEqual({ state: 'succeeded', reason: `it runs${why}` })
    expect(control.done).toEqual(isSwitchedOn ? ['autostart alpha true'] : [])
  })
})

describe('what a controller only says', () => {
  const definition = `<domain type='kvm'><name>alpha</name><uuid>${uuid}</uuid></domain>`

  /** Of a VM that is off here, or was never here. */
  function told(isHere: boolean): { readonly control: HandControl; readonly bench: VerbBench } {
    const control = new HandControl()
    if (isHere) control.add(uuid, 'alpha', 'shutoff')
    const bench = new VerbBench(control, uuid)
    bench.definition = definition
    return { control, bench }
  }

  it('takes no definition away that this host had', async () => {
    const { control, bench } = told(true)
    expect(await bench.run('receive', { name: 'alpha', keep: 'yes', ...step })).toMatchObject({ state: 'succeeded' })
    expect(bench.archived).toEqual([expect.stringMatching(/secret/)])
    expect(bench.incoming).toEqual([definition])
    // Halted by its own user: no copy.
    await bench.run('discard', step)
    expect(control.done).toEqual([])
    expect(control.vms.has(uuid)).toBe(true)
  })

  it('takes none away, and ends nothing, by steps alone', async () => {
    for (const state of ['shutoff', 'paused'] as const) {
      const { control, bench } = told(true)
      control.set(uuid, { state })
      await expect(bench.run('discard', step)).rejects.toThrow('knows of no move of it')
      await expect(bench.run('arrive', step)).rejects.toThrow('knows of no move of it')
      expect(control.done).toEqual([])
    }
  })

  it.each([
    ['started halted by its owner', { stateReason: 'user' }, /was not seen to come here/, []],
    ['seen to come in', { stateReason: 'user', runId: 'run-in' }, /halted copy is ended/, ['destroy alpha']],
    ['still coming in', { stateReason: 'migration' }, /halted copy is ended/, ['destroy alpha']],
  ] as const)(
    'of a VM that this host had before, ends only what has come: one %s',
    async (_what, change, says, done) => {
      const { control, bench } = told(true)
      await bench.run('receive', { name: 'alpha', keep: 'yes', ...step })
      const mark = bench.marks.marks.get(uuid)
      if (mark === undefined) throw new Error('no mark')
      bench.marks.marks.set(uuid, { ...mark, runId: 'run-in' })
      control.set(uuid, { state: 'paused', runId: 'run-1', ...change })
      expect(await bench.attempt('discard', step)).toMatchObject({ reason: expect.stringMatching(says) })
      expect(control.done).toEqual(done)
      expect(control.vms.has(uuid)).toBe(true)
    },
  )

  it('that announces it by another name has nothing done to it', async () => {
    const { control, bench } = told(false)
    bench.definition = definition.replace('alpha', 'test-1')
    bench.marks.marks.set(uuid, { ...expected, vmName: 'test-1' })
    for (const state of ['shutoff', 'paused'] as const) {
      control.add(uuid, 'alpha', state)
      for (const verb of ['discard', 'arrive'] as const)
        await expect(bench.run(verb, step)).rejects.toThrow('of a VM of another name')
    }
    expect(control.done).toEqual([])
  })

  it('makes one that has run here since no copy', async () => {
    const { control, bench } = told(false)
    await bench.run('receive', { name: 'alpha', keep: 'yes', ...step })
    control.add(uuid, 'alpha', 'shutoff')
    control.set(uuid, { stateReason: 'shutdown' })
    await expect(bench.run('discard', step)).rejects.toThrow('has run here since')
    expect(control.done).toEqual([])
  })
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
    expect(await bench.run('arrive', { autostart: 'on', ...step })).toEqual({ state: 'succeeded', reason: 'it runs' })
    expect(control.done).toEqual(['resume alpha', 'autostart alpha true'])
    control.before = (action) => (action === 'autostart' ? Promise.reject(new Error('full')) : Promise.resolve())
    control.set(uuid, { state: 'paused' })
    bench.marks.marks.set(uuid, expected)
    expect(await bench.run('arrive', { autostart: 'on', ...step })).toMatchObject({
      state: 'succeeded',
      reason: expect.stringMatching(/does not start with its host: full/),
    })
  })
})

describe('a discard', () => {
  it('archives the definition before it ends the copy and forgets it', async () => {
    const { control, bench } = halted()
    expect(await bench.run('discard', step)).toMatchObject({ state: 'succeeded' })
    expect(control.done).toEqual(['destroy alpha', 'undefine alpha'])
    expect(bench.archived).toEqual([expect.stringMatching(/secret/)])
    expect(bench.marks.marks.size).toBe(0)
  })

  it.each([
    ['its libvirt went away', new Error('connection lost'), 'connection lost'],
    [
      'its definition is not to be forgotten',
      new ActionRefused('it has snapshots'),
      'the halted copy is ended; it stays defined here: it has snapshots',
    ],
  ])('that ended the copy and got no further, as %s, can be asked for again', async (_what, error, says) => {
    const { control, bench } = halted()
    bench.marks.marks.set(uuid, { ...expected, kind: 'leaving', runId: 'run-1' })
    control.set(uuid, { stateReason: 'migration' })
    control.before = (action) => {
      if (action === 'undefine') return Promise.reject(error)
      expect(bench.marks.marks.get(uuid)).toMatchObject({ kind: 'leaving', isEnding: true })
      return Promise.resolve()
    }
    const discard = (): Promise<string | undefined> =>
      bench.run('discard', step).then(({ reason }) => reason, messageOf)
    expect(await discard()).toBe(says)
    control.set(uuid, { stateReason: 'destroyed' })
    expect(await refusals(bench, 'discard')).toEqual([])
    expect(await discard()).toBe(says)
    control.before = () => Promise.resolve()
    expect(await bench.run('discard', step)).toMatchObject({ state: 'succeeded' })
    expect(control.done).toEqual(['destroy alpha', 'undefine alpha'])
    expect(bench.marks.marks.size).toBe(0)
  })

  it('ends nothing that it could not write down before', async () => {
    const { control, bench } = halted()
    bench.marks.marks.set(uuid, { ...expected, kind: 'leaving', runId: 'run-1' })
    bench.marks.put = () => Promise.reject(new Error('no space left'))
    await expect(bench.run('discard', step)).rejects.toThrow(
      new ActionRefused('its end could not be written down: no space left'),
    )
    expect(control.done).toEqual([])
  })

  it('of one that has left asks for no job of it', async () => {
    const { control, bench } = halted()
    bench.marks.marks.set(uuid, { ...expected, kind: 'left', runId: 'run-1' })
    control.set(uuid, { state: 'shutoff', runId: '' })
    control.isBusy = true
    expect(await refusals(bench, 'discard')).toEqual([])
    await bench.run('discard', step)
    expect(control.done).toEqual(['undefine alpha'])
  })

  it.each([
    ['another run of it', { runId: 'run-2' }, /another run/],
    ['a halt by its user', { stateReason: 'user' }, /another reason than its move \(user\)/],
    ['its end by somebody else', { state: 'shutoff', stateReason: 'destroyed', runId: '' }, /otherwise than by a move/],
    ['an end by its user', { state: 'shutoff', stateReason: 'shutdown', runId: '' }, /otherwise than by a move/],
  ] as const)('of one that was leaving is refused after %s', async (_what, change, reason) => {
    const { control, bench } = halted()
    bench.marks.marks.set(uuid, { ...expected, kind: 'leaving', runId: 'run-1' })
    control.set(uuid, { stateReason: 'migration' })
    expect(await refusals(bench, 'discard')).toEqual([])
    control.set(uuid, change)
    await expect(bench.run('discard', step)).rejects.toThrow(reason)
    expect(control.done).toEqual([])
  })
})

describe('a move', () => {
  const definition = definitionHash(`<domain>${uuid}</domain>`)
  function moving(): { readonly control: HandControl; readonly bench: VerbBench } {
    const control = new HandControl()
    control.add(uuid, 'alpha')
    return { control, bench: new VerbBench(control, uuid) }
  }

  it('is written down before it is begun, and after it was done', async () => {
    const { control, bench } = moving()
    control.move = () => {
      expect(bench.marks.of('h', uuid)).toMatchObject({ kind: 'leaving', moveId: 'm', runId: 'run-1' })
      control.set(uuid, { state: 'shutoff', runId: '' })
      return Promise.resolve()
    }
    expect(await bench.run('migrate', { to: 'two', definition })).toMatchObject({ state: 'succeeded' })
    expect(bench.marks.of('h', uuid)).toMatchObject({ kind: 'left' })
  })

  it.each(['as it ends', 'as it is looked at later'] as const)(
    'has succeeded, and its copy can be discarded, also where that cannot be written down: %s',
    async (when) => {
      const { control, bench } = moving()
      const full = (): Promise<never> => Promise.reject(new Error('no space left'))
      control.move = () => {
        control.set(uuid, { state: 'shutoff', stateReason: 'migrated', runId: '' })
        bench.marks.put = full
        return Promise.resolve()
      }
      const lookLater = async (): Promise<Outcome> => {
        bench.marks.marks.set(uuid, { ...expected, kind: 'leaving', runId: 'run-1' })
        await control.move()
        return bench.seen('migrate')
      }
      const outcome = await (when === 'as it ends' ? bench.run('migrate', { to: 'two', definition }) : lookLater())
      expect(outcome).toMatchObject({ state: 'succeeded' })
      expect(bench.said).toContainEqual(expect.stringMatching(/could not be written down: no space left/))
      await bench.run('discard', step)
      expect(control.done).toEqual(['undefine alpha'])
    },
  )

  it.each([
    ['it runs here', { state: 'running' }, 'it runs here: it has not moved'],
    ['it was ended here', { state: 'shutoff', stateReason: 'shutdown', runId: '' }, /has not moved/],
  ] as const)('has failed where %s, also where that cannot be written down', async (_what, change, reason) => {
    const { control, bench } = moving()
    control.set(uuid, change)
    bench.marks.remove = () => Promise.reject(new Error('no space left'))
    const context = { ...(await bench.contextOf({})), pause: () => Promise.resolve() }
    expect(await migrate.seen(context)).toEqual({ state: 'failed', reason: expect.stringMatching(reason) })
  })

  it('that was refused leaves no mark', async () => {
    const { bench } = moving()
    await expect(bench.run('migrate', { to: 'two', definition })).rejects.toThrow('cannot move')
    expect(bench.marks.marks.size).toBe(0)
  })

  it('whose answer was lost is known by what its hypervisor says of its end', async () => {
    const { control, bench } = moving()
    control.set(uuid, { state: 'shutoff', stateReason: 'migrated', runId: '' })
    expect(await bench.seen('migrate')).toMatchObject({ state: 'succeeded' })
    expect(bench.marks.of('h', uuid)).toMatchObject({ kind: 'left' })
    control.set(uuid, { stateReason: 'shutdown' })
    expect(await bench.seen('migrate')).toMatchObject({
      state: 'failed',
      reason: expect.stringMatching(/has not moved/),
    })
    expect(bench.marks.marks.size).toBe(0)
    bench.definition = ''
    control.vms.delete(uuid)
    expect(await bench.seen('migrate')).toMatchObject({ state: 'unknown', reason: expect.stringMatching(/gone/) })
  })

  it('is not begun while a limit is to end here', async () => {
    const { bench } = moving()
    const disks = { vda: { old: {}, limited: {}, untilMs: 1_300_000_000_000 } }
    await bench.limits.put({ hostId: 'h', vmUuid: uuid, vmName: 'alpha', runId: 'run-1', setAtMs: 0, disks })
    for (const verb of ['offer', 'migrate'] as const)
      expect(await bench.checks(verb, { to: 'two' })).toContainEqual({
        check: 'limit',
        ok: false,
        says: expect.stringMatching(/unlimit/),
      })
  })
})
