import { neutralise } from '../../../common/neutralise.js'
import { formatDuration } from '../../../common/units.js'
import { fieldWords } from '../../evidence/evidence-words.js'
import { evidenceFigure } from '../../evidence/evidence-figure.js'
import type { AlertSummary, Change, Message } from '../../model/alert.js'
import { subjectText, type Evidence, type Severity } from '../../model/finding.js'
import { byWeight, lastOfEach, weightiestFirst } from '../change-order.js'

/** A mail about a message: plain text, nothing in it that could break out of a header or a line. */
export interface MailText {
  readonly subject: string
  readonly body: string
}

const longestSubject = 150

/** @param linkTo where the page of an alert is, if that is known */
export function mailText(message: Message, linkTo: (number: number) => string | undefined): MailText {
  const { changes, leftOut, firing, route } = message
  if (message.isTest === true) {
    return {
      subject: `[headroom] test of the route ${oneLine(route)}`,
      body: lines([
        `This is a test of the route ${oneLine(route)} of headroom: nothing is wrong.`,
        'Alerts that match the route will come like this.',
      ]),
    }
  }
  return {
    subject: subjectOf(changes),
    body: lines([
      ...weightiestFirst(changes).flatMap((change) => [...changeLines(change, linkTo(change.alert.number)), '']),
      ...(leftOut > 0 ? [`… and ${leftOut} more that do not fit.`, ''] : []),
      firing === 0
        ? 'Nothing of this group fires now.'
        : `${firing} of this group ${firing === 1 ? 'fires' : 'fire'} now.`,
      `Sent by headroom, route ${oneLine(route)}. Times are UTC.`,
    ]),
  }
}

const words = {
  fired: 'FIRING',
  severity: 'CHANGED',
  worse: 'WORSE',
  reminder: 'STILL FIRING',
  resolved: 'OVER',
} as const satisfies Record<Change['what'], string>

/** The worst that still stands decides; the number counts the other alerts: `[headroom] critical: vm:panda: writes 60 MB/s … (+2)`. */
function subjectOf(changes: readonly Change[]): string {
  const last = lastOfEach(changes)
  const [first] = last.toSorted(byWeight)
  if (first === undefined) return '[headroom] nothing changed'
  const { what, alert } = first
  const state = what === 'resolved' ? 'over' : what === 'reminder' ? `still ${alert.severity}` : alert.severity
  const more = last.length > 1 ? ` (+${last.length - 1})` : ''
  const text = `[headroom] ${state}: ${oneLine(subjectText(alert.subject))}: ${oneLine(alert.message)}`
  return `${text.length > longestSubject ? `${text.slice(0, longestSubject - 1)}…` : text}${more}`
}

function changeLines({ what, atMs, alert, before }: Change, link: string | undefined): string[] {
  const { number, severity, subject, check, part, message, firedAtMs } = alert
  return [
    `${words[what]}  #${number}  ${severity}  ${oneLine(subjectText(subject))}  ${oneLine(check)}${part === '' ? '' : ` ${oneLine(part)}`}`,
    `  ${oneLine(message)}`,
    `  ${whenText(what, firedAtMs, atMs)}`,
    ...(before === undefined ? [] : [`  it was ${before} before`]),
    ...factLines(alert),
    ...(link === undefined ? [] : [`  ${link}`]),
  ]
}

function whenText(what: Change['what'], firedAtMs: number, atMs: number): string {
  if (what !== 'resolved') return `since ${time(firedAtMs)}`
  const lastedMs = atMs - firedAtMs
  return `from ${time(firedAtMs)} to ${time(atMs)}${lastedMs >= 0 ? ` (${formatDuration(lastedMs)})` : ''}`
}

function factLines({ facts, evidence, related, flapping }: AlertSummary): string[] {
  const where = [
    facts.host === undefined ? '' : `on ${facts.host}`,
    facts.group === undefined ? '' : `group ${facts.group}`,
    facts.owners.length === 0 ? '' : `owner ${facts.owners.join(', ')}`,
  ].filter((word) => word !== '')
  return [
    ...(where.length === 0 ? [] : [`  ${oneLine(where.join(', '))}`]),
    ...related.slice(0, 10).map(({ role, subject }) => `  ${role}: ${oneLine(subjectText(subject))}`),
    ...evidence.slice(0, 5).map((one) => `  ${oneLine(evidenceText(one))}`),
    ...(flapping ? ['  it comes and goes: it stays until it has been over for long'] : []),
  ]
}

/** `mean time of a write request: 64 ms, limit 50 ms`. */
function evidenceText({ entityKind, entityId, field, value, limit }: Evidence): string {
  const entity = `${entityKind}:${entityId}`
  const figure = value === undefined ? 'not known' : evidenceFigure(value, entity, field)
  const name = fieldWords(entity, field)?.name ?? `${entityKind} ${field}`
  return `${name}: ${figure}${limit === undefined ? '' : `, limit ${evidenceFigure(limit, entity, field)}`}`
}

/** `2026-01-05 10:00:00`. */
function time(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace('T', ' ')
}

function oneLine(text: string): string {
  return neutralise(text)
}

function lines(all: readonly string[]): string {
  return `${all.join('\n')}\n`
}

/** The worst that still stands in a message, for the header that programs look at. */
export function worstOf({ changes }: Message): Severity | 'over' {
  const [first] = lastOfEach(changes).toSorted(byWeight)
  return first === undefined || first.what === 'resolved' ? 'over' : first.alert.severity
}
