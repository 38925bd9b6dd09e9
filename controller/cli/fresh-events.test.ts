import { expect, test } from 'vitest'

import { sampleEvents } from '../../test/support/cli/sample-views.js'
import { freshEvents } from './fresh-events.js'

const [crashed, started] = sampleEvents
if (crashed === undefined || started === undefined) throw new Error('two sample events are needed')

test('the first look shows all, the oldest first', () => {
  expect(freshEvents(new Set(), [crashed, started], 10).fresh).toEqual([started, crashed])
})

test('a second look shows only what is new, late events too', () => {
  const { seen } = freshEvents(new Set(), [crashed], 10)
  const next = freshEvents(seen, [crashed, started], 10)
  expect(next.fresh).toEqual([started])
  expect(next.missed).toBe(false)
  expect(freshEvents(next.seen, [crashed, started], 10).fresh).toEqual([])
})

test('more than one answer holds is said', () => {
  const { seen } = freshEvents(new Set(), [crashed], 1)
  expect(freshEvents(seen, [started], 1).missed).toBe(true)
  expect(freshEvents(new Set(), [started], 1).missed).toBe(false)
})
