import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { createLog } from '../../common/log.js'
import { HandControl } from '../../test/support/hand-control.js'
import { HandMarks } from '../../test/support/hand-marks.js'
import { ActionRefused, HypervisorUnavailable, type DiskLimits } from '../hypervisor/hypervisor.js'
import { LimitFile, LimitKeeper } from './limit-keeper.js'
import { limit } from './verbs/limit.js'
import { unlimit } from './verbs/unlimit.js'
import type { Outcome, VerbContext } from './verbs/verb-work.js'

const uuid = 'a'
const log = createLog('test', 'silent')
const place = { hostId: 'h', vmUuid: uuid }

let directory: string
let control: HandControl
let keeper: LimitKeeper
let nowMs: number
let monotonicMs: number
/** Its host is not open, or is none of this agent any more. */
let isAway: boolean
let isConfigured: boolean
const audited: unknown[] = []

/** Another life of the agent: what it knows is in the file. */
function another(): LimitKeeper {
  return new LimitKeeper({
    store: new LimitFile(join(directory, 'limits.json'), log),
    control: () => (isAway ? undefined : control),
    mayHave: () => isConfigured,
    now: () => nowMs,
    monotonicMs: () => monotonicMs,
    audit: (what) => {
      audited.push(what)
      return Promise.resolve()
    },
    log,
  })
}

async function reborn(): Promise<void> {
  await keeper.stop()
  keeper = another()
  await keeper.start()
}

function contextOf(args: Readonly<Record<string, string>>): VerbContext {
  const before = control.vms.get(uuid)
  if (before === undefined) throw new Error('no VM')
  const { signal } = new AbortController()
  const nothing = (): void => undefined
  return {
    commandId: 'c',
    ...place,
    args,
    before,
    control,
    limits: keeper,
    programs: [],
    archive: { keep: () => Promise.resolve(''), keepIncoming: () => Promise.resolve('') },
    marks: new HandMarks(),
    definition: undefined,
    held: () => Promise.resolve(),
    signal,
    say: nothing,
    progress: nothing,
    pause: () => Promise.resolve(),
  }
}

function set(args: Readonly<Record<string, string>>): Promise<Outcome> {
  return limit.run(contextOf({ for: '10m', ...args }))
}

function rates(): (number | undefined)[] {
  return [...(control.diskLimits.get(uuid)?.values() ?? [])].map((limits) => limits['write_bytes_sec'])
}

/** Ends what is due, and waits for it. */
async function pass(ms: number, sinceBootMs = ms): Promise<void> {
  nowMs += ms
  monotonicMs += sinceBootMs
  // What was done in a turn before has left it by then.
  await setImmediate()
  keeper.endDue()
  await keeper.inTurn(place, () => Promise.resolve())
}

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'headroom-limits-'))
  nowMs = 1_000_000
  monotonicMs = 5000
  isAway = false
  isConfigured = true
  audited.length = 0
  control = new HandControl()
  control.add(uuid, 'alpha')
  const old: DiskLimits = { read_bytes_sec: 0, write_bytes_sec: 9_000_000 }
  control.diskLimits.set(
    uuid,
    new Map([
      ['vda', old],
      ['vdb', { ...old, write_bytes_sec: 0 }],
    ]),
  )
  keeper = another()
  await keeper.start()
})
afterEach(async () => {
  await keeper.stop()
  await rm(directory, { recursive: true, force: true })
})

