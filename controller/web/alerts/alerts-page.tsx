import { useMemo } from 'preact/hooks'
import { checkText } from '../../api/check-text.js'
import type { AlertView } from '../../api/views.js'
import { plural } from '../format/figures.js'
import { Age } from '../parts/age.js'
import { DataTable } from '../parts/data-table.js'
import type { Column } from '../parts/data-table.js'
import { Skeleton } from '../parts/skeleton.js'
import { Link } from '../routing/link.js'
import { alertPath, fleetPath } from '../routing/routes.js'
import { PageTitle } from '../shell/page-title.js'
import { usePage } from '../state/page-context.js'
import { AlertHistory, Severity, Subject } from './alert-parts.js'
import { SilenceList } from './silence-list.js'
import { stateWords, urgency, wantsSomebody } from './alert-words.js'
import { useRecentHistory } from './use-recent-history.js'

const columns: readonly Column<AlertView>[] = [
  {
    key: 'number',
    label: 'Alert',
    sortBy: ({ number }) => number,
    cell: ({ number = 0, check, part }) => (
      <>
        <Link href={alertPath(number)}>#{number}</Link> {checkText({ check, part })}
      </>
    ),
  },
  {
    key: 'severity',
    label: 'Severity',
    sortBy: urgency,
    cell: ({ severity }) => <Severity severity={severity} />,
  },
  {
    key: 'subject',
    label: 'About',
    sortBy: ({ subject }) => subject.name,
    cell: ({ subject }) => <Subject subject={subject} />,
  },
  {
    key: 'since',
    label: 'Since',
    sortBy: ({ firedAt }) => firedAt,
    cell: ({ firedAt, startedAt }) => <Age at={firedAt ?? startedAt} />,
  },
  {
    key: 'message',
    label: 'What',
    cell: (alert) => (
      <>
        {alert.message}
        {stateWords(alert) !== '' && <span class="muted"> · {stateWords(alert)}</span>}
      </>
    ),
  },
]
const keyOf = (alert: AlertView): string => String(alert.number)
const nameOf = (alert: AlertView): string => alert.subject.name
const worstFirst = { column: 'severity', descending: true }

/** What fires now, and what did of late. */
export function AlertsPage() {
  const loaded = usePage((state) => state.dataAt !== undefined)
  return (
    <>
      <nav class="crumbs" aria-label="Where this is">
        <Link href={fleetPath}>Fleet</Link>
      </nav>
      <PageTitle text="Alerts" />
      {loaded ? <Loaded /> : <Skeleton />}
    </>
  )
}

function Loaded() {
  const alerts = usePage((state) => state.alerts)
  const list = useMemo(() => [...alerts.values()], [alerts])
  const quiet = list.filter((alert) => !wantsSomebody(alert)).length
  const history = useRecentHistory(
    list.map(({ number, severity, acknowledged }) => `${number} ${severity} ${acknowledged?.at}`).join(),
  )
  return (
    <>
      <section class="alerts" aria-labelledby="firing-title">
        <h2 id="firing-title">
          {list.length === 0
            ? 'Nothing fires'
            : `${plural(list.length, 'alert')} ${list.length === 1 ? 'fires' : 'fire'}`}
        </h2>
        {quiet > 0 && <p class="muted above-table">{quiet} of them acknowledged, silenced or explained by others.</p>}
        {list.length > 0 && (
          <DataTable
            caption="Alerts that fire"
            columns={columns}
            rows={list}
            keyOf={keyOf}
            nameOf={nameOf}
            initialSort={worstFirst}
            isStale={isQuiet}
          />
        )}
      </section>
      <SilenceList state={list.map(({ silencedBy }) => silencedBy ?? '').join()} />
      <section aria-labelledby="history-title">
        <h2 id="history-title">What happened of late</h2>
        {typeof history === 'string' ? (
          <p class="empty">{history}</p>
        ) : (
          <AlertHistory history={history} ofOne={false} />
        )}
      </section>
    </>
  )
}

function isQuiet(alert: AlertView): boolean {
  return !wantsSomebody(alert)
}
