import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, expect, it } from 'vitest'

import { createLog } from '../../common/log.js'
import { HandControl } from '../../test/support/hand-control.js'
import { MoveMarks, movesStand, type MoveMark } from './move-marks.js'

const hourMs = 3_600_000
let directory: string
let control: HandControl
let nowMs: number
let marks: MoveMarks

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'headroom-marks-'))
  control = new HandControl()
  nowMs = 1_300_000_000_000
  marks = await another()
})
afterEach(async () => {
  await marks.stop()
  await rm(directory, { recursive: true, force: true })
})

async function another(): Promise<MoveMarks> {
  const made = new MoveMarks({
    path: join(directory, 'moves.json'),
    control: () => control,
    now: () => nowMs,
    log: createLog('test', 'silent'),
  })
  await made.start()
  return made
}

function put(vmUuid: string, kind: MoveMark['kind']): Promise<void> {
  return marks.put({ hostId: 'h', vmUuid, vmName: vmUuid, kind, moveId: 'm', runId: '', wasDefined: false })
}

it('is there in the next life of the agent, for a week', async () => {
  await put('a', 'left')
  await marks.stop()
  marks = await another()
  expect(marks.of('h', 'a')).toMatchObject({ kind: 'left', moveId: 'm' })
  expect(marks.of('other', 'a')).toBeUndefined()
  nowMs += 7 * 24 * hourMs + 1
  expect(marks.of('h', 'a')).toBeUndefined()
})

it.each([
  ['one that is expected', { kind: 'expected' }, true],
  ['one that has left', { kind: 'left', atMs: 1_300_000_000_000 - 6 * 24 * hourMs }, true],
  ['one of more than a week ago', { kind: 'left', atMs: 1_300_000_000_000 - 8 * 24 * hourMs }, false],
  ['one that has arrived', { kind: 'arrived' }, false],
  ['none', undefined, false],
])('stands for a move that is to come to its end: %s', async (_what, mark, stands) => {
  expect(movesStand(directory, nowMs)).toBe(false)
  const of = { hostId: 'h', vmUuid: 'a', vmName: 'a', moveId: 'm', runId: '', wasDefined: false, atMs: nowMs }
  await writeFile(join(directory, 'moves.json'), JSON.stringify(mark === undefined ? [] : [{ ...of, ...mark }]))
  expect(movesStand(directory, nowMs)).toBe(stands)
})

it('sets aside what cannot be read', async () => {
  await marks.stop()
  await writeFile(join(directory, 'moves.json'), '[{')
  expect(movesStand(directory, nowMs)).toBe(false)
  marks = await another()
  expect(marks.of('h', 'a')).toBeUndefined()
  expect(await readdir(directory)).toEqual(['moves.json.damaged'])
})

it('is void once the VM runs: it has not left, or has come', async () => {
  control.add('a', 'alpha', 'shutoff')
  control.add('b', 'beta')
  control.set('b', { state: 'paused' })
  await put('a', 'left')
  await put('b', 'expected')
  await marks.look()
  expect([marks.of('h', 'a')?.kind, marks.of('h', 'b')?.kind]).toEqual(['left', 'expected'])
  control.set('a', { state: 'running', runId: 'run-9' })
  control.set('b', { state: 'running' })
  await marks.look()
  expect([marks.of('h', 'a')?.kind, marks.of('h', 'b')?.kind]).toEqual([undefined, 'arrived'])
})

it('of a copy that this agent ended is void once the VM has begun anew, or is gone', async () => {
  const of = { hostId: 'h', moveId: 'm', runId: 'run-1', wasDefined: true, isEnding: true } as const
  control.add('a', 'alpha')
  control.set('a', { state: 'paused', runId: 'run-1' })
  for (const vmUuid of ['a', 'gone']) await marks.put({ ...of, vmUuid, vmName: 'alpha', kind: 'leaving' })
  await marks.look()
  expect([marks.of('h', 'a')?.isEnding, marks.of('h', 'gone')]).toEqual([true, undefined])
  control.set('a', { state: 'shutoff', stateReason: 'destroyed', runId: '' })
  await marks.look()
  expect(marks.of('h', 'a')?.isEnding).toBe(true)
  control.set('a', { state: 'running', runId: 'run-2' })
  await marks.look()
  expect(marks.of('h', 'a')).toBeUndefined()
})

it('knows by which run one has come that was seen to come in', async () => {
  control.add('a', 'alpha')
  control.set('a', { state: 'paused', stateReason: 'user' })
  await put('a', 'expected')
  await marks.look(false)
  expect(marks.of('h', 'a')?.runId).toBe('')
  control.set('a', { stateReason: 'migration', runId: 'run-7' })
  await marks.look(false)
  expect(marks.of('h', 'a')).toMatchObject({ kind: 'expected', runId: 'run-7' })
})

it('forgets what was announced and never came, and has a bound', async () => {
  // As an earlier version has written them: without names.
  const mark = { hostId: 'h', kind: 'expected', moveId: 'm', runId: '', wasDefined: false, atMs: nowMs }
  const all = Array.from({ length: 256 }, (_, index) => ({ ...mark, vmUuid: `vm-${index}` }))
  await marks.stop()
  await writeFile(join(directory, 'moves.json'), JSON.stringify(all))
  marks = await another()
  await expect(put('vm-256', 'expected')).rejects.toThrow('256 moves')
  await marks.look()
  await expect(put('vm-256', 'expected')).rejects.toThrow('256 moves')
  nowMs += 3 * hourMs + 1
  await marks.look()
  await put('vm-256', 'expected')
  expect(marks.of('h', 'vm-0')).toBeUndefined()
})