describe('a limit', () => {
  it('is on all disks or on one, and the values before come back at its time', async () => {
    expect(await set({ write: '1MB/s' })).toMatchObject({ state: 'succeeded', reason: expect.stringMatching(/^until/) })
    expect(rates()).toEqual([1e6, 1e6])
    await pass(599_999)
    expect(rates()).toEqual([1e6, 1e6])
    await pass(1)
    expect(rates()).toEqual([9e6, 0])
    expect(keeper.count).toBe(0)
    expect(audited).toMatchObject([{ event: 'limit-ended', why: 'its time is over' }])
    await set({ write: '1MB/s', disk: 'vdb' })
    expect(rates()).toEqual([9e6, 1e6])
  })

  it('has the values before on disk when it is set', async () => {
    control.before = async () => {
      const kept = await readFile(join(directory, 'limits.json'), 'utf8')
      expect(kept).toMatch(/"old":\{"read_bytes_sec":0,"write_bytes_sec":9000000\}/)
    }
    await set({ write: '1MB/s' })
    expect(rates()).toEqual([1e6, 1e6])
  })

  it('is ended by another life of the agent, also long after its time', async () => {
    await set({ write: '1MB/s' })
    await reborn()
    expect(keeper.count).toBe(1)
    await pass(86_400_000)
    expect(rates()).toEqual([9e6, 0])
    await reborn()
    expect(keeper.count).toBe(0)
  })

  it.each([
    ['an agent that was off for days, and has only just started', false, 90_000_000, 1000],
    ['a clock that was set ahead', false, 900_000_000, 700_000],
    ['a host that is away for a week', true, 604_800_000, 604_800_000],
  ])('stays with %s, and is ended when its host is there', async (_what, isOfOurs, wallMs, lifeMs) => {
    await set({ write: '1MB/s' })
    isAway = true
    isConfigured = isOfOurs
    await reborn()
    await pass(wallMs, lifeMs)
    expect([keeper.count, audited]).toEqual([1, []])
    isAway = false
    await pass(1000)
    expect([rates(), keeper.count]).toEqual([[9e6, 0], 0])
  })

  it('of a host that the agent has no more is forgotten a day after its end, and no sooner', async () => {
    await set({ write: '1MB/s' })
    isAway = true
    isConfigured = false
    await pass(600_000 + 86_400_000)
    expect([keeper.count, audited]).toEqual([1, []])
    await pass(1)
    expect(keeper.count).toBe(0)
    expect(audited).toMatchObject([{ event: 'limit-ended', came: 'it was left as it is' }])
    expect(rates()).toEqual([1e6, 1e6])
  })

  it('is not set on a VM that the hypervisor is at work on', async () => {
    control.isBusy = true
    expect(await limit.checks?.(contextOf({ write: '1MB/s', for: '10m' }))).toContainEqual({
      check: 'job',
      ok: false,
      says: expect.stringMatching(/may be moving/),
    })
  })

  it('keeps the first values before when a second one follows, looser or tighter', async () => {
    await set({ write: '1MB/s' })
    await set({ write: '2MB/s', for: '20m' })
    expect(rates()).toEqual([2e6, 2e6])
    await pass(600_000)
    expect(rates()).toEqual([2e6, 2e6])
    await pass(600_000)
    expect(rates()).toEqual([9e6, 0])
  })

  it('ends for each disk at its own time', async () => {
    await set({ write: '1MB/s', disk: 'vda' })
    await set({ write: '1MB/s', disk: 'vdb', for: '1m' })
    await pass(60_000)
    expect(rates()).toEqual([1e6, 0])
    await pass(540_000)
    expect(rates()).toEqual([9e6, 0])
  })

  it('leaves another run of the VM as it began', async () => {
    await set({ write: '1MB/s' })
    control.set(uuid, { runId: 'another' })
    control.diskLimits.set(uuid, new Map([['vda', { write_bytes_sec: 7 }]]))
    await pass(600_000)
    expect(rates()).toEqual([7])
    expect(keeper.count).toBe(0)
  })

  it('is ended too in a run that goes on from a saved state, which had it in it', async () => {
    await set({ write: '1MB/s' })
    control.set(uuid, { runId: 'restored' })
    await set({ write: '2MB/s', disk: 'vda', for: '1m' })
    expect(rates()).toEqual([2e6, 1e6])
    await pass(60_000)
    expect(rates()).toEqual([9e6, 1e6])
    control.set(uuid, { runId: 'restored again' })
    await pass(540_000)
    expect(rates()).toEqual([9e6, 0])
  })

  it('waits with a VM that is off and saved, and is forgotten with one that is only off', async () => {
    await set({ write: '1MB/s' })
    control.set(uuid, { state: 'shutoff', runId: '' })
    control.isSaved = true
    await pass(600_000)
    expect(keeper.count).toBe(1)
    control.isSaved = false
    await pass(1000)
    expect(keeper.count).toBe(0)
  })

  it('is forgotten with a VM that is gone, and with a disk that is gone', async () => {
    await set({ write: '1MB/s' })
    control.diskLimits.get(uuid)?.delete('vdb')
    await pass(600_000)
    expect(rates()).toEqual([9e6])
    await set({ write: '1MB/s' })
    control.vms.delete(uuid)
    await pass(600_000)
    expect(keeper.count).toBe(0)
  })

  it('stays as long as it cannot be ended', async () => {
    await set({ write: '1MB/s' })
    control.before = () => Promise.reject(new HypervisorUnavailable('away'))
    await pass(600_000)
    expect(keeper.count).toBe(1)
    control.before = () => Promise.resolve()
    await pass(1000)
    expect(rates()).toEqual([9e6, 0])
  })

  it('ends at once where the clock cannot tell its time any more', async () => {
    await set({ write: '1MB/s' })
    await pass(-59_000)
    expect(rates()).toEqual([1e6, 1e6])
    await pass(-2000)
    expect(rates()).toEqual([9e6, 0])
  })

  it('leaves nothing behind that was refused on one disk', async () => {
    let calls = 0
    control.before = () => {
      calls += 1
      return calls === 2 ? Promise.reject(new ActionRefused('not this one')) : Promise.resolve()
    }
    await expect(set({ write: '1MB/s' })).rejects.toThrow('not this one')
    expect(rates()).toEqual([9e6, 0])
    expect(keeper.count).toBe(0)
  })

  it('is looked at, not set again, after its agent was killed', async () => {
    const context = contextOf({ write: '1MB/s', for: '10m' })
    control.before = () => Promise.reject(new Error('connection lost'))
    await expect(limit.run(context)).rejects.toThrow('connection lost')
    await reborn()
    const later = { ...context, limits: keeper }
    expect(await limit.seen(later)).toMatchObject({
      state: 'unknown',
      reason: expect.stringMatching(/some of its disks/),
    })
    control.before = () => Promise.resolve()
    for (const disk of ['vda', 'vdb'])
      control.diskLimits.get(uuid)?.set(disk, { read_bytes_sec: 0, write_bytes_sec: 1e6 })
    expect(await limit.seen(later)).toMatchObject({ state: 'succeeded' })
    expect(control.done).toEqual([])
  })

  it('is ended before its time by unlimit', async () => {
    await set({ write: '1MB/s' })
    expect(await unlimit.run(contextOf({}))).toMatchObject({ state: 'succeeded' })
    expect(rates()).toEqual([9e6, 0])
    await expect(unlimit.run(contextOf({}))).rejects.toBeInstanceOf(ActionRefused)
  })
})

it('sets a damaged file aside', async () => {
  await writeFile(join(directory, 'limits.json'), '[{"hostId":1}]')
  await reborn()
  expect(keeper.count).toBe(0)
  expect(await readFile(join(directory, 'limits.json.damaged'), 'utf8')).toContain('hostId')
})
