import { Duplex } from 'node:stream'

import { afterEach, expect, test, vi } from 'vitest'

import { HypervisorUnavailable } from '../hypervisor.js'
import { ReaderStream, type Question } from './reader-stream.js'

/** A reader that answers as the test wants. */
class ScriptedReader extends Duplex {
  readonly words: string[] = []

  constructor(private readonly answer: (word: string, number: number, reader: ScriptedReader) => void) {
    super()
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    const word = chunk.toString().trim()
    this.words.push(word)
    this.answer(word, this.words.length, this)
    done()
  }

  says(number: number, word: string, text: string): void {
    this.push(
      `\n@@headroom ${number} begin ${word}\n\n@@headroom ${number} text a\n${text}\n@@headroom ${number} end ${word}\n`,
    )
  }
}

let stream: ReaderStream | undefined
afterEach(() => stream?.close())

function streamOf(...openings: readonly (ScriptedReader | Error)[]) {
  return streamWith({}, ...openings)
}

function streamWith(options: { readonly lateMs?: number }, ...openings: readonly (ScriptedReader | Error)[]) {
  const left = [...openings]
  const lost: string[] = []
  const clock = { ms: 0, opened: 0 }
  stream = new ReaderStream({
    open: async () => {
      clock.opened += 1
      const next = left.shift()
      if (next === undefined) throw new Error('no more readers')
      if (next instanceof Error) throw next
      return next
    },
    onLost: (reason) => lost.push(reason.message),
    monotonicMs: () => clock.ms,
    ...options,
  })
  const own = stream
  const question: Question = { word: 'fast', deadlineMs: 5000, mostBytes: 1000 }
  const ask = async (more: Partial<Question> = {}): Promise<string | undefined> => {
    const [part] = await own.ask({ ...question, ...more })
    return part?.body.toString()
  }
  return { ask, lost, clock }
}

const good = () => new ScriptedReader((word, number, reader) => reader.says(number, word, `${word} ${number}`))

test('one question after the other, on one channel', async () => {
  const reader = good()
  const { ask, clock } = streamOf(reader)
  expect(await Promise.all([ask(), ask({ word: 'state' }), ask()])).toEqual(['fast 1', 'state 2', 'fast 3'])
  expect([reader.words, clock.opened]).toEqual([['fast', 'state', 'fast'], 1])
})

test('no second question before the first is answered', async () => {
  const reader = new ScriptedReader(() => undefined)
  const { ask } = streamOf(reader)
  const first = ask()
  const second = ask({ word: 'state' })
  await vi.waitFor(() => expect(reader.words).toEqual(['fast']))
  reader.says(1, 'fast', 'a')
  expect(await first).toBe('a')
  await vi.waitFor(() => expect(reader.words).toEqual(['fast', 'state']))
  reader.says(2, 'state', 'b')
  expect(await second).toBe('b')
})

test('a question that nobody wants any more when its turn comes is not written', async () => {
  const reader = new ScriptedReader((word, number, self) => word === 'fast' || self.says(number, word, ''))
  const { ask } = streamOf(reader)
  const abort = new AbortController()
  const first = ask()
  const second = ask({ word: 'destroy 3', signal: abort.signal })
  await vi.waitFor(() => expect(reader.words).toEqual(['fast']))
  abort.abort(new Error('nobody waits'))
  reader.says(1, 'fast', 'a')
  await first
  await expect(second).rejects.toThrow('nobody waits')
  await ask({ word: 'state' })
  expect(reader.words).toEqual(['fast', 'state'])
})

test('what is to be checked is checked when the channel is open, and forbids the question', async () => {
  const reader = good()
  const { ask, clock } = streamOf(reader)
  const seen: number[] = []
  const check = (): Promise<void> => {
    seen.push(clock.opened)
    return seen.length > 1 ? Promise.reject(new Error('another life')) : Promise.resolve()
  }
  expect(await ask({ word: 'destroy 3', check })).toBe('destroy 3 1')
  await expect(ask({ word: 'destroy 3', check })).rejects.toThrow('another life')
  expect(await ask()).toBe('fast 2')
  expect([reader.words, seen, clock.opened]).toEqual([['destroy 3', 'fast'], [1, 1], 1])
})

test('a channel that ends while that is checked is not written to', async () => {
  const reader = good()
  const { ask } = streamOf(reader)
  const check = async (): Promise<void> => {
    reader.destroy(new HypervisorUnavailable('killed'))
    await new Promise((resolve) => reader.once('close', resolve))
  }
  await expect(ask({ word: 'destroy 3', check })).rejects.toThrow('the channel was closed')
  expect(reader.words).toEqual([])
})

