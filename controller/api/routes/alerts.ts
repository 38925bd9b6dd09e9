import { z } from 'zod'

import type { AlertDesk } from '../../alerts/desk/alert-desk.js'
import type { Alert } from '../../model/alert.js'
import { severityRank, subjectText } from '../../model/finding.js'
import { matchesPattern } from '../../policy/match.js'
import type { ApiApp } from '../app.js'
import { pageOf, type SortKey } from '../cursor.js'
import { ApiError } from '../errors.js'
import { callerOf } from '../guard.js'
import { count } from '../moment.js'
import { alertHistoryView, alertView as toView } from '../to-view/alert-view.js'
import type { Proposal } from '../../remedies/proposals.js'
import type { RemedyDesk } from '../../remedies/remedy-desk.js'
import { commandView } from '../to-view/command-view.js'
import { alertDetailView, alertView, type ProposalView } from '../views.js'
import { answers } from './answers.js'
import { listQuery, nextCursor, pageAnswer } from './list-query.js'

const pattern = z.string().min(1).max(300)

const query = z.strictObject({
  ...listQuery,
  phase: z.enum(['firing', 'pending', 'any']).default('firing'),
  severity: z.enum(['info', 'warning', 'critical']).optional(),
  check: pattern.describe('* stands for any characters').optional(),
  subject: pattern.describe('host:…, vm:…; * stands for any characters').optional(),
})

const params = z.strictObject({ number: count(999_999_999) })

/** Lines of history that come with one alert. */
const mostHistory = 200

/** Alerts: all that fire, one, and its acknowledgement. */
export function addAlertRoutes(app: ApiApp, desk: AlertDesk, remedies: RemedyDesk): void {
  app.get(
    '/api/v1/alerts',
    {
      schema: {
        summary: 'Alerts, the most severe first, the newest first of those',
        querystring: query,
        response: answers(z.object({ alerts: z.array(alertView), nextCursor })),
      },
    },
    (request) => {
      const { phase, severity, check, subject } = request.query
      const found = [...desk.alerts.values()].filter(
        (alert) =>
          (phase === 'any' || alert.phase === phase) &&
          (severity === undefined || alert.severity === severity) &&
          (check === undefined || matchesPattern(check, alert.finding.check)) &&
          (subject === undefined || matchesPattern(subject, subjectText(alert.finding.subject))),
      )
      const { items, nextCursor } = pageOf(found, sortKey, request.query)
      return pageAnswer('alerts', { items: items.map((alert) => toView(alert, desk.alerts)), nextCursor })
    },
  )
  app.get(
    '/api/v1/alerts/:number',
    {
      schema: {
        summary: 'One alert, and what happened to it',
        params,
        response: answers(alertDetailView),
      },
    },
    async (request) => {
      const { number } = request.params
      const alert = desk.alert(number)
      const { entries } = await desk.history({
        fromMs: -Infinity,
        toMs: Infinity,
        limit: mostHistory,
        alert: number,
        matches: () => true,
      })
      if (alert === undefined && entries.length === 0) throw unknownAlert(number)
      return {
        ...(alert !== undefined && { alert: toView(alert, desk.alerts) }),
        history: entries.map(alertHistoryView),
        proposals: alert === undefined ? [] : remedies.proposals(alert).map(proposalView),
        remedies: remedies
          .ofAlert(number)
          .slice(0, mostRemedies)
          .map((command) => commandView(command, callerOf(request))),
      }
    },
  )
  app.post(
    '/api/v1/alerts/:number/ack',
    {
      config: { access: 'operator' },
      schema: {
        summary: 'Acknowledges an alert: nobody is reminded of it; ends with the alert',
        params,
        body: z.strictObject({ note: z.string().max(500).describe('what is being done').prefault('') }),
        response: answers(alertView),
      },
    },
    async (request) => {
      const { number } = request.params
      const alert = await desk.acknowledge(number, callerOf(request).name, request.body.note)
      if (alert === undefined) throw unknownAlert(number)
      return toView(alert, desk.alerts)
    },
  )
}

/** An older one of the same alert is in the list of commands. */
const mostRemedies = 50

function proposalView({ vmName, vmUuid, args, text }: Proposal): ProposalView {
  return { vm: vmName, vmUuid, args: { ...args }, text }
}

function unknownAlert(number: number): ApiError {
  return new ApiError('alert-unknown', `no alert has the number ${number}`)
}

/** Texts that sort as wanted: severity downwards, time downwards. */
function sortKey({ severity, startedAtMs, key }: Alert): SortKey {
  const age = String(8.64e15 - startedAtMs).padStart(17, '0')
  return [`${2 - severityRank[severity]} ${age}`, key]
}
