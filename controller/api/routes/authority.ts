import { z } from 'zod'

import type { AuthorityState, Enrolment, NotRenewed } from '../../ingest/enrolment.js'
import type { ApiApp } from '../app.js'
import { ApiError } from '../errors.js'
import { callerOf } from '../guard.js'
import { authorityView, finishedRotationView, type AuthorityView, type FinishedRotationView } from '../views.js'
import { answers } from './answers.js'

/** The certificate authority that agents trust, and its change. */
export function addAuthorityRoutes(app: ApiApp, enrolment: Enrolment): void {
  app.get(
    '/api/v1/ca',
    {
      schema: {
        summary: 'The certificate authority, and who has not followed its rotation',
        response: answers(authorityView),
      },
    },
    async () => viewOf(await enrolment.authority()),
  )
  app.post(
    '/api/v1/ca/rotate',
    {
      schema: { summary: 'Makes a new certificate authority beside the present one', response: answers(authorityView) },
    },
    async (request) => {
      if (await enrolment.rotate(callerOf(request).name)) return viewOf(await enrolment.authority())
      throw new ApiError('rotation-under-way', 'the last rotation is not finished: finish it first')
    },
  )
  app.post(
    '/api/v1/ca/finish',
    {
      schema: {
        summary: 'Drops the former certificate authority',
        body: z.strictObject({
          force: z.boolean().default(false).describe('even if agents that are away have to join anew'),
        }),
        response: answers(finishedRotationView),
      },
    },
    async (request): Promise<FinishedRotationView> => {
      const { force } = request.body
      const outcome = await enrolment.finishRotation({ force, actor: callerOf(request).name })
      switch (outcome.status) {
        case 'finished':
          return { authority: viewOf(await enrolment.authority()), leftBehind: outcome.leftBehind.map(toView) }
        case 'no-rotation':
          throw new ApiError('no-rotation', 'no rotation of the certificate authority is under way')
        case 'not-renewed':
          throw new ApiError('agents-not-renewed', notRenewedMessage(outcome.agents))
      }
    },
  )
}

const mostNamed = 20

function notRenewedMessage(agents: readonly NotRenewed[]): string {
  const shown = agents
    .slice(0, mostNamed)
    .map(({ name, id, connected }) => `${name} (${id}${connected ? '' : ', away'})`)
  const rest = agents.length > mostNamed ? ` and ${agents.length - mostNamed} more` : ''
  return `not renewed yet: ${shown.join(', ')}${rest}`
}

function viewOf({ keyHash, notAfterMs, rotation }: AuthorityState): AuthorityView {
  return {
    keyHash,
    endsAt: notAfterMs,
    ...(rotation !== undefined && { rotation: { ...rotation, notRenewed: rotation.notRenewed.map(toView) } }),
  }
}

function toView({ id, name, connected }: NotRenewed): { id: string; name: string; connected: boolean } {
  return { id, name, connected }
}
