import { z } from 'zod'

import { duration } from '../../common/config.js'
import { checkTable } from '../model/check-table.js'
import type { HeartbeatRule, RouteRule, SilenceRule, TargetRule } from '../model/policy.js'
import { patternTest } from '../../common/pattern.js'
import { name, named, pattern, words } from './policy-text-schema.js'

/** Parts of `policy.yaml` that say whom alerts are told to. */

const severities = ['info', 'warning', 'critical'] as const
export const routeGroupLabels = ['check', 'severity', 'subject', 'host', 'group', 'owner'] as const

function between(least: number, most: number, expected: string): z.ZodType<number> {
  return duration.refine((ms) => ms >= least && ms <= most, `a duration ${expected}`)
}

/** A check, or all that a pattern matches. */
export const checkPattern = pattern.refine(
  (text) => Object.keys(checkTable).some(patternTest(text)),
  'the name of a check, or a pattern that one has',
)

/** An address without what belongs into a file of its own. */
const url = words(1000).refine((text) => {
  if (!URL.canParse(text)) return false
  const { protocol, username, password } = new URL(text)
  return (protocol === 'http:' || protocol === 'https:') && username === '' && password === ''
}, 'an address such as https://alerts.example/hook, without a password in it')

const path = words(1000)

const alertmanager = z.strictObject({
  url,
  resend: between(1000, 300_000, 'from 1s to 5m').default(60_000),
  user: words(200).optional(),
  passwordFile: path.optional(),
  tokenFile: path.optional(),
})
const webhook = z.strictObject({ url, secretFile: path })

/** `{owner}` stands for each owner; nothing else in braces stands for anything. */
const address = words(320).refine((text) => {
  const filled = text.replaceAll('{owner}', 'owner')
  return !/[{}]/.test(filled) && (text === '{owner}' || /^[^\s@,;<>]+@[^\s@,;<>]+$/.test(filled))
}, 'an address such as admin@example.org or {owner}@example.org')
const email = z.strictObject({ to: z.array(address).min(1).max(100) })

const target = z
  .strictObject({ alertmanager: alertmanager.optional(), webhook: webhook.optional(), email: email.optional() })
  .refine((one) => Object.values(one).filter((kind) => kind !== undefined).length === 1, {
    message: 'one of alertmanager, webhook, email',
  })
  .transform(toTarget)

const route = z
  .strictObject({
    name,
    match: z
      .strictObject({
        severity: z.array(z.enum(severities)).min(1).max(3).optional(),
        check: checkPattern.optional(),
        group: name.optional(),
        owner: pattern.optional(),
      })
      .prefault({}),
    to: z.array(target).min(1).max(20),
    groupBy: z.array(z.enum(routeGroupLabels)).max(routeGroupLabels.length).default(['check']),
    groupWait: between(0, 3_600_000, 'up to 1h').default(5000),
    groupInterval: between(1000, 86_400_000, 'from 1s to 1d').default(30_000),
    repeat: between(60_000, 30 * 86_400_000, 'from 1m to 30d').default(12 * 3_600_000),
  })
  .transform(({ groupWait, groupInterval, repeat, ...rest }): RouteRule => {
    return { ...rest, groupWaitMs: groupWait, groupIntervalMs: groupInterval, repeatMs: repeat }
  })

/** What silences are about. */
export const subjectPattern = pattern.regex(
  /^(?:\*|fleet|(?:host|vm|array|agent|\*):.+)$/,
  'a subject such as vm:mail, host:xenhv0*, array:* or fleet',
)

/** With its zone: a silence must not depend on where the controller runs. */
const moment = z.unknown().transform((value, context): number => {
  const isMoment = typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d)?(?:Z|[+-]\d\d:\d\d)$/.test(value)
  const ms = isMoment ? Date.parse(value) : Number.NaN
  if (!Number.isNaN(ms)) return ms
  context.addIssue({ code: 'custom', message: 'a moment such as 2012-01-15T18:00:00+09:00' })
  return z.NEVER
})

const silence = z
  .strictObject({
    match: z
      .strictObject({ check: checkPattern.optional(), subject: subjectPattern.optional() })
      .refine((match) => match.check !== undefined || match.subject !== undefined, 'check, subject or both'),
    until: moment,
    author: words(200),
    reason: words(500),
  })
  .transform(({ until, ...rest }): SilenceRule => ({ ...rest, untilMs: until }))

const heartbeat = z
  .strictObject({
    every: between(10_000, 3_600_000, 'from 10s to 1h').default(60_000),
    url: url.optional(),
    alertmanager: alertmanager.optional(),
  })
  .refine((beat) => beat.url !== undefined || beat.alertmanager !== undefined, 'url, alertmanager or both')
  .transform(({ every, url: asked, alertmanager: told }): HeartbeatRule => {
    return { everyMs: every, url: asked, alertmanager: told === undefined ? undefined : toAlertmanager(told) }
  })

export const routesSchema = named(route, 100)
export const silencesSchema = z.array(silence).max(1000).default([])
export const heartbeatSchema = heartbeat.optional()

function toTarget(one: {
  alertmanager?: z.output<typeof alertmanager> | undefined
  webhook?: z.output<typeof webhook> | undefined
  email?: z.output<typeof email> | undefined
}): TargetRule {
  if (one.alertmanager !== undefined) return toAlertmanager(one.alertmanager)
  if (one.webhook !== undefined) return { kind: 'webhook', ...one.webhook }
  return { kind: 'email', to: one.email?.to ?? [] }
}

function toAlertmanager({ resend, ...rest }: z.output<typeof alertmanager>): AlertmanagerTarget {
  return { kind: 'alertmanager', resendMs: resend, ...rest }
}

type AlertmanagerTarget = Extract<TargetRule, { readonly kind: 'alertmanager' }>
