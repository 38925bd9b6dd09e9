import type { AlertSummary, Change, Message } from '../../model/alert.js'
import type { Target } from '../settings.js'
import type { Channel, Outcome } from './channel.js'
import { post, type PostOutcome } from './http-post.js'
import { readSecret } from './secret-file.js'

/** One alert as `POST /api/v2/alerts` of Alertmanager takes it. Those of equal labels are one alert. */
export interface PostableAlert {
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  /** Without it: as it comes in. */
  readonly startsAt?: string
  /** Without it: some minutes after it came in last. */
  readonly endsAt?: string
  readonly generatorURL?: string
}

export interface AlertmanagerOptions {
  readonly target: Extract<Target, { readonly kind: 'alertmanager' }>
  readonly now: () => number
  /** Where the page of an alert is, if the configuration says how people reach the controller. */
  readonly linkTo: (number: number) => string | undefined
}

/** Alerts in one request. */
const perRequest = 500
/** Less than this may be the time that an answer took. */
const noticeableMs = 5000
/** How long the alert of a test fires. */
const testMs = 60_000

/**
 * Alertmanager's API v2. Alerts that fire are sent without an end, so that the end is Alertmanager's to set, by its own clock, if they are not
 * sent again; one that is over is sent with its end. Should its clock differ, as the date of its answers tells, times are put on that.
 */
export function alertmanagerChannel({ target, now, linkTo }: AlertmanagerOptions): Channel {
  let leadMs = 0
  const send = async (alerts: readonly PostableAlert[], signal: AbortSignal): Promise<Outcome> => {
    for (let at = 0; at < alerts.length; at += perRequest) {
      const outcome = await postAlerts(target, alerts.slice(at, at + perRequest), signal)
      const lead = outcome.dateMs === undefined ? leadMs : outcome.dateMs - now()
      const wasWrong = Math.abs(lead - leadMs) > noticeableMs
      leadMs = Math.abs(lead) > noticeableMs ? lead : 0
      // Times that it refused, or took for others than they are, are sent again as its clock has them.
      if (wasWrong && outcome.status !== 'retry') {
        return { status: 'retry', reason: `its clock differs from ours by ${Math.round(lead / 1000)} s` }
      }
      if (outcome.status !== 'sent') return outcome
    }
    return { status: 'sent' }
  }
  const time = (ms: number): string => new Date(ms + leadMs).toISOString()
  const firing = (alert: AlertSummary): PostableAlert => ({
    ...describe(alert, linkTo(alert.number)),
    // Not later than now: that would be refused.
    startsAt: time(Math.min(alert.firedAtMs, now())),
  })
  const over = (alert: AlertSummary, atMs: number): PostableAlert => {
    const endMs = Math.min(atMs, now())
    return { ...firing(alert), startsAt: time(Math.min(alert.firedAtMs, endMs - 1)), endsAt: time(endMs) }
  }
  const postable = ({ what, alert, atMs, before }: Change): PostableAlert[] => {
    if (what === 'resolved') return [over(alert, atMs)]
    // Another severity is another alert there: the one before ends.
    return before === undefined ? [firing(alert)] : [over({ ...alert, severity: before }, atMs), firing(alert)]
  }
  return {
    send: (message, signal) => {
      const alerts =
        message.isTest === true
          ? [testAlert(message, time(now()), time(now() + testMs))]
          : message.changes.flatMap(postable)
      return send(newestOf(alerts), signal)
    },
    resend: { everyMs: target.resendMs, send: (alerts, signal) => send(alerts.map(firing), signal) },
    close: () => undefined,
  }
}

/** Labels say which alert it is, and stay as long as it fires; annotations are for people, and change. */
function describe(
  alert: AlertSummary,
  link: string | undefined,
): Pick<PostableAlert, 'labels' | 'annotations' | 'generatorURL'> {
  const { check, severity, subject, part, facts, number, message, flapping } = alert
  const labels = {
    alertname: check,
    severity,
    subject_kind: subject.kind,
    subject: subject.name === '' ? subject.kind : subject.name,
    subject_id: subject.id,
    part,
    headroom_alert: String(number),
  }
  const culprits = alert.related.filter(({ role }) => role === 'culprit').map(({ subject: { name } }) => name)
  const annotations = {
    summary: message,
    host: facts.host ?? '',
    group: facts.group ?? '',
    owner: facts.owners.join(', '),
    culprit: culprits.join(', '),
    flapping: flapping ? 'it comes and goes: it stays until it has been over for long' : '',
  }
  return { labels: filled(labels), annotations: filled(annotations), ...(link !== undefined && { generatorURL: link }) }
}

function testAlert({ id, route }: Message, startsAt: string, endsAt: string): PostableAlert {
  return {
    labels: { alertname: 'HeadroomTest', severity: 'info', route, headroom_message: id },
    annotations: { summary: `a test of the route ${route}: nothing is wrong` },
    startsAt,
    endsAt,
  }
}

/** The alert that always fires: who misses it knows that the way is broken. */
export const watchdogAlert: PostableAlert = {
  labels: { alertname: 'Watchdog', severity: 'none', source: 'headroom' },
  annotations: { summary: 'headroom watches, and its alerts get here: should this end, one of both is no longer so' },
}

/** Empty labels are no labels there. */
function filled(all: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ''))
}

/** Of several about one alert the last counts. */
function newestOf(alerts: readonly PostableAlert[]): PostableAlert[] {
  return [...new Map(alerts.map((alert) => [JSON.stringify(alert.labels), alert])).values()]
}

/** Sends alerts to an Alertmanager as they are. Never rejects. */
export async function postAlerts(
  target: AlertmanagerOptions['target'],
  alerts: readonly PostableAlert[],
  signal: AbortSignal,
): Promise<PostOutcome> {
  const headers = await authorization(target, signal)
  if ('reason' in headers) return { status: 'retry', reason: headers.reason }
  const url = new URL('api/v2/alerts', target.url.endsWith('/') ? target.url : `${target.url}/`).href
  return post({ url, headers, body: JSON.stringify(alerts) }, signal)
}

async function authorization(
  { user, passwordFile, tokenFile }: AlertmanagerOptions['target'],
  signal: AbortSignal,
): Promise<Record<string, string> | { readonly reason: string }> {
  try {
    if (tokenFile !== undefined) return { authorization: `Bearer ${await readSecret(tokenFile, signal)}` }
    if (user === undefined || passwordFile === undefined) return {}
    const pair = `${user}:${await readSecret(passwordFile, signal)}`
    return { authorization: `Basic ${Buffer.from(pair).toString('base64')}` }
  } catch (error) {
    return { reason: error instanceof Error ? error.message : String(error) }
  }
}
