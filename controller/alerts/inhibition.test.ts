import { expect, test } from 'vitest'

import type { Alert } from '../model/alert.js'
import { finding, findingKey, type Finding, type Severity, type Subject } from '../model/finding.js'
import { inhibited } from './inhibition.js'
import { defaultAlertSettings } from './settings.js'
import { subjectKey } from './world.js'

/** What the shipped rules explain of slow storage. */

const box: Subject = { kind: 'array', id: 'iscsi:box', name: 'box' }
const vm = (name: string): Subject => ({ kind: 'vm', id: name, name })

function alert(check: string, subject: Subject, more: Partial<Finding> = {}, severity: Severity = 'warning'): Alert {
  const said = finding({ check, severity, subject, message: '', ...more })
  return {
    key: findingKey(said),
    phase: 'firing',
    finding: said,
    severity,
    facts: { owners: [] },
    sighting: 'raised',
    startedAtMs: 0,
    flapping: false,
  }
}

const hammers = alert('vm-hammers-array', vm('p1'), { related: [{ role: 'partner', subject: box }] })
const byP1: Partial<Finding> = {
  related: [
    { role: 'culprit', subject: vm('p1') },
    { role: 'victim', subject: vm('c1') },
  ],
}
const slow = alert('array-latency', box, byP1)
const still = alert('array-latency', box, byP1, 'critical')
const waits = alert('vm-disk-latency', vm('c1'))
const lost = alert('vm-lost', vm('c1'))

test.each<[string, Alert[], Record<string, string>]>([
  [
    'who hammers explains the slow array, which explains who waits',
    [hammers, slow, waits, lost],
    { 'array-latency box': 'vm-hammers-array p1', 'vm-disk-latency c1': 'array-latency box' },
  ],
  ['one that stands still is told', [hammers, still, waits], { 'vm-disk-latency c1': 'array-latency box' }],
  ['one that another makes slow is told', [alert('vm-hammers-array', vm('p2')), slow], {}],
  [
    'who hammers is told, also if it waits itself',
    [slow, hammers, alert('vm-disk-latency', vm('p1'))],
    {
      'array-latency box': 'vm-hammers-array p1',
      'vm-disk-latency p1': 'array-latency box',
    },
  ],
  [
    'a full cache explains who waits; the owner of the VM that fills it is told by its own alert',
    [alert('array-cache', box, byP1, 'critical'), hammers, still, waits],
    {
      'array-latency box': 'array-cache box',
      'vm-disk-latency c1': 'array-cache box',
    },
  ],
])('%s', (_what, alerts, expected) => {
  const world = { around: (subject: Subject) => (subject.kind === 'vm' ? [subjectKey(box)] : []) }
  const byKey = new Map(alerts.map((one) => [one.key, one]))
  const name = (key: string): string => `${byKey.get(key)?.finding.check} ${byKey.get(key)?.finding.subject.name}`
  const explained = inhibited(byKey, defaultAlertSettings.inhibitions, world)
  expect(Object.fromEntries([...explained].map(([key, by]) => [name(key), name(by)]))).toEqual(expected)
})
