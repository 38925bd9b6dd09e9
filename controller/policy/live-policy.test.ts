import { execFileSync } from 'node:child_process'
import {
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { createLog } from '../../common/log.js'
import { openEmbeddedState } from '../store/embedded-state/embedded-state.js'
import type { StateStore } from '../store/state-store.js'
import { LivePolicy, type LivePolicyOptions } from './live-policy.js'
import { defaultPolicy } from './policy-file.js'
import { PolicyHistory } from './policy-history.js'

let directory: string
let file: string
let state: StateStore
let history: PolicyHistory
let now: number

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'headroom-live-policy-'))
  file = join(directory, 'policy.yaml')
  state = openEmbeddedState({ path: join(directory, 'state', 'state.db') })
  history = new PolicyHistory(state)
  now = 1000
})

afterEach(async () => {
  await state.close()
  rmSync(directory, { recursive: true })
})

const reserve = (bytes: number): string => `limits: { hostReserve: ${bytes}B }\n`

const open = (more: Partial<LivePolicyOptions> = {}): Promise<LivePolicy> =>
  LivePolicy.open({ file, history, log: createLog('test', 'silent'), now: () => now, ...more })

/** Long enough for whatever changed. */
async function settle(live: LivePolicy): Promise<void> {
  for (let round = 0; round < 3; round += 1) await live.look()
}

const reserveOf = (live: LivePolicy): number => live.policy().limits.hostReserveBytes
const problemOf = (live: LivePolicy): string | undefined => live.inForce().problem?.message

describe('at the start', () => {
  it('there may be no file in the configuration', async () => {
    const live = await open({ file: undefined })
    expect(live.inForce()).toMatchObject({ policy: defaultPolicy, version: undefined, problem: undefined })
    live.start()
    await live.stop()
    expect(await history.list()).toEqual([])
  })

  it('a good file is version 1, and at the next start still', async () => {
    writeFileSync(file, reserve(1))
    const live = await open()
    expect([reserveOf(live), live.inForce().version]).toEqual([
      1,
      expect.objectContaining({ number: 1, at: 1000, occasion: 'start', file, author: userInfo().username }),
    ])
    now = 2000
    expect((await open()).inForce().version).toMatchObject({ number: 1, at: 1000 })
    writeFileSync(file, reserve(2))
    expect((await open()).inForce().version).toMatchObject({ number: 2, at: 2000, occasion: 'start' })
  })

  it.each<[string, () => void, string]>([
    ['a missing file', () => undefined, 'expected a readable file, got none: there is no such file'],
    ['a bad one', () => writeFileSync(file, 'limit: 1'), ':1: limit: expected a known key'],
    ['a directory', () => mkdirSync(file), 'expected a file, got a directory'],
    ['a pipe', () => execFileSync('mkfifo', [file]), 'expected a file, got something else'],
    ['a link to nowhere', () => symlinkSync('nowhere', file), 'there is no such file'],
    ['a link to itself', () => symlinkSync('policy.yaml', file), 'ELOOP'],
  ])('%s is refused where no version was in force before', async (_what, make, message) => {
    make()
    await expect(open()).rejects.toThrow(message)
  })

  it.each<[string, () => void]>([
    ['gone', () => unlinkSync(file)],
    ['bad', () => writeFileSync(file, 'limit: 1')],
  ])('where the file is %s the last version of it goes on, and the problem shows', async (_what, make) => {
    writeFileSync(file, reserve(1))
    await open()
    make()
    now = 5000
    const live = await open()
    expect([reserveOf(live), live.inForce().version?.number, live.inForce().problem?.since]).toEqual([1, 1, 5000])
    expect(live.counts).toEqual({ taken: 0, refused: 1 })
    writeFileSync(file, reserve(7))
    await settle(live)
    expect([reserveOf(live), live.inForce().version?.number, problemOf(live)]).toEqual([7, 2, undefined])
  })

  it('the last version of another file does not count', async () => {
    writeFileSync(file, reserve(1))
    await open()
    await expect(open({ file: join(directory, 'typo.yaml') })).rejects.toThrow('there is no such file')
  })

  it('a version that is no policy for this release does not count', async () => {
    const from = { file, modifiedAt: 1, author: 'a', occasion: 'start' } as const
    await history.record({ at: 1, hash: 'x', text: 'former: 1', ...from })
    await expect(open()).rejects.toThrow('there is no such file')
  })
})

