import { Writable } from 'node:stream'

import { pino } from 'pino'
import { expect, it } from 'vitest'

import { LimitedLog } from './limited-log.js'

function written(): { readonly log: LimitedLog; readonly lines: () => readonly string[] } {
  let text = ''
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString()
      done()
    },
  })
  const log = new LimitedLog(pino({}, sink), { most: 2, windowMs: 1000, mostKeys: 3 })
  const lines = (): string[] =>
    text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => {
        const { n, leftOutBefore }: { n: string; leftOutBefore?: number } = JSON.parse(line)
        return leftOutBefore === undefined ? n : `${n} (${leftOutBefore} left out)`
      })
  return { log, lines }
}

it('writes some of each key in a window, and tells later how many it left out', () => {
  const { log, lines } = written()
  for (const n of ['1', '2', '3', '4']) log.warn('a', 0, { n }, 'm')
  log.warn('b', 0, { n: 'other' }, 'm')
  log.warn('a', 1000, { n: '5' }, 'm')
  log.warn('a', 2000, { n: '6' }, 'm')
  expect(lines()).toEqual(['1', '2', 'other', '5 (2 left out)', '6'])
})

it('keeps few keys, and lets the oldest go', () => {
  const { log, lines } = written()
  for (const n of ['1', '2', '3']) log.warn('a', 0, { n }, 'm')
  for (const n of ['b', 'c', 'd']) log.warn(n, 1, { n }, 'm')
  log.warn('a', 2, { n: '4' }, 'm')
  expect(lines()).toEqual(['1', '2', 'b', 'c', 'd', '4'])
})
