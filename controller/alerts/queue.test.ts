import { expect, test } from 'vitest'

import { change, messageOf, summary } from '../../test/support/alerts/messages.js'
import type { Message } from '../model/alert.js'
import { enqueue, ownLane, putOff, takeNext, withoutMessage, withoutStale, type Queues } from './queue.js'

const bounds = { queued: 3, changesPerMessage: 4, digestOver: 2, queuedForMs: 1000 }

function about(group: string, number: number, more: Partial<Message> = {}): Message {
  return messageOf([change('fired', summary({ number }))], {
    id: `i-${number}`,
    thread: `i-${number}`,
    group: { group },
    ...more,
  })
}

function filled(...messages: readonly Message[]): { queues: Queues; dropped: number } {
  let queues: Queues = new Map()
  let dropped = 0
  for (const message of messages) {
    const next = enqueue(queues, message, 0, bounds)
    queues = next.queues
    dropped += next.dropped
  }
  return { queues, dropped }
}

const waiting = (queues: Queues): unknown[] =>
  (queues.get('lane') ?? []).map(({ message, isTried }) => [
    message.id,
    message.changes.map(({ alert }) => alert.number),
    isTried,
  ])

test('a message about the same group goes into the one that waits, as long as that was not tried', () => {
  const { queues } = filled(about('a', 1), about('b', 2), about('a', 3))
  expect(waiting(queues)).toEqual([
    ['i-1', [1, 3], false],
    ['i-2', [2], false],
  ])
  const tried = takeNext(queues, 'lane', bounds)
  expect(tried.message?.id).toBe('i-1')
  const more = enqueue(tried.queues, about('a', 4), 0, bounds)
  expect(waiting(more.queues)).toEqual([
    ['i-1', [1, 3], true],
    ['i-2', [2], false],
    ['i-4', [4], false],
  ])
  // Tried again it is the same.
  expect(takeNext(more.queues, 'lane', bounds).message).toEqual(tried.message)
})

test('the oldest gives way, but not the one that is being sent', () => {
  const first = takeNext(filled(about('a', 1)).queues, 'lane', bounds).queues
  let queues = first
  let dropped = 0
  for (const number of [2, 3, 4, 5]) {
    const next = enqueue(queues, about(`g${number}`, number), 0, bounds)
    queues = next.queues
    dropped += next.dropped
  }
  expect(waiting(queues)).toEqual([
    ['i-1', [1], true],
    ['i-4', [4], false],
    ['i-5', [5], false],
  ])
  expect(dropped).toBe(2)
})

test('more than there may be become one message, and what does not fit into it is counted', () => {
  const { queues } = filled(about('a', 1, { firing: 2 }), about('b', 2, { leftOut: 3 }), about('c', 3))
  const { message, queues: after } = takeNext(queues, 'lane', bounds)
  expect(message).toMatchObject({ id: 'i-1', thread: 'i-1', group: {}, leftOut: 3, firing: 4 })
  expect(waiting(after)).toEqual([['i-1', [1, 2, 3], true]])
  const long = filled(...[1, 2, 3, 4, 5, 6].map((number) => about('a', number)))
  expect(waiting(long.queues)).toEqual([['i-1', [3, 4, 5, 6], false]])
  expect(long.queues.get('lane')?.[0]?.message.leftOut).toBe(2)
})

test('where not all fits, how the worst stand goes before what is newer, and how they stand before what was', () => {
  const told = (number: number, what: 'fired' | 'resolved', severity: 'critical' | 'warning'): Message =>
    messageOf([change(what, summary({ number, severity }))], { id: `i-${number}`, group: { group: 'a' } })
  const { queues } = filled(
    told(1, 'fired', 'critical'),
    told(2, 'fired', 'critical'),
    told(2, 'resolved', 'critical'),
    told(3, 'fired', 'warning'),
    told(4, 'fired', 'warning'),
    told(5, 'fired', 'warning'),
    told(3, 'resolved', 'warning'),
  )
  const message = queues.get('lane')?.[0]?.message
  expect(message?.changes.map(({ what, alert: { number } }) => `${what} ${number}`)).toEqual([
    'fired 1',
    'fired 4',
    'fired 5',
    'resolved 3',
  ])
  expect(message?.leftOut).toBe(3)
})

test('who was put off gets all in its order, in a lane of their own, and holds up nobody else', () => {
  const recipients = ['a@x', 'b@x']
  const own = ownLane('target', 'b@x')
  const inOwn = (queues: Queues): unknown[] =>
    (queues.get(own) ?? []).map(({ message: { id, changes, recipients: to, lane }, isTried, queuedClockMs }) => [
      id,
      changes.map(({ alert }) => alert.number),
      to,
      lane === own,
      isTried,
      queuedClockMs,
    ])
  const first = takeNext(enqueue(new Map(), about('a', 1, { recipients }), 7, bounds).queues, 'lane', bounds)
  const late = putOff(first.queues, 'lane', 'i-1', ['b@x'], bounds)
  expect(late.queues.has('lane')).toBe(false)
  expect(inOwn(late.queues)).toEqual([['i-1', [1], ['b@x'], true, false, 7]])
  // What is told next goes to the others at once.
  const again = takeNext(late.queues, own, bounds)
  const second = takeNext(enqueue(again.queues, about('a', 2, { recipients }), 8, bounds).queues, 'lane', bounds)
  expect(second.message).toMatchObject({ id: 'i-2', recipients: ['a@x'] })
  expect(waiting(second.queues)).toEqual([['i-2', [2], true]])
  expect(inOwn(second.queues)).toEqual([
    ['i-1', [1], ['b@x'], true, true, 7],
    ['i-2', [2], ['b@x'], true, false, 8],
  ])
  // Where all were put off nothing is left to be sent.
  const alone = takeNext(
    enqueue(second.queues, about('a', 3, { recipients: ['b@x'], lane: 'b' }), 9, bounds).queues,
    'b',
    bounds,
  )
  expect(alone.message).toBe(undefined)
  expect(alone.queues.has('b')).toBe(false)
  expect(inOwn(alone.queues).at(-1)).toEqual(['i-2', [2, 3], ['b@x'], true, false, 8])
  // Its bound is that of every lane.
  let { queues } = alone
  let dropped = 0
  for (const number of [4, 5, 6]) {
    const more = enqueue(queues, about(`g${number}`, number, { recipients: ['b@x'], lane: 'b' }), 9, bounds)
    const taken = takeNext(more.queues, 'b', bounds)
    queues = taken.queues
    dropped += taken.dropped
  }
  expect(queues.get(own)).toHaveLength(3)
  expect(dropped).toBe(2)
})

test('what was sent, what is too old and what has no way any more leaves', () => {
  const { queues } = filled(about('a', 1), about('b', 2))
  expect(waiting(withoutMessage(queues, 'lane', 'i-1'))).toEqual([['i-2', [2], false]])
  expect(withoutMessage(withoutMessage(queues, 'lane', 'i-1'), 'lane', 'i-2').size).toBe(0)
  expect(withoutStale(queues, 1000, new Set(['target']), bounds)).toEqual({ queues, expired: 0, orphaned: 0 })
  expect(withoutStale(queues, 1001, new Set(['target']), bounds)).toMatchObject({ expired: 2, orphaned: 0 })
  expect(withoutStale(queues, 0, new Set(), bounds)).toMatchObject({ expired: 0, orphaned: 2 })
})
