import { checkText } from '../../api/check-text.js'
import type { AlertHistoryView, AlertView } from '../../api/views.js'
import { formatTime } from '../format/figures.js'
import { Link } from '../routing/link.js'
import { alertPath } from '../routing/routes.js'
import { useControllerTime } from '../state/page-context.js'
import { severityLooks, subjectPath } from './alert-words.js'

export function Severity({ severity }: { readonly severity: AlertView['severity'] }) {
  return (
    <span class={`severity severity-${severity}`}>
      <span aria-hidden="true">{severityLooks[severity].sign}</span> {severity}
    </span>
  )
}

/** What an alert is about, as a link where it has a page. */
export function Subject({ subject }: { readonly subject: AlertView['subject'] }) {
  const path = subjectPath(subject)
  const name = subject.name === '' ? 'the fleet' : subject.name
  return path === undefined ? <strong>{name}</strong> : <Link href={path}>{name}</Link>
}

const words = {
  fired: 'fired',
  severity: 'is now',
  acknowledged: 'was acknowledged',
  silenced: 'was silenced',
  heard: 'is silenced no more',
  resolved: 'is over',
} as const satisfies Record<AlertHistoryView['what'], string>

/** What happened to alerts, newest first. */
export function AlertHistory({
  history,
  ofOne,
}: {
  readonly history: readonly AlertHistoryView[]
  readonly ofOne: boolean
}) {
  const now = useControllerTime(60_000)
  if (history.length === 0) return <p class="empty">Nothing has happened yet.</p>
  return (
    <ol class="events">
      {history.map((line) => (
        <li key={line.seq}>
          <time dateTime={new Date(line.at).toISOString()}>{formatTime(line.at, now)}</time>
          <span>
            {!ofOne && (
              <>
                <Link href={alertPath(line.number)}>#{line.number}</Link> <Subject subject={line.subject} />{' '}
                {checkText(line)}{' '}
              </>
            )}
            {words[line.what]}
            {line.what === 'severity' || line.what === 'fired' ? ` ${line.severity}` : ''}
            {line.author !== undefined && ` by ${line.author}`}
            {line.detail !== '' && <span class="muted"> {line.detail}</span>}
          </span>
        </li>
      ))}
    </ol>
  )
}
