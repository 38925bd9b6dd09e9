import type { HistoryEntry } from '../../alerts/desk/alert-store.js'
import type { Alert, Silence } from '../../model/alert.js'
import { subjectText } from '../../model/finding.js'
import type { AlertHistoryView, AlertView, SilenceView } from '../views.js'

/** @param alerts all, to name what explains it */
export function alertView(alert: Alert, alerts: ReadonlyMap<string, Alert>): AlertView {
  const { number, phase, severity, finding, facts, startedAtMs, firedAtMs, sighting, flapping } = alert
  const { acknowledged, silencedBy, wasSilenced, inhibitedBy } = alert
  const { check, part, subject, message, evidence, related } = finding
  const inhibitor = alerts.get(inhibitedBy ?? '')?.finding
  return {
    ...(number !== undefined && { number }),
    phase,
    check,
    ...(part !== '' && { part }),
    severity,
    subject: { ...subject },
    message,
    ...(facts.host !== undefined && { host: facts.host }),
    ...(facts.group !== undefined && { group: facts.group }),
    owners: [...facts.owners],
    startedAt: startedAtMs,
    ...(firedAtMs !== undefined && { firedAt: firedAtMs }),
    sighting,
    flapping,
    ...(acknowledged !== undefined && {
      acknowledged: { author: acknowledged.author, at: acknowledged.atMs, note: acknowledged.note },
    }),
    ...(silencedBy !== undefined && { silencedBy }),
    ...(wasSilenced === true && { wasSilenced }),
    ...(inhibitor !== undefined && { explainedBy: `${inhibitor.check} of ${subjectText(inhibitor.subject)}` }),
    evidence: evidence.map(({ entityKind, entityId, field, value, limit }) => ({
      entity: `${entityKind}:${entityId}`,
      field,
      ...(value !== undefined && { value }),
      ...(limit !== undefined && { limit }),
    })),
    related: related.map(({ role, subject }) => ({ role, ...subject })),
  }
}

export function alertHistoryView(entry: HistoryEntry): AlertHistoryView {
  const { seq, atMs, number, what, check, part, severity, subject, message, detail, author } = entry
  return {
    seq,
    at: atMs,
    number,
    what,
    check,
    ...(part !== '' && { part }),
    severity,
    subject: { ...subject },
    message,
    detail,
    ...(author !== '' && { author }),
  }
}

export function silenceView({ id, match, createdAtMs, untilMs, author, reason }: Silence): SilenceView {
  return {
    id,
    ...(match.check !== undefined && { check: match.check }),
    ...(match.subject !== undefined && { subject: match.subject }),
    ...(createdAtMs > 0 && { createdAt: createdAtMs }),
    until: untilMs,
    author,
    reason,
  }
}
