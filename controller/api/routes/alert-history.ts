import { z } from 'zod'

import type { AlertDesk } from '../../alerts/desk/alert-desk.js'
import { subjectText } from '../../model/finding.js'
import { matchesPattern } from '../../policy/match.js'
import type { ApiApp } from '../app.js'
import { decodeCursor, encodeCursor } from '../cursor.js'
import { count, moment, resolveMoment } from '../moment.js'
import { alertHistoryView as toView } from '../to-view/alert-view.js'
import { alertHistoryView } from '../views.js'
import { answers } from './answers.js'
import { nextCursor } from './list-query.js'

const pattern = z.string().min(1).max(300)

const query = z.strictObject({
  from: moment.optional(),
  to: moment.describe('exclusive').optional(),
  alert: count(999_999_999).describe('number of an alert').optional(),
  check: pattern.describe('* stands for any characters').optional(),
  subject: pattern.describe('host:…, vm:…; * stands for any characters').optional(),
  about: z.string().min(1).max(300).describe('host:…, vm:… as it is called, letter by letter').optional(),
  limit: count(1000).prefault('100'),
  cursor: z.string().max(200).describe('nextCursor of the page before').optional(),
})

export function addAlertHistoryRoute(app: ApiApp, desk: Pick<AlertDesk, 'history'>, now: () => number): void {
  app.get(
    '/api/v1/alerts/history',
    {
      schema: {
        summary: 'What happened to alerts, newest first',
        querystring: query,
        response: answers(z.object({ history: z.array(alertHistoryView), nextCursor })),
      },
    },
    async ({ query: { from, to, alert, check, subject, about, limit, cursor } }) => {
      const [before] = cursor === undefined ? [] : decodeCursor(cursor, isPosition)
      const { entries, hasMore } = await desk.history({
        fromMs: from === undefined ? -Infinity : resolveMoment(from, now()),
        toMs: to === undefined ? Infinity : resolveMoment(to, now()),
        limit,
        before,
        alert,
        subject: about ?? (subject?.includes('*') === false ? subject : undefined),
        matches: (one) =>
          (check === undefined || matchesPattern(check, one.check)) &&
          (subject === undefined || matchesPattern(subject, subjectText(one.subject))),
      })
      const last = entries.at(-1)
      return {
        history: entries.map(toView),
        ...(hasMore && last !== undefined && { nextCursor: encodeCursor([last.seq]) }),
      }
    },
  )
}

function isPosition(value: unknown): value is readonly [number] {
  return Array.isArray(value) && value.length === 1 && Number.isSafeInteger(value[0]) && Number(value[0]) >= 0
}
