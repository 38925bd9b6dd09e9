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
