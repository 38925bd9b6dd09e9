import { describe, expect, it } from 'vitest'

import { policyOf } from '../../test/support/policy-with.js'
import { buildSnapshot, hostIdOf } from '../../test/support/snapshot-builder.js'
import type { Exchanged, Snapshot, StorageArray } from '../model/snapshot.js'
import { ArrayModels, mostWatched } from './array-models.js'

const policy = policyOf('arrays: [{ name: box, match: "iscsi:box", cache: 200MB, drain: 8MB/s }]')
const startMs = 1_772_409_600_000

/** One array that host `a` has exchanged so much with, as of then. */
function exchangedBy(atMs: number, exchanged: Exchanged): Snapshot {
  const base = buildSnapshot({
    hosts: [{ name: 'a', memoryMiB: 1024 }],
    vms: [],
    arrays: [{ key: 'iscsi:box', name: 'box', kind: 'iscsi' }],
  })
  const arrays = [...base.arrays.values()].map((array): StorageArray => ({
    ...array,
    exchanges: [{ hostId: hostIdOf('a'), at: atMs, exchanged }],
  }))
  return { ...base, at: atMs, arrays: new Map(arrays.map((array) => [array.key, array])) }
}

describe('models of boxes', () => {
  it('are not taught by what a host tells at once of a quarter of an hour', () => {
    const models = new ArrayModels()
    let writeBytes = 0
    let activeSeconds = 0
    const look = (second: number, bytes: number, seconds: number) => {
      writeBytes += bytes
      activeSeconds += bytes > 0 ? seconds : 0
      models.look(
        exchangedBy(startMs + 1000 * second, { writeBytes, writeRequests: 0, activeSeconds }),
        policy,
        startMs + 1000 * second,
      )
      return models.watched.get('iscsi:box')
    }
    for (let second = 0; second < 90; second += 1) look(second, 0, 1)
    const before = look(91, 1e6, 1)
    for (let second = 92; second < 980; second += 1) {
      models.look(
        exchangedBy(startMs + 91_000, { writeBytes, writeRequests: 0, activeSeconds }),
        policy,
        startMs + 1000 * second,
      )
    }
    const after = look(980, 10e9, 889)
    expect(after?.condition.capacity).toEqual(before?.condition.capacity)
    expect(after?.condition.burst.bulkCopyBytesPerSecond).toBe(before?.condition.burst.bulkCopyBytesPerSecond)
    expect(after?.condition.fill).toBeUndefined()
    expect(after?.users).toEqual(before?.users)
  })

  it.each([
    ['1 s', 1000, false],
    ['10 s', 10_000, true],
  ])(
    'take what three hosts tell of 11 s, one after the other, for the inflow of now at a beat of %s: %j',
    (_, fastMs, isNow) => {
      const models = new ArrayModels()
      for (let second = 0; second < 120; second += 1) {
        const exchanged = { writeBytes: 5e6 * second, writeRequests: 50 * second, activeSeconds: 11 * second }
        const atMs = startMs + 1000 * second
        models.look(exchangedBy(atMs, exchanged), policy, atMs, fastMs)
      }
      expect(models.watched.get('iscsi:box')?.condition.inflowBytesPerSecond !== undefined).toBe(isNow)
    },
  )

  it('go by what policy says of a bulk copy', () => {
    const models = new ArrayModels()
    const said = policyOf('arrays: [{ name: box, match: "iscsi:box", cache: 200MB, drain: 8MB/s, bulkCopy: 30MB/s }]')
    models.look(exchangedBy(startMs, {}), said, startMs)
    models.look(exchangedBy(startMs, {}), said, startMs + 5000)
    expect(models.watched.get('iscsi:box')?.condition.burst.bulkCopyBytesPerSecond).toBe(30e6)
  })

  it('keep their places, in whatever order boxes are told of', () => {
    const arrays = Array.from({ length: mostWatched + 5 }, (_, index) => ({
      key: `iscsi:${String(index).padStart(4, '0')}`,
      name: '',
      kind: 'iscsi',
    }))
    const models = new ArrayModels()
    const snapshot = buildSnapshot({ hosts: [{ name: 'a', memoryMiB: 1024 }], vms: [], arrays: arrays.slice(5) })
    models.look(snapshot, policy, startMs)
    models.look(snapshot, policy, startMs + 5000)
    const watched = [...models.watched.keys()]
    expect(watched).toHaveLength(mostWatched)
    const more = buildSnapshot({ hosts: [{ name: 'a', memoryMiB: 1024 }], vms: [], arrays: arrays.toReversed() })
    models.look(more, policy, startMs + 10_000)
    expect([...models.watched.keys()].toSorted()).toEqual(watched.toSorted())
    expect(models.notWatched).toBe(5)
  })
})
