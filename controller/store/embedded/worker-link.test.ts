import { Worker } from 'node:worker_threads'

import { afterEach, expect, test, vi } from 'vitest'

import { createLog } from '../../../common/log.js'
import { WorkerLink, defaultLinkLimits, type LinkLimits } from './worker-link.js'

/*
 * A worker that speaks the protocol without a store: it answers `marks`, refuses `series`, keeps `events` waiting, ends on `drop`,
 * and throws on `top`. Writes wait until it is told to close.
 */
const source = `
const { parentPort, workerData } = require('node:worker_threads')
const health = { ok: true, problem: '', points: workerData.starts, sizeBytes: 1, oldestMs: undefined }
const waiting = []
parentPort.on('message', ({ type, id, body }) => {
  if (type === 'close') {
    for (const id of waiting) parentPort.postMessage({ type: 'answer', id, answer: { op: 'write' }, health })
    if (!workerData.deaf) parentPort.close()
  }
  if (type !== 'request') return
  if (body.op === 'marks') parentPort.postMessage({ type: 'answer', id, answer: { op: 'marks', marks: new Map([['s', 1]]) }, health })
  if (body.op === 'series') parentPort.postMessage({ type: 'error', id, message: 'no series', failures: 0, health: { ...health, ok: false, problem: 'p' } })
  if (body.op === 'write') waiting.push(id)
  if (body.op === 'drop') process.exit(7)
  if (body.op === 'top') throw new Error('broken')
})
if (workerData.fails) parentPort.postMessage({ type: 'failed', message: 'cannot open' }), parentPort.close()
else parentPort.postMessage({ type: 'ready', health })
`

let starts = 0
let link: WorkerLink | undefined

function linkTo(behaviour: { fails?: boolean; deaf?: boolean } = {}, limits: Partial<LinkLimits> = {}): WorkerLink {
  starts = 0
  const start = (): Worker => new Worker(source, { eval: true, workerData: { ...behaviour, starts: (starts += 1) } })
  link = new WorkerLink(start, createLog('test', 'silent'), { ...defaultLinkLimits, ...limits })
  return link
}

afterEach(() => link?.close())

const write = { op: 'write', events: [], marks: [] } as const
const writeOf = (bytes: number): Parameters<WorkerLink['call']>[0] => ({ ...write, points: new Uint8Array(bytes) })
const top = { op: 'top', query: { kind: 'vm', field: 'running', agg: 'max', fromMs: 0, toMs: 1, n: 1 } } as const
const events = { op: 'events', query: { fromMs: 0, toMs: 1, limit: 1 } } as const

test('passes answers and errors on, and the health that comes with them', async () => {
  const link = linkTo()
  await link.open()
  expect((await link.call({ op: 'marks' })).marks).toEqual(new Map([['s', 1]]))
  expect(link.health()).toMatchObject({ ok: true, points: 1 })
  await expect(link.call({ op: 'series', kind: 'vm' })).rejects.toThrow('no series')
  expect(link.health()).toMatchObject({ ok: false, problem: 'p' })
})

test('does not open if the worker cannot, and does not try again', async () => {
  const link = linkTo({ fails: true })
  await expect(link.open()).rejects.toThrow('cannot open')
  await expect(link.call({ op: 'marks' })).rejects.toThrow('closed')
  expect(starts).toBe(1)
})

test('bounds writes in flight by number and bytes, and questions by number; counts what it refuses', async () => {
  const link = linkTo({}, { maxWrites: 2, maxWriteBytes: 100, maxReads: 1 })
  await link.open()
  const large = link.call(writeOf(150))
  await expect(link.call(writeOf(1))).rejects.toThrow('store busy')
  const late = link.call(events)
  await expect(link.call({ op: 'marks' })).rejects.toThrow('store busy')
  expect(link.counters).toMatchObject({ refusedWrites: 1, refusedReads: 1 })
  const [written, unanswered] = await Promise.allSettled([large, late, link.close()])
  expect(written.status).toBe('fulfilled')
  expect(unanswered.status).toBe('rejected')

  const next = linkTo({}, { maxWrites: 2, maxWriteBytes: 100, maxReads: 1 })
  await next.open()
  const both = [next.call(writeOf(40)), next.call(writeOf(40))]
  await expect(next.call(writeOf(1))).rejects.toThrow('store busy')
  await next.close()
  await Promise.all(both)
})

test('gives up on an answer that does not come, and makes room for the next', async () => {
  const link = linkTo({}, { deadlineMs: 30, maxReads: 1 })
  await link.open()
  await expect(link.call(events)).rejects.toThrow('within 30 ms')
  expect(link.counters.expired).toBe(1)
  expect((await link.call({ op: 'marks' })).marks.size).toBe(1)
})

test.each([
  ['ends', { op: 'drop', beforeMs: 1, tier: 'raw' } as const, 'exit code 7'],
  ['throws', top, 'broken'],
])('fails what is pending when the worker %s, says so, and starts another', async (_how, deadly, why) => {
  const link = linkTo()
  await link.open()
  const outcomes = await Promise.allSettled([link.call(writeOf(1)), link.call(events), link.call(deadly)])
  for (const outcome of outcomes) expect(outcome).toMatchObject({ reason: { message: `store is down: ${why}` } })
  expect(link.health()).toMatchObject({ ok: false, problem: `the store's worker ended: ${why}` })
  await expect(link.call({ op: 'marks' })).rejects.toThrow('store is down')
  await vi.waitFor(() => expect(link.health()).toMatchObject({ ok: true, points: 2 }))
  expect((await link.call({ op: 'marks' })).marks.size).toBe(1)
  expect(link.counters.crashes).toBe(1)
})

test('ends a worker that does not close', async () => {
  const link = linkTo({ deaf: true }, { closeMs: 20 })
  await link.open()
  await link.close()
  await expect(link.call({ op: 'marks' })).rejects.toThrow('closed')
  expect(starts).toBe(1)
})

test('closing while the worker is down starts no other', async () => {
  const link = linkTo()
  await link.open()
  await expect(link.call({ op: 'drop', beforeMs: 1, tier: 'raw' })).rejects.toThrow('down')
  await link.close()
  expect(starts).toBe(1)
})
