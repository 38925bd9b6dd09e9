import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { encodePoints } from '../embedded/batch-codec.js'
import { SqlDatabase } from '../embedded/database.js'
import type { Answer, QuestionBody, WriteBody } from '../embedded/protocol.js'
import type { Point } from '../time-series.js'
import { Outbox, type OutboxOptions } from './outbox.js'

const hourMs = 3_600_000
const t0 = Date.UTC(2026, 2, 1, 10)

let directory: string
let nowMs: number
let outbox: Outbox

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'headroom-outbox-'))
  nowMs = t0
  outbox = open()
})

afterEach(() => {
  outbox.close()
  rmSync(directory, { recursive: true })
})

function open(bounds: Partial<OutboxOptions['bounds']> = {}): Outbox {
  return new Outbox(
    {
      path: join(directory, 'queue.db'),
      bounds: { maxBytes: 2 ** 30, maxAgeMs: 100 * hourMs, ...bounds },
      retention: { raw: 72 * hourMs, '5m': 1000 * hourMs, '1h': 1000 * hourMs },
    },
    ['5m', '1h'],
    30_000,
    () => nowMs,
  )
}

function reopen(bounds: Partial<OutboxOptions['bounds']> = {}): void {
  outbox.close()
  outbox = open(bounds)
}

/** A batch of one point for each value, a second apart. */
function bodyOf(values: readonly number[], rest: Partial<WriteBody> = {}): WriteBody {
  const points = values.map((cpuCores, index): Point => {
    return { entity: { kind: 'vm', id: 'v1' }, atMs: nowMs + index * 1000, fields: { cpuCores } }
  })
  return { op: 'write', points: encodePoints(points), events: [], marks: [], ...rest }
}

function answer(question: QuestionBody): Answer | undefined {
  return outbox.read(question).next().value ?? undefined
}

function waiting(): number[] {
  return outbox.nextShipment()?.points.flatMap(({ values }) => values) ?? []
}

/** Sends all that waits; the server has it on disk at once, or holds it. */
function send(isDurable: boolean): void {
  for (let next = outbox.nextShipment(); next !== undefined; next = outbox.nextShipment()) {
    outbox.sending(next)
    outbox.sent(next, undefined, isDurable)
  }
}

function queue(): NonNullable<ReturnType<Outbox['health']>['queue']> {
  const { queue } = outbox.health()
  if (queue === undefined) throw new Error('no queue')
  return queue
}

describe('the queue', () => {
  it('keeps what is written, in order, until it is sent, over a reopening', () => {
    outbox.commit([bodyOf([1, 2]), bodyOf([3])])
    outbox.commit([bodyOf([4])])
    reopen()
    expect(outbox.nextShipment()?.points[0]).toEqual({
      kind: 'vm',
      id: 'v1',
      atMs: t0,
      names: ['cpuCores'],
      values: [1],
      labels: [],
    })
    expect(waiting()).toEqual([1, 2, 3, 4])
    expect(queue()).toMatchObject({ waitingPoints: 4, heldPoints: 0, oldestMs: t0 })
    send(true)
    expect(queue()).toMatchObject({ waitingPoints: 0, bytes: 0, oldestMs: undefined })
    reopen()
    expect(waiting()).toEqual([])
  })

  it('leaves out what its mark says is there, with its events', () => {
    const event = { at: t0, hostId: 'h', vmUuid: 'v', vmName: 'n', kind: 'k', reason: 'r', message: '' }
    const body = bodyOf([1], { events: [event], marks: [{ spoolId: 's', throughSeq: 4 }] })
    outbox.commit([body])
    outbox.commit([body, bodyOf([9], { marks: [{ spoolId: 's', throughSeq: 3 }] })])
    expect(waiting()).toEqual([1])
    reopen()
    outbox.commit([body])
    expect(waiting()).toEqual([1])
    expect(answer({ op: 'marks' })).toEqual({ op: 'marks', marks: new Map([['s', 4]]) })
    expect(answer({ op: 'events', query: { fromMs: 0, toMs: t0 + 1, limit: 9 } })).toMatchObject({
      events: [event],
    })
  })

  it('is asked for batches again that were not taken', () => {
    outbox.commit([bodyOf([1])])
    const shipment = outbox.nextShipment()
    expect(shipment).toBeDefined()
    if (shipment !== undefined) outbox.sending(shipment)
    outbox.failed()
    expect(waiting()).toEqual([1])
  })

  it('keeps what a server could lose, and gives it again when it did', () => {
    outbox.commit([bodyOf([1, 2])])
    send(false)
    nowMs += 1000
    outbox.commit([bodyOf([3])])
    send(false)
    expect([waiting(), queue().heldPoints]).toEqual([[], 3])
    outbox.confirm(t0 + 1000)
    expect(queue()).toMatchObject({ waitingPoints: 0, heldPoints: 1 })
    outbox.rewind()
    expect([waiting(), queue().resentPoints]).toEqual([[3], 1])
    // The end of this program: what is held waits again.
    send(false)
    reopen()
    expect(waiting()).toEqual([3])
  })

  it('gives all of it again, also what was under way when the loss was seen', () => {
    outbox.commit([bodyOf([1])])
    send(false)
    outbox.commit([bodyOf([2])])
    const shipment = outbox.nextShipment()
    if (shipment === undefined) throw new Error('nothing to send')
    outbox.sending(shipment)
    outbox.rewind()
    outbox.sent(shipment, undefined, false)
    expect([waiting(), queue().heldPoints]).toEqual([[1, 2], 0])
  })

  it('leaves out a batch that the disk has changed, and counts it', () => {
    outbox.commit([bodyOf([1])])
    outbox.commit([bodyOf([2, 3])])
    outbox.close()
    const db = new SqlDatabase(join(directory, 'queue.db'))
    db.prepare('UPDATE queue SET data = ? WHERE id = 1').run(Buffer.from('nonsense'))
    db.close()
    outbox = open()
    expect(waiting()).toEqual([2, 3])
    expect(queue().droppedPoints).toBe(1)
  })
})

