import { expect, test } from 'vitest'

import { HypervisorUnavailable } from '../hypervisor.js'
import type { Part } from './frame.js'
import type { Question } from './reader-stream.js'
import { RemoteReader } from './remote-reader.js'

const bootIds = ['0f0e7d3c-5a52-4d5e-9d3b-2b8c4a6f1e10', '1f0e7d3c-5a52-4d5e-9d3b-2b8c4a6f1e10'] as const

function heads(files: Readonly<Record<string, string>>): Part {
  const body = Object.entries(files).map(([path, text]) => `==> .${path} <==\n${text}\n`)
  return { kind: 'heads', argument: '/', body: Buffer.from(body.join('\n')) }
}

function world() {
  const asked: string[] = []
  const boots: number[] = []
  const state = { bootId: bootIds[0] as string, count: 0, fail: '' }
  const reader = new RemoteReader({
    ask: async ({ word }: Question) => {
      asked.push(word)
      state.count += 1
      if (state.fail !== '') throw new HypervisorUnavailable(state.fail)
      const { bootId, count } = state
      return [
        heads({ '/proc/sys/kernel/random/boot_id': bootId, '/proc/diskstats': `${count}`, '/proc/stat': `${count}` }),
      ]
    },
    onBoot: () => boots.push(state.count),
  })
  return { reader, asked, boots, state, count: () => Number(reader.files.read('/proc/diskstats')) }
}

test('who wants a frame at the same moment shares one: the larger', async () => {
  const { reader, asked, count } = world()
  await Promise.all([reader.refresh('fast'), reader.refresh('state'), reader.refresh('fast')])
  expect([asked, count()]).toEqual([['state'], 1])
  await Promise.all([reader.refresh('inventory'), reader.refresh('state')])
  expect(asked).toEqual(['state', 'inventory'])
})

test('one that is under way is too old for who comes later', async () => {
  const { reader, asked, count } = world()
  const first = reader.refresh('fast')
  await Promise.resolve()
  const second = reader.refresh('fast')
  await first
  await second
  expect([asked, count()]).toEqual([['fast', 'fast'], 2])
})

test('a boot: nothing of the life before can be read', async () => {
  const { reader, boots, state } = world()
  await reader.refresh('inventory')
  expect([reader.bootId, boots]).toEqual([bootIds[0], []])
  state.bootId = bootIds[1]
  await reader.refresh('fast')
  expect([reader.bootId, boots]).toEqual([bootIds[1], [2]])
  expect(() => reader.files.read('/proc/stat')).toThrow(HypervisorUnavailable)
  await reader.refresh('state')
  expect(boots).toEqual([2])
})

test('a boot id that is none is not believed, and is no boot', async () => {
  const { reader, state, boots } = world()
  state.bootId = 'x'.repeat(100)
  await reader.refresh('fast')
  expect(reader.bootId).toBeUndefined()
  for (const bootId of [bootIds[0], '', bootIds[0]]) {
    state.bootId = bootId
    await reader.refresh('fast')
  }
  expect([reader.bootId, boots]).toEqual([bootIds[0], []])
})

test('a failure is everybody’s who waits for it, and nobody’s after that', async () => {
  const { reader, state } = world()
  state.fail = 'cut'
  const both = await Promise.allSettled([reader.refresh('fast'), reader.refresh('state')])
  expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  state.fail = ''
  await reader.refresh('fast')
})

test('a pass that is given up waits no longer', async () => {
  const reader = new RemoteReader({ ask: () => new Promise(() => undefined), onBoot: () => undefined })
  const stop = new AbortController()
  const waiting = reader.refresh('fast', stop.signal)
  stop.abort(new Error('enough'))
  await expect(waiting).rejects.toThrow('enough')
})
