import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, expect, test } from 'vitest'

import { encodePoints } from './batch-codec.js'
import { Engine } from './engine.js'
import type { FromWorker, WriteBody } from './protocol.js'
import { WorkQueue } from './work-queue.js'

let directory: string
let queue: WorkQueue
let sent: FromWorker[]
let turns: (() => void)[]
let closed: boolean

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'headroom-queue-'))
  sent = []
  turns = []
  closed = false
  const engine = new Engine(
    { path: join(directory, 'series.db'), tierMs: { raw: 1e12, '5m': 1e12, '1h': 1e12 }, maxBytes: 2 ** 30 },
    () => 0,
  )
  queue = new WorkQueue(
    engine,
    (message) => sent.push(message),
    () => (closed = true),
    (turn) => turns.push(turn),
  )
})

afterEach(() => {
  if (!closed) queue.take({ type: 'close' })
  turn(100)
  rmSync(directory, { recursive: true })
})

function turn(count = 1): void {
  for (let done = 0; done < count; done += 1) turns.shift()?.()
}

const t0 = 1_772_359_200_000

function body(seq: number): WriteBody {
  const points = encodePoints([{ entity: { kind: 'vm', id: 'a' }, atMs: t0 + seq, fields: { cpuCores: seq } }])
  return { op: 'write', points, events: [], marks: [{ spoolId: 's', throughSeq: seq }] }
}

const broken: WriteBody = { ...body(0), points: new Uint8Array([9]) }

function outcomes(): string[] {
  return sent.flatMap((message) => {
    if (message.type === 'answer') return `${message.id} ${message.answer.op}`
    return message.type === 'error' ? `${message.id} ${message.message}` : []
  })
}

test('commits what waits together, and lets a question in before the next group', () => {
  for (let id = 0; id < 70; id += 1) queue.take({ type: 'request', id, failures: 0, body: body(id) })
  queue.take({ type: 'request', id: 99, failures: 0, body: { op: 'marks' } })
  turn()
  expect(sent).toHaveLength(65)
  expect(outcomes().slice(-2)).toEqual(['63 write', '99 marks'])
  turn()
  expect(sent).toHaveLength(71)
  expect(turns).toEqual([])
})

test('after a failed write takes none that was sent before its failure was known', () => {
  queue.take({ type: 'request', id: 1, failures: 0, body: broken })
  turn()
  queue.take({ type: 'request', id: 2, failures: 0, body: body(2) })
  queue.take({ type: 'request', id: 3, failures: 1, body: body(1) })
  turn()
  expect(outcomes()).toEqual(['1 batch of unknown version 9', '2 a write before this one failed', '3 write'])
  expect(sent[0]).toMatchObject({ type: 'error', failures: 1 })
})

test('goes on with a long job between writes, one job at a time, and answers when it is done', () => {
  for (let id = 0; id < 3; id += 1) queue.take({ type: 'request', id, failures: 0, body: body(id) })
  queue.take({ type: 'request', id: 10, failures: 0, body: { op: 'drop', beforeMs: t0 + 2, tier: 'raw' } })
  queue.take({ type: 'maintain', nowMs: t0 })
  turn()
  queue.take({ type: 'request', id: 11, failures: 0, body: body(20) })
  turn(20)
  expect(outcomes()).toEqual(['0 write', '1 write', '2 write', '11 write', '10 drop'])
  expect(sent.at(-1)).toMatchObject({ answer: { op: 'drop', points: 2 }, health: { points: 2 } })
})

test('finishes what is queued before it closes', () => {
  queue.take({ type: 'request', id: 1, failures: 0, body: body(1) })
  queue.take({ type: 'request', id: 2, failures: 0, body: { op: 'series', kind: 'vm' } })
  queue.take({ type: 'close' })
  turn(5)
  expect(outcomes()).toEqual(['1 write', '2 series'])
  expect(closed).toBe(true)
})