describe('a change while it runs', () => {
  const write = (text: string): void => writeFileSync(file, text)
  const replace = (text: string): void => {
    writeFileSync(`${file}~`, text)
    renameSync(`${file}~`, file)
  }
  /** As a ConfigMap is mounted: the file is a link through a link, and the link in the middle is replaced. */
  const swap = (text: string): void => {
    const version = mkdtempSync(join(directory, '..version-'))
    writeFileSync(join(version, 'policy.yaml'), text)
    symlinkSync(version, join(directory, '..new'))
    renameSync(join(directory, '..new'), join(directory, '..data'))
    rmSync(file, { force: true })
    symlinkSync(join('..data', 'policy.yaml'), file)
  }
  const swapAgain = (text: string): void => {
    const version = mkdtempSync(join(directory, '..version-'))
    writeFileSync(join(version, 'policy.yaml'), text)
    symlinkSync(version, join(directory, '..new'))
    renameSync(join(directory, '..new'), join(directory, '..data'))
  }
  const linked = (text: string): void => {
    mkdirSync(join(directory, 'elsewhere'), { recursive: true })
    writeFileSync(join(directory, 'elsewhere', 'p.yaml'), text)
    rmSync(file, { force: true })
    symlinkSync(join(directory, 'elsewhere', 'p.yaml'), file)
  }
  const backup = (text: string): void => {
    renameSync(file, `${file}.bak`)
    writeFileSync(file, text)
  }

  it.each<[string, (text: string) => void, (text: string) => void]>([
    ['written in place', write, write],
    ['replaced', write, replace],
    ['moved aside and written anew', write, backup],
    ['swapped as a ConfigMap is', swap, swapAgain],
    [
      'a link, its target written in place',
      linked,
      (text) => writeFileSync(join(directory, 'elsewhere', 'p.yaml'), text),
    ],
    ['a link that comes to point elsewhere', write, linked],
  ])('%s counts', async (_what, first, then) => {
    first(reserve(1))
    const live = await open()
    expect(reserveOf(live)).toBe(1)
    then(reserve(2))
    await settle(live)
    expect([reserveOf(live), live.inForce().version?.number, problemOf(live)]).toEqual([2, 2, undefined])
    expect((await history.version(2))?.text).toBe(reserve(2))
    then(reserve(3))
    await settle(live)
    expect([reserveOf(live), live.inForce().version?.occasion]).toEqual([3, 'change'])
  })

  it('is not read before it stays the same for one look', async () => {
    write(reserve(1))
    const live = await open()
    // Half of a file is a policy too.
    write('')
    await live.look()
    write(reserve(22))
    await live.look()
    write(reserve(333))
    await live.look()
    expect([reserveOf(live), problemOf(live)]).toEqual([1, undefined])
    await live.look()
    expect(reserveOf(live)).toBe(333)
    expect(live.counts).toEqual({ taken: 1, refused: 0 })
  })

  it.each<[string, () => void, string]>([
    [
      'bad',
      () => write('limits: { hostReserve: 5 }'),
      ':1: limits.hostReserve: expected a size such as 512MiB or 2GB, got 5',
    ],
    ['gone', () => unlinkSync(file), 'expected a readable file, got none: there is no such file'],
    ['empty, as a full disk leaves it', () => truncateSync(file), 'expected a policy, got an empty file'],
    ['no text', () => writeFileSync(file, Buffer.of(0xff, 0xfe)), 'expected text in UTF-8, got UTF-16'],
    ['too long', () => write(`# ${'x'.repeat(300_000)}`), 'expected at most 262144 bytes'],
  ])('to a file that is %s changes nothing, and shows until it is good again', async (_what, spoil, message) => {
    write(reserve(1))
    const live = await open()
    const policy = live.policy()
    now = 3000
    spoil()
    await settle(live)
    expect(live.policy()).toBe(policy)
    expect(problemOf(live)).toContain(message)
    expect(live.inForce()).toMatchObject({ version: { number: 1 }, problem: { since: 3000 } })
    now = 4000
    write('worse: 1')
    await settle(live)
    expect(live.inForce().problem).toMatchObject({ since: 3000, message: expect.stringContaining('worse') })
    expect(live.counts.refused).toBe(2)
    write(reserve(1))
    await settle(live)
    expect([live.policy() === policy, live.inForce().problem, live.inForce().version?.number]).toEqual([
      true,
      undefined,
      1,
    ])
    expect(await history.list()).toHaveLength(1)
  })

  it('of the time alone is no version', async () => {
    write(reserve(1))
    const live = await open()
    utimesSync(file, 1, 1)
    await settle(live)
    expect([live.counts.taken, live.inForce().version?.number]).toEqual([1, 1])
  })

  it('of comments alone is one, and means the same', async () => {
    write(reserve(1))
    const live = await open()
    write(`# why\n${reserve(1)}`)
    await settle(live)
    expect([reserveOf(live), live.inForce().version?.number]).toEqual([1, 2])
  })

  it('counts though the history cannot be written, which is tried again after a while', async () => {
    write(reserve(1))
    let isBroken = true
    const record: PolicyHistory['record'] = (version) =>
      isBroken ? Promise.reject(new Error('full')) : history.record(version)
    const live = await open({ history: { last: () => history.last(), record } })
    expect([reserveOf(live), live.inForce().version]).toEqual([1, undefined])
    isBroken = false
    await settle(live)
    expect(live.inForce().version).toBeUndefined()
    now += 60_000
    await settle(live)
    expect(live.inForce().version).toMatchObject({ number: 1, occasion: 'start' })
  })
})

it('looks by itself from the start to the stop', async () => {
  writeFileSync(file, reserve(1))
  const live = await open()
  live.start()
  writeFileSync(file, reserve(2))
  await expect.poll(() => reserveOf(live), { timeout: 5000, interval: 50 }).toBe(2)
  await live.stop()
  writeFileSync(file, reserve(3))
  await expect(live.look().then(() => live.policy().limits.hostReserveBytes)).resolves.toBe(2)
})
