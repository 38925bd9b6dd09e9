import { describe, expect, it } from 'vitest'

import { around, arrayCondition } from '../../test/support/array-condition.js'
import type { ArrayCacheState, ArrayCondition } from '../model/array-condition.js'
import type { ArrayEvent } from '../model/array-event.js'
import { eventsAfter } from './array-events.js'

function played(...conditions: readonly ArrayCondition[]): string[] {
  let events: readonly ArrayEvent[] = []
  for (const [index, now] of conditions.entries()) events = eventsAfter(events, conditions[index - 1], now)
  return events
    .map((event) => `${event.what} ${event.value === undefined ? '' : event.value / 1e6}`.trimEnd())
    .toReversed()
}

const states = (...all: readonly ArrayCacheState[]): ArrayCondition[] => all.map((state) => arrayCondition(state))
const capacityOf = (megabytes: number): ArrayCondition =>
  arrayCondition('idle', { capacity: { ...around(megabytes * 1e6), basis: 'learnt' } })
const unknown = arrayCondition('idle', { capacity: { ...around(1e9), basis: 'assumed' }, drains: {} })

describe('what happens to a write cache', () => {
  it.each<[string, ArrayCondition[], string[]]>([
    ['nothing new at the first look', states('saturated'), []],
    ['nothing of note', states('idle', 'filling', 'near-full', 'filling', 'idle'), []],
    ['it overflows and drains', states('filling', 'saturated', 'draining', 'idle'), ['overflow', 'drained']],
    [
      'it stands still and goes on',
      states('saturated', 'stalled', 'saturated', 'stalled', 'draining'),
      ['stall', 'moves-again', 'stall', 'moves-again'],
    ],
    ['its cache goes off and on', states('idle', 'write-through', 'idle'), ['cache-off', 'cache-on']],
    ['what it holds and drains is learnt', [unknown, capacityOf(500)], ['learnt-capacity 500', 'learnt-drain 25']],
    ['a little more is the same', [capacityOf(500), capacityOf(540)], []],
    [
      'many little changes are one in the end',
      [unknown, ...[500, 530, 556, 570, 590].map(capacityOf)],
      ['learnt-capacity 500', 'learnt-drain 25', 'learnt-capacity 556'],
    ],
  ])('%s', (_what, conditions, expected) => {
    expect(played(...conditions)).toEqual(expected)
  })

  it('remembers the last twenty', () => {
    const many = Array.from({ length: 30 }, () => states('filling', 'saturated')).flat()
    expect(played(...many)).toHaveLength(20)
  })
})
