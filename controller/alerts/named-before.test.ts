import { expect, test } from 'vitest'

import { plainSettings, restarted } from '../../test/support/alerts/timeline.js'
import { finding, vmSubject, type Related } from '../model/finding.js'
import { emptyAlertState, step } from './step.js'

const array = { kind: 'array', id: 'a1', name: 'a1' } as const
const vm = (name: string) => vmSubject({ uuid: name, name })
const culprit = (name: string): Related => ({ role: 'culprit', subject: vm(name) })
const victim = (name: string): Related => ({ role: 'victim', subject: vm(name) })
/** VMs that have left the array. */
const gone = new Set<string>()
const world = {
  sight: () => 'seen' as const,
  facts: (_subject: unknown, related: readonly Related[]) => ({
    owners: related.filter(({ role }) => role === 'culprit').map(({ subject }) => subject.name),
  }),
  around: () => [],
  hasLeft: (vmUuid: string, arrayId: string) => arrayId === 'a1' && gone.has(vmUuid),
}
const settings = { ...plainSettings, defaultHold: { raiseAfterMs: 0, clearAfterMs: 0 } }

test('who was named by an alert stays so until another is, over a restart too', () => {
  let state = emptyAlertState('t')
  const said = (related: readonly Related[]): string => {
    const one = finding({ check: 'array-latency', severity: 'warning', subject: array, related, message: 'slow' })
    state = restarted(step(state, [one], world, settings, { atMs: 0, elapsedMs: 1000 }).state)
    const [alert] = state.alerts.values()
    const named = alert?.finding.related.map(({ role, subject }) => `${role} ${subject.name}`) ?? []
    return `${named.join(', ')}; owners ${alert?.facts.owners.join(', ')}`
  }
  expect(said([victim('x')])).toBe('victim x; owners ')
  expect(said([culprit('kure'), victim('x')])).toBe('culprit kure, victim x; owners kure')
  expect(said([victim('kure'), victim('x')])).toBe('culprit kure, victim x; owners kure')
  expect(said([])).toBe('culprit kure; owners kure')
  expect(said([culprit('tritm'), victim('kure')])).toBe('culprit tritm, victim kure; owners tritm')
  expect(said([culprit('tritm'), culprit('kure')])).toBe('culprit tritm, culprit kure; owners tritm, kure')
  gone.add('tritm')
  expect(said([victim('x')])).toBe('culprit kure, victim x; owners kure')
  gone.add('kure')
  expect(said([victim('x')])).toBe('victim x; owners ')
})
