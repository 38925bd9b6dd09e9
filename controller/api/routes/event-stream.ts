import type { ApiApp } from '../app.js'
import { securityHeaders } from '../app.js'
import type { Authenticator } from '../authenticator.js'
import { callerOf, credentialsOf } from '../guard.js'
import type { StreamHub } from '../stream-hub.js'

interface EventStreamOptions {
  readonly hub: StreamHub
  readonly authenticator: Authenticator
  readonly now: () => number
}

export function addEventStreamRoute(app: ApiApp, { hub, authenticator, now }: EventStreamOptions): void {
  app.get(
    '/api/v1/events',
    {
      exposeHeadRoute: false,
      schema: {
        summary: 'Server-sent events: what changes and what happens',
        description:
          '`change` (a ChangeView: everything at first, then what differs, at most every half second) and `happened` (an EventView). The id is the revision of the fleet. A stream ends with its session.',
        produces: ['text/event-stream'],
      },
    },
    (request, reply) => {
      const credentials = credentialsOf(request)
      const stillAllowed = (): boolean => typeof authenticator.identify(credentials, now()) === 'object'
      hub.open(reply.raw, { headers: securityHeaders, caller: callerOf(request).name, stillAllowed })
      reply.hijack()
    },
  )
}
