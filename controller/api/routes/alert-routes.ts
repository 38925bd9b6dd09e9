import { z } from 'zod'

import type { Outcome } from '../../alerts/channels/channel.js'
import type { AlertDesk } from '../../alerts/desk/alert-desk.js'
import type { Target } from '../../alerts/settings.js'
import type { ApiApp } from '../app.js'
import { ApiError } from '../errors.js'
import { alertRouteView, routeTestView, type RouteTestView } from '../views.js'
import { answers } from './answers.js'

const owner = z.string().min(1).max(200)

/** Where alerts are sent, and whether they get there. */
export function addAlertRouteRoutes(app: ApiApp, desk: AlertDesk): void {
  app.get(
    '/api/v1/alerts/routes',
    {
      schema: {
        summary: 'Routes of the policy, and how sending goes',
        response: answers(z.object({ routes: z.array(alertRouteView) })),
      },
    },
    () => ({
      routes: desk.routes().map(({ route, targets }) => ({
        name: route,
        targets: targets.map(({ target, to, waiting, lane: { lastSentAtMs, problem } }) => ({
          kind: target.kind,
          to,
          waiting,
          ...(lastSentAtMs !== undefined && { lastSentAt: lastSentAtMs }),
          problem,
        })),
      })),
    }),
  )
  app.post(
    '/api/v1/alerts/routes/:name/test',
    {
      schema: {
        summary: 'Sends a test by each target of a route, now, and says what came of it',
        params: z.strictObject({ name: z.string() }),
        body: z.strictObject({
          owners: z.array(owner).max(10).describe('for addresses that stand for owners').prefault([]),
        }),
        response: answers(routeTestView),
      },
    },
    async (request) => {
      const results = await desk.test(request.params.name, request.body.owners)
      if (results !== undefined)
        return { results: results.map(({ target, to, outcome }) => resultView(target, to, outcome)) }
      const names = desk.routes().map(({ route }) => route)
      throw new ApiError(
        'alert-route-unknown',
        `no route is named ${JSON.stringify(request.params.name.slice(0, 80))}`,
        {
          field: 'name',
          expected: names.length === 0 ? 'the policy has no routes' : `one of ${names.join(', ')}`.slice(0, 300),
          got: request.params.name.slice(0, 80),
        },
      )
    },
  )
}

function resultView(target: Target, to: string, outcome: Outcome): RouteTestView['results'][number] {
  const reason = outcome.status === 'sent' ? (outcome.note ?? '') : outcome.reason
  return { kind: target.kind, to, ok: outcome.status === 'sent', reason }
}
