import { createHmac } from 'node:crypto'

import { subjectText } from '../../model/finding.js'
import type { AlertSummary, Message } from '../../model/alert.js'
import type { Target } from '../settings.js'
import type { Channel } from './channel.js'
import { post } from './http-post.js'
import { readSecret } from './secret-file.js'

export interface WebhookOptions {
  readonly target: Extract<Target, { readonly kind: 'webhook' }>
  readonly now: () => number
  readonly linkTo: (number: number) => string | undefined
}

/** Names of the headers; docs/alerts.md says how to check them. */
export const webhookHeaders = {
  id: 'headroom-id',
  timestamp: 'headroom-timestamp',
  signature: 'headroom-signature',
} as const

/** POSTs JSON, signed, to an address. The id is the same at each try. */
export function webhookChannel({ target, now, linkTo }: WebhookOptions): Channel {
  return {
    send: async (message, signal) => {
      let secret: string
      try {
        secret = await readSecret(target.secretFile, signal)
      } catch (error) {
        return { status: 'retry', reason: error instanceof Error ? error.message : String(error) }
      }
      const body = JSON.stringify(webhookBody(message, linkTo))
      const timestamp = String(Math.floor(now() / 1000))
      const headers = {
        [webhookHeaders.id]: message.id,
        [webhookHeaders.timestamp]: timestamp,
        [webhookHeaders.signature]: `sha256=${signatureOf(secret, message.id, timestamp, body)}`,
      }
      return post({ url: target.url, headers, body }, signal)
    },
    close: () => undefined,
  }
}

/** HMAC-SHA-256 with the secret over `<id>.<timestamp>.<body>`, in hex. */
export function signatureOf(secret: string, id: string, timestamp: string, body: string): string {
  return createHmac('sha256', secret).update(`${id}.${timestamp}.${body}`).digest('hex')
}

/** What a webhook is sent. Public: add, never rename. */
function webhookBody(message: Message, linkTo: WebhookOptions['linkTo']): object {
  const { id, route, group, thread, atMs, changes, leftOut, firing } = message
  return {
    version: 1,
    id,
    thread,
    route,
    test: message.isTest === true,
    at: atMs,
    group,
    changes: changes.map(({ what, atMs, alert, before }) => ({
      what,
      at: atMs,
      ...(before !== undefined && { severityBefore: before }),
      alert: alertBody(alert, linkTo(alert.number)),
    })),
    leftOut,
    firing,
  }
}

function alertBody(alert: AlertSummary, link: string | undefined): object {
  const { number, check, subject, part, severity, message, facts, firedAtMs, flapping, evidence, related } = alert
  return {
    number,
    check,
    severity,
    subject: { ...subject, text: subjectText(subject) },
    ...(part !== '' && { part }),
    message,
    ...(facts.host !== undefined && { host: facts.host }),
    ...(facts.group !== undefined && { group: facts.group }),
    owners: facts.owners,
    firedAt: firedAtMs,
    flapping,
    evidence,
    related: related.map(({ role, subject }) => ({ role, ...subject })),
    ...(link !== undefined && { link }),
  }
}