test('one that is silent is given up, and another is opened, but not at once', async () => {
  const silent = new ScriptedReader(() => undefined)
  const { ask, lost, clock } = streamOf(silent, good())
  await expect(ask({ deadlineMs: 20 })).rejects.toThrow('no answer to fast within 20 ms')
  expect([silent.destroyed, lost]).toEqual([true, ['no answer to fast within 20 ms']])
  await expect(ask()).rejects.toThrow('no answer to fast within 20 ms')
  expect(clock.opened).toBe(1)
  clock.ms += 1000
  expect(await ask()).toBe('fast 1')
  expect(clock.opened).toBe(2)
})

test('one that may be late is asked nothing more before it has answered', async () => {
  const slow = new ScriptedReader(() => undefined)
  const { ask, lost, clock } = streamWith({ lateMs: 60_000 }, slow)
  const first = ask({ deadlineMs: 20 })
  const second = ask({ word: 'state' })
  await expect(first).rejects.toThrow('no answer to fast within 20 ms')
  await expect(second).rejects.toThrow('still at work on fast')
  await expect(ask()).rejects.toThrow('still at work on fast')
  expect([slow.words, slow.destroyed, lost, clock.opened]).toEqual([['fast'], false, [], 1])
  slow.says(1, 'fast', 'late')
  await new Promise(setImmediate)
  const third = ask({ word: 'state' })
  await vi.waitFor(() => expect(slow.words).toEqual(['fast', 'state']))
  slow.says(2, 'state', 'in time')
  expect([await third, clock.opened]).toEqual(['in time', 1])
})

test('one that is late for too long is given up', async () => {
  const silent = new ScriptedReader(() => undefined)
  const { ask, clock } = streamWith({ lateMs: 20 }, silent, good())
  await expect(ask({ deadlineMs: 20 })).rejects.toThrow('no answer')
  await vi.waitFor(() => expect(silent.destroyed).toBe(true))
  clock.ms += 1000
  expect(await ask()).toBe('fast 1')
})

test.each([
  ['says too much', (number: number, reader: ScriptedReader) => reader.says(number, 'fast', 'x'.repeat(2000))],
  ['answers something else', (number: number, reader: ScriptedReader) => reader.says(number, 'state', '')],
  ['answers out of turn', (number: number, reader: ScriptedReader) => reader.says(number + 1, 'fast', '')],
  ['says anything', (_: number, reader: ScriptedReader) => reader.push('bash: welcome')],
])('one that %s is not heard any more', async (_, answer) => {
  const reader = new ScriptedReader((_word, number, self) => answer(number, self))
  const { ask, lost } = streamOf(reader)
  await expect(ask()).rejects.toThrow(HypervisorUnavailable)
  expect(lost).toEqual([expect.stringContaining('does not answer as it should')])
  expect(reader.destroyed).toBe(true)
})

test('one that speaks without being asked loses the channel', async () => {
  const reader = good()
  const { ask, lost } = streamOf(reader)
  await ask()
  reader.push('\n@@headroom 2 begin fast\n')
  await vi.waitFor(() => expect(lost).toHaveLength(1))
})

test('a channel that ends tells why, to who waits and to who asks next', async () => {
  const reader = new ScriptedReader((_word, _number, self) => self.destroy(new HypervisorUnavailable('killed')))
  const { ask, lost } = streamOf(reader)
  const [first, second] = await Promise.allSettled([ask(), ask()])
  expect([first.status, second.status]).toEqual(['rejected', 'rejected'])
  await expect(ask()).rejects.toThrow('killed')
  expect(lost).toEqual(['killed'])
})

test('what fails to open has its backoff elsewhere', async () => {
  const { ask, clock } = streamOf(new HypervisorUnavailable('no ssh'), good())
  await expect(ask()).rejects.toThrow('no ssh')
  expect(await ask()).toBe('fast 1')
  expect(clock.opened).toBe(2)
})

test('questions that wait are bounded', async () => {
  const { ask } = streamOf(new ScriptedReader(() => undefined))
  const outcomes = Promise.allSettled(Array.from({ length: 17 }, () => ask()))
  await expect(ask()).rejects.toThrow('16 questions are waiting')
  stream?.close()
  expect((await outcomes).map(({ status }) => status)).toEqual(Array(17).fill('rejected'))
})
