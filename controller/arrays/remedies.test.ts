import { describe, expect, it } from 'vitest'

import { around, arrayCondition as conditionOf } from '../../test/support/array-condition.js'
import { suspectOf } from '../../test/support/watched-arrays.js'
import { remediesWords } from '../checks/load/remedy-words.js'
import type { ArrayCacheState, ArrayCondition } from '../model/array-condition.js'
import type { Suspect } from '../model/culprits.js'
import { remedies } from './remedies.js'

const core = new Set(['db'])

function said(state: ArrayCacheState, suspects: readonly Suspect[], change: Partial<ArrayCondition> = {}): string {
  const all = remedies(conditionOf(state, change), { suspects }, ({ kind, name }) => ({
    isCore: core.has(name),
    processes: kind === 'host' ? ['cp', 'e2fsck'] : [],
  }))
  return remediesWords(all)
}

const kure = suspectOf('kure', { shareOfInflow: 0.9 })
// 400 MB are in it, 25 MB/s drain; of 75 MB/s that come in others write 7.5.
const moves = (names: string) => `move the disk of ${names}: moving the VM to another host does not help the array`

describe('what would help an array', () => {
  it.each<[string, ArrayCacheState, readonly Suspect[], Partial<ArrayCondition>, string]>([
    ['nothing has to', 'idle', [kure], {}, ''],
    ['nobody knows', 'unknown', [kure], {}, ''],
    [
      'one that copies: what drains and others leave, until it has drained',
      'saturated',
      [kure],
      {},
      `limit kure to 8.5 MB/s for 3m, or wait: it has drained about 23 s (13 s to 40 s) after they stop, or pause kure, or ${moves('kure')}`,
    ],
    [
      'a core VM is not paused',
      'near-full',
      [suspectOf('db', { shareOfInflow: 0.9 })],
      {},
      `limit db to 8.5 MB/s for 3m, or wait: it has drained about 23 s (13 s to 40 s) after they stop, or ${moves('db')}`,
    ],
    [
      'two that copy share what is left',
      'saturated',
      [suspectOf('kure', { shareOfInflow: 0.5 }), suspectOf('tritm', { shareOfInflow: 0.5 })],
      {},
      'limit kure to 8 MB/s for 3m, or limit tritm to 8 MB/s for 3m, or wait: it has drained about 16 s (10 s to 25 s) after they stop, ' +
        `or pause kure, or pause tritm, or ${moves('kure and tritm')}`,
    ],
    [
      'small writes are limited by their number',
      'saturated',
      [suspectOf('kure', { shareOfInflow: 0.9, writeBytesPerSecond: 8e6, requestsPerSecond: 2000 })],
      {},
      `limit kure to 1500 requests/s for 3m, or wait: it has drained about 23 s (13 s to 40 s) after they stop, or pause kure, or ${moves('kure')}`,
    ],
    [
      'reads to a quarter',
      'saturated',
      [
        suspectOf('kure', {
          shareOfInflow: 0,
          writeBytesPerSecond: 0,
          readBytesPerSecond: 30e6,
          requestsPerSecond: 400,
        }),
      ],
      { inflowBytesPerSecond: 10e6 },
      `limit kure to 100 requests/s for 3m, or wait: it has drained about 27 s (15 s to 50 s) after they stop, or pause kure, or ${moves('kure')}`,
    ],
    [
      'what a host does itself is stopped there',
      'saturated',
      [suspectOf('xenhv01', { shareOfInflow: 0.9 }, 'host')],
      {},
      'stop what works on xenhv01 (cp and e2fsck), or wait: it has drained about 23 s (13 s to 40 s) after they stop',
    ],
    [
      'others fill it by themselves: no wait is promised',
      'saturated',
      [suspectOf('kure', { shareOfInflow: 0.2 })],
      {},
      `limit kure to 2 MB/s for 1h, or pause kure, or ${moves('kure')}`,
    ],
    [
      'what drains is not known yet: no figures',
      'saturated',
      [kure],
      { drain: { low: 3e6, likely: 124e6, high: 670e6, basis: 'learnt' } },
      `pause kure, or ${moves('kure')}`,
    ],
    ['nobody is to blame', 'saturated', [], {}, 'let bulk copies run one at a time'],
    ['it stands still', 'stalled', [kure], {}, 'pause kure, or look at the box'],
    [
      'its cache is off',
      'write-through',
      [],
      {},
      'look at the battery of its cache, or let bulk copies run one at a time',
    ],
    ['it drains', 'draining', [], { inflowBytesPerSecond: 5e6 }, 'wait: it has drained in about 20 s (12 s to 33 s)'],
  ])('%s', (_what, state, suspects, change, expected) => {
    expect(said(state, suspects, change)).toBe(expected)
  })

  it('gives limits that let the cache empty', () => {
    for (const share of [0.6, 0.8, 0.95]) {
      const condition = conditionOf('saturated', {
        inflowBytesPerSecond: 25e6,
        drain: { ...around(25e6), basis: 'learnt' },
      })
      const [limit] = remedies(condition, { suspects: [suspectOf('kure', { shareOfInflow: share })] }, () => ({
        isCore: false,
        processes: [],
      }))
      if (limit?.action !== 'limit') throw new Error('no limit')
      const others = 25e6 * (1 - share)
      // By what drains at least.
      expect(others + (limit.writeBytesPerSecond ?? 0)).toBeLessThan(condition.drain.low)
      expect(limit.forSeconds % 60).toBe(0)
    }
  })
})
