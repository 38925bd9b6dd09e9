import { targetId } from '../grouping.js'
import type { Route, Target } from '../settings.js'
import { alertmanagerChannel } from './alertmanager.js'
import type { Channel } from './channel.js'
import { emailChannel, type MailServer } from './email.js'
import { webhookChannel } from './webhook.js'

/** A way to tell of alerts: a target of a route, and the channel that leads there. */
export interface Way {
  readonly route: string
  readonly target: Target
  readonly channel: Channel
}

export interface ChannelOptions {
  readonly mail: MailServer | undefined
  /** How people reach the page, without a slash at its end. */
  readonly publicUrl: string | undefined
  readonly now: () => number
}

/** The ways of all routes, by the id of their target. */
export function openWays(routes: readonly Route[], options: ChannelOptions): ReadonlyMap<string, Way> {
  return new Map(
    routes.flatMap((route) =>
      route.to.map((target): [string, Way] => [
        targetId(route.name, target),
        { route: route.name, target, channel: openChannel(target, options) },
      ]),
    ),
  )
}

function openChannel(target: Target, { mail, publicUrl, now }: ChannelOptions): Channel {
  const linkTo = (number: number): string | undefined =>
    publicUrl === undefined ? undefined : `${publicUrl}/alerts/${number}`
  switch (target.kind) {
    case 'alertmanager':
      return alertmanagerChannel({ target, now, linkTo })
    case 'webhook':
      return webhookChannel({ target, now, linkTo })
    case 'email':
      return emailChannel({ server: mail, linkTo })
  }
}
