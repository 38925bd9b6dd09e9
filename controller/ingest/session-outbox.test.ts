import { Duplex } from 'node:stream'

import { expect, it, vi } from 'vitest'

import { SessionOutbox } from './session-outbox.js'

/** A stream that takes what is read from it only. */
function outlet(): { readonly stream: Duplex; readonly taken: string[]; readonly take: () => void } {
  const taken: string[] = []
  let next: (() => void) | undefined
  const stream = new Duplex({
    objectMode: true,
    writableHighWaterMark: 2,
    read() {
      // Nothing comes from the other side.
    },
    write(message: string, _encoding, done) {
      taken.push(message)
      next = done
    },
  })
  return { stream, taken, take: () => next?.() }
}

it('holds the newest word on each thing for a peer that does not read', async () => {
  const { stream, taken, take } = outlet()
  const outbox = new SessionOutbox<string>(stream)
  for (let seq = 1; seq <= 1000; seq += 1) {
    outbox.say('a', `a${seq}`)
    outbox.say('b', `b${seq}`)
  }
  expect([outbox.waiting, stream.writableLength]).toEqual([2, 2])
  await vi.waitFor(() => {
    take()
    expect(taken).toHaveLength(4)
  })
  expect(taken).toEqual(['a1', 'b1', 'a1000', 'b1000'])
  expect(outbox.waiting).toBe(0)
})

it('holds so many and no more, and counts what it drops', () => {
  const { stream } = outlet()
  const outbox = new SessionOutbox<string>(stream, 3)
  for (let thing = 0; thing < 10; thing += 1) outbox.say(`update ${thing}`, 'ack')
  outbox.say('update 2', 'ack')
  expect([outbox.waiting, outbox.dropped, stream.writableLength]).toEqual([3, 5, 2])
})

it('says nothing on a stream that is over', () => {
  const { stream, taken } = outlet()
  const outbox = new SessionOutbox<string>(stream)
  stream.destroy()
  outbox.say('a', 'a1')
  outbox.send('welcome')
  expect([taken, outbox.waiting]).toEqual([[], 0])
})
