import { z } from 'zod'

import { KeyedBuckets } from '../../../common/token-bucket.js'
import type { RemedyDesk } from '../../remedies/remedy-desk.js'
import type { ApiApp } from '../app.js'
import { ApiError } from '../errors.js'
import { callerOf } from '../guard.js'
import { count } from '../moment.js'
import { commandView as toView } from '../to-view/command-view.js'
import { commandView } from '../views.js'
import { answers } from './answers.js'

const params = z.strictObject({ number: count(999_999_999) })
const body = z.strictObject({
  vm: z.string().min(1).max(300).describe('UUID or name of the VM whose limit is proposed'),
  dryRun: z.boolean().default(false).describe('every check says what it finds, and nothing is done'),
})

/** Of one who asks: what is refused leaves an entry in the audit log as well. */
const askRate = { perSecond: 1, burst: 100 } as const
const mostAskers = 2000

/** Carries out what an alert proposes. */
export function addRemedyRoute(app: ApiApp, remedies: RemedyDesk, now: () => number): void {
  const asks = new KeyedBuckets(askRate, mostAskers)
  app.post(
    '/api/v1/alerts/:number/remedies',
    {
      config: { access: 'operator' },
      schema: {
        summary:
          'Carries out the limit that the alert proposes for a VM, by the figures of now; answers with the command',
        params,
        body,
        response: answers(commandView),
      },
    },
    async (request) => {
      const caller = callerOf(request)
      if (!asks.take(caller.name, 1, now()))
        throw new ApiError(
          'too-many-asked',
          'too many remedies at once: at most one a second, and 100 after a quiet time',
        )
      const { vm, dryRun } = request.body
      const answer = await remedies.carryOut(request.params.number, vm, { asker: caller, dryRun })
      switch (answer.status) {
        case 'done':
          return toView(answer.command, caller)
        case 'not-proposed':
          throw new ApiError('not-proposed', answer.why)
        case 'under-way':
          throw new ApiError('remedy-under-way', `command ${answer.command.number} does that already`)
        case 'too-many-commands':
          throw new ApiError('too-many-commands', 'as many commands as there may be have not ended')
      }
    },
  )
}