describe('the bounds', () => {
  it('give up the oldest when there are too many bytes, never the newest, and count them', () => {
    reopen({ maxBytes: 1 })
    for (const value of [1, 2, 3]) outbox.commit([bodyOf([value])])
    expect([waiting(), queue().droppedPoints]).toEqual([[3], 2])
  })

  it('give up what has waited too long', () => {
    outbox.commit([bodyOf([1])])
    nowMs += 101 * hourMs
    outbox.commit([bodyOf([2])])
    expect([waiting(), queue().droppedPoints]).toEqual([[2], 1])
  })

  it('leave what is being sent', () => {
    reopen({ maxBytes: 1 })
    outbox.commit([bodyOf([1])])
    const shipment = outbox.nextShipment()
    if (shipment === undefined) throw new Error('nothing to send')
    outbox.sending(shipment)
    outbox.commit([bodyOf([2])])
    outbox.commit([bodyOf([3])])
    outbox.failed()
    expect(waiting()).toEqual([1, 3])
    outbox.commit([bodyOf([4])])
    expect([waiting(), queue().droppedPoints]).toEqual([[4], 3])
  })

  it('do not count as lost what the server has taken', () => {
    reopen({ maxBytes: 1 })
    outbox.commit([bodyOf([1])])
    send(false)
    outbox.commit([bodyOf([2])])
    expect(queue()).toMatchObject({ droppedPoints: 0, heldPoints: 0, waitingPoints: 1 })
  })
})

describe('roll-ups', () => {
  const window = (tier: '5m' | '1h'): object => ({ tier, kind: 'vm', startMs: t0 })

  it('are due when their windows are over and were quiet for a while, each time with a higher version', () => {
    outbox.commit([bodyOf([1])])
    send(true)
    expect(outbox.dueWindows()).toEqual([])
    nowMs = t0 + 300_000 + 30_000
    expect(outbox.dueWindows()).toEqual([window('5m')])
    expect(queue().wholeBeforeMs).toEqual({ '5m': t0, '1h': t0 })
    nowMs = t0 + hourMs + 30_000
    const due = outbox.dueWindows()
    expect(due).toEqual([window('5m'), window('1h')])
    expect(outbox.numbered(due).map(({ version }) => version)).toEqual([0, 0])
    outbox.computed(due, nowMs)
    outbox.confirm(Infinity)
    expect([outbox.dueWindows(), queue().waitingWindows, queue().wholeBeforeMs]).toEqual([
      [],
      0,
      { '5m': Infinity, '1h': Infinity },
    ])
    expect(outbox.numbered(due).map(({ version }) => version)).toEqual([1, 1])
  })

  it('are due again when a point comes late, also one that was under way while they were computed', () => {
    outbox.commit([bodyOf([1])])
    nowMs = t0 + 2 * hourMs
    const shipment = outbox.nextShipment()
    if (shipment === undefined) throw new Error('nothing to send')
    outbox.sending(shipment)
    nowMs += 60_000
    const due = outbox.dueWindows()
    outbox.computed(due, nowMs)
    outbox.confirm(Infinity)
    expect(outbox.dueWindows()).toEqual([])
    outbox.sent(shipment, undefined, true)
    nowMs += 60_000
    expect(outbox.dueWindows()).toEqual(due)
  })

  it('stay due when a point was sent after the server was asked', () => {
    outbox.commit([bodyOf([1])])
    send(true)
    nowMs = t0 + 2 * hourMs
    const due = outbox.dueWindows()
    const askedMs = nowMs
    nowMs += 10
    const late = encodePoints([{ entity: { kind: 'vm', id: 'v1' }, atMs: t0, fields: { cpuCores: 5 } }])
    outbox.commit([bodyOf([], { points: late })])
    send(true)
    outbox.computed(due, askedMs)
    nowMs += 60_000
    expect(outbox.dueWindows()).toEqual(due)
  })

  it('are due again after the end of the program, and after a crash of the server, until they are on its disk', () => {
    outbox.commit([bodyOf([1])])
    send(false)
    nowMs = t0 + 2 * hourMs
    const due = outbox.dueWindows()
    outbox.computed(due, nowMs)
    expect(outbox.dueWindows()).toEqual([])
    outbox.rewind()
    nowMs += 60_000
    expect(outbox.dueWindows()).toEqual(due)
    outbox.computed(due, nowMs)
    reopen()
    expect(outbox.dueWindows()).toEqual(due)
    outbox.computed(due, nowMs)
    outbox.confirm(nowMs + 1)
    reopen()
    expect(outbox.dueWindows()).toEqual([])
  })

  it('are left as they are where the server may have lost points already', () => {
    const old = encodePoints([{ entity: { kind: 'vm', id: 'v1' }, atMs: t0 - 73 * hourMs, fields: { cpuCores: 5 } }])
    outbox.commit([bodyOf([], { points: old })])
    send(true)
    nowMs += hourMs
    expect(outbox.dueWindows()).toEqual([])
  })

  it('have versions apart from those of a queue that was lost', () => {
    nowMs = t0 - hourMs
    const before = bodyOf([1])
    nowMs = t0
    outbox.commit([before])
    send(true)
    nowMs += hourMs
    expect(outbox.numbered(outbox.dueWindows()).map(({ version }) => version)).toEqual([100_000, 100_000])
  })
})
