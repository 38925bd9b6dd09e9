import { expect, it } from 'vitest'

import { evidenceCharts, stateWords, subjectPath, titleOf } from './alert-words.js'

it.each([
  ['writeBytesPerSecond', 'Write bytes'],
  ['readLatencyMs', 'Read latency'],
  ['psiMemorySomeFraction', 'Psi memory some'],
  ['load1', 'Load1'],
])('calls %s %s', (field, title) => {
  expect(titleOf(field)).toBe(title)
})

it('has a chart for each figure that the store knows, with its limit, by entity', () => {
  const charts = evidenceCharts([
    { entity: 'vm:a', field: 'writeBytesPerSecond', value: 3, limit: 2 },
    { entity: 'vm:a', field: 'memoryBytes' },
    { entity: 'array:iscsi:x', field: 'writeLatencyMs', limit: 20 },
    { entity: 'vm:a', field: 'constructor' },
    { entity: 'constructor:a', field: 'writeLatencyMs' },
    { entity: '', field: 'writeLatencyMs' },
  ])
  expect(charts.map(({ entity, fields }) => [entity, fields])).toEqual([
    ['vm:a', ['writeBytesPerSecond', 'memoryBytes']],
    ['array:iscsi:x', ['writeLatencyMs']],
  ])
  expect(charts.flatMap(({ charts }) => charts.map(({ unit, limit }) => [unit, limit]))).toEqual([
    ['bytes/s', 2],
    ['memory', undefined],
    ['ms', 20],
  ])
})

it('says what keeps people from being told', () => {
  const plain = { sighting: 'raised', flapping: false } as const
  expect(stateWords(plain)).toBe('')
  expect(stateWords({ ...plain, acknowledged: { author: 'ann', at: 0, note: '' }, flapping: true })).toBe(
    'acknowledged by ann, comes and goes',
  )
  expect(stateWords({ ...plain, sighting: 'unseen', explainedBy: 'host-silent of host:a' })).toBe(
    'cannot be seen at present, explained by host-silent of host:a',
  )
  expect(stateWords({ ...plain, sighting: 'clear', silencedBy: 'x' })).toBe('over, if that lasts, silenced')
})

it('leads to what an alert is about, where that has a page', () => {
  expect(subjectPath({ kind: 'host', id: 'uuid', name: 'xenhv01' })).toBe('/hosts/xenhv01')
  expect(subjectPath({ kind: 'vm', id: 'uuid', name: 'bell' })).toBe('/vms/uuid')
  expect(subjectPath({ kind: 'array', id: 'iscsi:x', name: 'box' })).toBe('/arrays/iscsi%3Ax')
  expect(subjectPath({ kind: 'fleet', id: '', name: '' })).toBeUndefined()
})
