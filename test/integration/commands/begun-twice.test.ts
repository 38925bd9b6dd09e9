import { expect, it } from 'vitest'

import { begunTwice } from '../../commands/begun-twice.js'

it.each<[string, string, string[]]>([
  ['each once', 'begin a, succeeded a, begin b, failed b', []],
  ['killed before it was written down', 'begin a, begin a, succeeded a', []],
  ['cancelled meanwhile', 'begin a, cancel a, begin a, cancelled a', []],
  ['again after its end', 'begin a, succeeded a, begin a', ['a']],
  ['again after it was refused', 'refused a, begin a', ['a']],
  ['a third time', 'begin a, begin a, begin a', ['a']],
  ['of nobody', 'limit-ended', []],
])('%s', (_what, log, expected) => {
  const entries = log.split(', ').map((entry) => {
    const [event = '', id] = entry.split(' ')
    return { event, id }
  })
  expect(begunTwice(entries)).toEqual(expected)
})
