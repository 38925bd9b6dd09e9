import { expect, it } from 'vitest'

import { encodePoints } from '../embedded/batch-codec.js'
import type { Point } from '../time-series.js'
import { decodeQueued, encodeQueued, queuedCount } from './queued-batch.js'

const mail: Point = {
  entity: { kind: 'vm', id: 'u1' },
  atMs: 1000,
  fields: { cpuCores: 0.5, running: 1 },
  labels: { hostName: 'one', name: 'mail', colour: 'blue' },
}

it('keeps points with their labels, in the listed order; unknown and empty ones are left out', () => {
  const points: Point[] = [
    mail,
    { ...mail, entity: { kind: 'disk', id: 'u1/vda' }, fields: { readBytesPerSecond: 3 }, labels: { vmName: '' } },
    { ...mail, atMs: 2000, labels: { ...mail.labels, name: 'x'.repeat(127) + '𝄞' } },
  ]
  const bytes = encodeQueued(points, [])
  expect(queuedCount(bytes)).toBe(3)
  expect(decodeQueued(bytes)).toEqual([
    {
      kind: 'vm',
      id: 'u1',
      atMs: 1000,
      names: ['cpuCores', 'running'],
      values: [0.5, 1],
      labels: [
        { name: 'name', value: 'mail' },
        { name: 'hostName', value: 'one' },
      ],
    },
    { kind: 'disk', id: 'u1/vda', atMs: 1000, names: ['readBytesPerSecond'], values: [3], labels: [] },
    {
      kind: 'vm',
      id: 'u1',
      atMs: 2000,
      names: ['cpuCores', 'running'],
      values: [0.5, 1],
      labels: [
        { name: 'name', value: 'x'.repeat(127) },
        { name: 'hostName', value: 'one' },
      ],
    },
  ])
})

it('keeps events as points of a kind of their own, with a sentence', () => {
  const event = {
    at: 5,
    hostId: 'h1',
    hostName: 'one',
    vmUuid: 'u1',
    vmName: 'mail',
    kind: 'crashed',
    reason: 'panicked',
  }
  const bytes = encodeQueued([], [{ ...event, message: 'no more memory' }])
  expect(queuedCount(bytes)).toBe(1)
  expect(decodeQueued(bytes)).toEqual([
    {
      kind: 'event',
      id: '',
      atMs: 5,
      names: ['count'],
      values: [1],
      labels: Object.entries({
        uuid: 'u1',
        host: 'h1',
        kind: 'crashed',
        reason: 'panicked',
        vmName: 'mail',
        hostName: 'one',
        text: 'mail: crashed (panicked) on one: no more memory',
      }).map(([name, value]) => ({ name, value })),
    },
  ])
})

it('reads batches from before there were labels', () => {
  const bytes = encodePoints([mail])
  expect(queuedCount(bytes)).toBe(1)
  expect(decodeQueued(bytes)).toEqual([expect.objectContaining({ id: 'u1', values: [0.5, 1], labels: [] })])
  expect(() => decodeQueued(Uint8Array.of(9, 0, 0))).toThrow('unknown version 9')
})
