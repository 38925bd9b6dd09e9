import { expect, test } from 'vitest'

import { change, messageOf, summary } from '../../../test/support/alerts/messages.js'
import type { Change } from '../../model/alert.js'
import { mailText, worstOf } from './email-text.js'

const critical = summary({ number: 1, message: 'is silent' })
const warning = summary({ number: 2, severity: 'warning', message: 'is slow' })

test.each<{ readonly about: string; readonly changes: readonly Change[]; readonly subject: string; worst: string }>([
  {
    about: 'fired and over meanwhile',
    changes: [change('fired', critical), change('resolved', critical)],
    subject: '[headroom] over: vm:panda: is silent',
    worst: 'over',
  },
  {
    about: 'the worse one is over, the other fires',
    changes: [change('fired', critical), change('resolved', critical), change('fired', warning)],
    subject: '[headroom] warning: vm:panda: is slow (+1)',
    worst: 'warning',
  },
  {
    about: 'it was worse before',
    changes: [
      change('fired', critical),
      change('severity', { ...critical, severity: 'warning' }, { before: 'critical' }),
    ],
    subject: '[headroom] warning: vm:panda: is silent',
    worst: 'warning',
  },
  {
    about: 'over, and what fires anew is another alert',
    changes: [change('fired', warning), change('resolved', warning), change('fired', { ...critical, number: 3 })],
    subject: '[headroom] critical: vm:panda: is silent (+1)',
    worst: 'critical',
  },
])('subject and severity say how things stand: $about', ({ changes, subject, worst }) => {
  const message = messageOf(changes)
  expect(mailText(message, () => undefined).subject).toBe(subject)
  expect(worstOf(message)).toBe(worst)
})

test('every change of the longest message is written, what stands worst first', () => {
  const many = Array.from({ length: 498 }, (_, index) => change('fired', { ...warning, number: 10 + index }))
  const changes = [change('fired', summary({ number: 9 })), ...many, change('fired', { ...critical, number: 900 })]
  const over = change('resolved', summary({ number: 9 }))
  const { body } = mailText(messageOf(changes), () => undefined)
  expect(numbersIn(body)).toEqual(changes.toSorted(bySeverity).map(({ alert }) => alert.number))
  expect(body).not.toContain('more that do not fit')
  // What is over comes last, what it was before right before that.
  const mixed = messageOf([...changes.slice(0, 3), over, change('fired', critical)], { leftOut: 7 })
  expect(numbersIn(mailText(mixed, () => undefined).body)).toEqual([1, 10, 11, 9, 9])
  expect(mailText(mixed, () => undefined).body).toContain('… and 7 more that do not fit.')
})

test('figures are in words, with their units', () => {
  const evidence = [
    { entityKind: 'array', entityId: 'iscsi:x', field: 'writeLatencyMs', value: 64.2, limit: 50 },
    { entityKind: 'array_cache', entityId: 'iscsi:x', field: 'fillBytes', value: 557_700_000, limit: undefined },
    { entityKind: 'array', entityId: 'iscsi:x', field: 'inFlight', value: undefined, limit: undefined },
  ]
  const { body } = mailText(messageOf([change('fired', { ...critical, evidence })]), () => undefined)
  expect(body).toContain('  mean time of a write request: 64 ms, limit 50 ms\n')
  expect(body).toContain('  likely in the write cache, not on the disks yet: 558 MB\n')
  expect(body).toContain('  requests in flight: not known\n')
})

function numbersIn(body: string): number[] {
  return [...body.matchAll(/^[A-Z ]+  #(\d+)  /gm)].map(([, number]) => Number(number))
}

function bySeverity(a: Change, b: Change): number {
  return a.alert.severity.localeCompare(b.alert.severity)
}
