import { expect, it } from 'vitest'

import type { AlertView } from '../../api/views.js'
import { byRole, evidenceCharts, stateWords, subjectPath, urgency } from './alert-words.js'

const plainAlert = {
  phase: 'firing',
  check: 'c',
  message: '',
  owners: [],
  sighting: 'raised',
  startedAt: 0,
  flapping: false,
  evidence: [],
  related: [],
} as const satisfies Partial<AlertView>

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
  expect(charts.flatMap(({ charts }) => charts.map(({ title, unit, limit }) => [title, unit, limit]))).toEqual([
    ['Bytes written', 'bytes/s', 2],
    ['Memory it has now (balloon)', 'memory', undefined],
    ['Mean time of a write request', 'ms', 20],
  ])
})

it('puts first what somebody should look at, the worst of it first', () => {
  const one = (severity: AlertView['severity'], change: Partial<AlertView> = {}): AlertView => {
    const subject = { kind: 'fleet', id: '', name: '' } as const
    return { ...plainAlert, subject, severity, ...change }
  }
  const silenced = { silencedBy: 'x' }
  const rows = [one('info'), one('critical', silenced), one('warning'), one('critical'), one('warning', silenced)]
  expect(rows.toSorted((a, b) => urgency(b) - urgency(a)).map((row) => `${row.severity} ${row.silencedBy}`)).toEqual([
    'critical undefined',
    'warning undefined',
    'critical x',
    'warning x',
    'info undefined',
  ])
})

it('groups who has to do with it', () => {
  const who = (role: 'culprit' | 'victim' | 'partner', name: string) => ({ role, kind: 'vm' as const, id: name, name })
  const related = [who('victim', 'a'), who('culprit', 'b'), who('victim', 'c')]
  expect(byRole(related).map(([role, those]) => [role, those.map(({ name }) => name)])).toEqual([
    ['culprit', ['b']],
    ['victim', ['a', 'c']],
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
  expect(stateWords({ ...plain, wasSilenced: true })).toBe('happened under a silence')
})

it('leads to what an alert is about, where that has a page', () => {
  expect(subjectPath({ kind: 'host', id: 'uuid', name: 'xenhv01' })).toBe('/hosts/xenhv01')
  expect(subjectPath({ kind: 'vm', id: 'uuid', name: 'bell' })).toBe('/vms/uuid')
  expect(subjectPath({ kind: 'array', id: 'iscsi:x', name: 'box' })).toBe('/arrays/iscsi%3Ax')
  expect(subjectPath({ kind: 'fleet', id: '', name: '' })).toBeUndefined()
})
