import { z } from 'zod'

import type { AlertDesk } from '../../alerts/desk/alert-desk.js'
import { checkPattern, subjectPattern } from '../../policy/alert-schema.js'
import type { ApiApp } from '../app.js'
import { ApiError } from '../errors.js'
import { callerOf } from '../guard.js'
import { lifetime } from '../moment.js'
import { silenceView as toView } from '../to-view/alert-view.js'
import { silenceView } from '../views.js'
import { answers } from './answers.js'

const newSilence = z
  .strictObject({
    check: checkPattern.describe('name of a check; * stands for any characters').optional(),
    subject: subjectPattern.describe('host:…, vm:…, array:…, agent:…, fleet; * stands for any characters').optional(),
    for: lifetime,
    reason: z.string().trim().min(1, 'a reason').max(500),
  })
  .refine(({ check, subject }) => check !== undefined || subject !== undefined, {
    path: ['subject'],
    message: 'a check, a subject or both',
  })

/** Silences: nobody is told of what they cover. */
export function addSilenceRoutes(app: ApiApp, desk: AlertDesk): void {
  app.get(
    '/api/v1/alerts/silences',
    {
      schema: {
        summary: 'Silences in force, those of the policy included',
        response: answers(z.object({ silences: z.array(silenceView) })),
      },
    },
    () => ({ silences: desk.silences().map(toView) }),
  )
  app.post(
    '/api/v1/alerts/silences',
    {
      config: { access: 'operator' },
      schema: {
        summary: 'Silences a check, a subject or both for some time',
        body: newSilence,
        response: answers(silenceView),
      },
    },
    async (request) => {
      const { check, subject, for: forMs, reason } = request.body
      const match = { ...(check !== undefined && { check }), ...(subject !== undefined && { subject }) }
      const silence = await desk.addSilence(match, forMs, callerOf(request).name, reason)
      if (silence === undefined)
        throw new ApiError('too-many-silences', 'as many silences as there may be are in force')
      return toView(silence)
    },
  )
  app.post(
    '/api/v1/alerts/silences/:id/end',
    {
      config: { access: 'operator' },
      schema: {
        summary: 'Ends a silence before its time',
        params: z.strictObject({ id: z.string() }),
        response: answers(z.object({ id: z.string() })),
      },
    },
    async (request) => {
      const id = await desk.endSilence(request.params.id)
      if (id !== undefined) return { id }
      const shown = JSON.stringify(request.params.id.slice(0, 80))
      throw new ApiError('silence-unknown', `no silence that was made here has the id ${shown}`)
    },
  )
}
