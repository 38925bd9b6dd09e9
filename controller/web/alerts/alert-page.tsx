import { useContext, useEffect, useMemo, useState } from 'preact/hooks'
import { entityName, type NameOf } from '../../evidence/evidence-words.js'
import type { AlertDetailView, AlertView } from '../../api/views.js'
import { ChartGrid } from '../charts/chart-grid.js'
import type { LiveMetrics } from '../charts/use-series.js'
import { Age } from '../parts/age.js'
import { Figure } from '../parts/figure.js'
import { Skeleton } from '../parts/skeleton.js'
import { Link } from '../routing/link.js'
import { alertsPath, fleetPath } from '../routing/routes.js'
import { NotFound } from '../shell/not-found.js'
import { PageTitle } from '../shell/page-title.js'
import { PageContext, usePage } from '../state/page-context.js'
import { AlertHistory, Severity, Subject } from './alert-parts.js'
import { RemedyPanel } from './remedy-panel.js'
import { byRole, evidenceCharts, roleWords, stateWords, type EvidenceCharts } from './alert-words.js'

/** One alert: what it says, the figures that it rests on, what happened to it. */
export function AlertPage({ number }: { readonly number: number }) {
  const alert = usePage((state) => state.alerts.get(number))
  const loaded = usePage((state) => state.dataAt !== undefined)
  const detail = useDetail(number, alert)
  if (alert === undefined && (!loaded || detail === undefined)) return <Skeleton alone />
  if (typeof detail === 'string' && alert === undefined) return <NotFound title={`No alert ${number}`} text={detail} />
  const history = typeof detail === 'object' ? detail.history : []
  const about = alert ?? history[0]
  if (about === undefined) return <NotFound title={`No alert ${number}`} text="It never was, or is too long ago." />
  return (
    <>
      <nav class="crumbs" aria-label="Where this alert is">
        <Link href={fleetPath}>Fleet</Link> <span aria-hidden="true">›</span> <Link href={alertsPath}>Alerts</Link>
      </nav>
      <header class="page-head">
        <PageTitle text={`#${number} ${about.check}`} />
        <p class="state-line">
          <Severity severity={about.severity} /> <Subject subject={about.subject} />
          <span class="muted">{alert === undefined ? 'over' : stateWords(alert)}</span>
        </p>
      </header>
      <p class="alert-message">{about.message}</p>
      <RemedyPanel key={number} number={number} />
      {alert !== undefined && <Firing alert={alert} />}
      <section aria-labelledby="history-title">
        <h2 id="history-title">What happened to it</h2>
        <AlertHistory history={history} ofOne />
      </section>
    </>
  )
}

function Firing({ alert }: { readonly alert: AlertView }) {
  const { number = 0, firedAt, startedAt, host, group, owners, part, related, evidence, acknowledged } = alert
  const figures = JSON.stringify(evidence.map(({ entity, field, limit }) => [entity, field, limit]))
  // Values change with each look; the charts stay the same as long as they are of the same figures.
  const charts = useMemo(() => evidenceCharts(evidence), [figures])
  const nameOf: NameOf = (kind, id) =>
    [alert.subject, ...related].find((one) => one.kind === kind && one.id === id)?.name
  return (
    <>
      <dl class="figures">
        <Figure label="Fires since" value={<Age at={firedAt ?? startedAt} />} />
        {host !== undefined && <Figure label="Host" value={host} />}
        {group !== undefined && <Figure label="Group" value={group} />}
        {owners.length > 0 && <Figure label="Owner" value={owners.join(', ')} />}
      </dl>
      <dl class="facts alert-facts">
        {part !== undefined && (
          <div>
            <dt>Part</dt>
            <dd class="path">{part}</dd>
          </div>
        )}
        {byRole(related).map(([role, those]) => (
          <div key={role}>
            <dt>{roleWords[role]}</dt>
            <dd class="members">
              {those.slice(0, mostNamed).map((one) => (
                <Subject key={`${one.kind} ${one.id}`} subject={one} />
              ))}
              {those.length > mostNamed && <span>and {those.length - mostNamed} more</span>}
            </dd>
          </div>
        ))}
      </dl>
      {acknowledged === undefined ? (
        <Acknowledge key={number} number={number} />
      ) : (
        <p>
          Acknowledged by {acknowledged.author} <Age at={acknowledged.at} />
          {acknowledged.note === '' ? '.' : `: ${acknowledged.note}`}
        </p>
      )}
      <p class="muted">
        Have nobody told of it for a while: <code>headroom alert silence {number} --for 2h --reason &quot;…&quot;</code>
        . If it is so on purpose: an exception in the policy, for the rule <code>{alert.check}</code>.
      </p>
      {charts.map(({ entity, charts, fields }) => (
        <Evidence key={entity} entity={entity} name={entityName(entity, nameOf)} charts={charts} fields={fields} />
      ))}
    </>
  )
}

const mostNamed = 30

interface EvidenceProps extends EvidenceCharts {
  readonly name: string
}

function Evidence({ entity, name, charts, fields }: EvidenceProps) {
  const { live, absent } = useLiveFigures(entity)
  return (
    <ChartGrid
      entity={entity}
      title={`${name}, last hour`}
      charts={charts}
      fields={fields}
      live={live}
      absent={absent}
    />
  )
}

const none: LiveMetrics = { at: undefined, metrics: {} }
const noReasons: Readonly<Record<string, string>> = {}

/** The newest figures of an entity, as far as the page follows it. */
function useLiveFigures(entity: string): {
  readonly live: LiveMetrics
  readonly absent: Readonly<Record<string, string>>
} {
  const colon = entity.indexOf(':')
  const [kind, id] = [entity.slice(0, colon), entity.slice(colon + 1)]
  const vm = usePage((state) => (kind === 'vm' ? state.vms.get(id) : undefined))
  const host = usePage((state) => (kind === 'host' ? state.hosts.get(id) : undefined))
  const array = usePage((state) => (kind === 'array' ? state.arrays.get(id) : undefined))
  const dataAt = usePage((state) => state.dataAt)
  return useMemo(() => {
    if (vm !== undefined) return { live: { at: vm.lastSampleAt, metrics: vm.metrics }, absent: vm.absent }
    if (host !== undefined) return { live: { at: host.lastReportAt, metrics: host.metrics }, absent: host.absent }
    // An array has no time of its own: what changed with this change is as old as it.
    return { live: array === undefined ? none : { at: dataAt, metrics: array.metrics }, absent: noReasons }
  }, [vm, host, array])
}

/** One line and a button: who looks after it is whoever is signed in. */
function Acknowledge({ number }: { readonly number: number }) {
  const { client } = useContext(PageContext)
  const [note, setNote] = useState('')
  const [outcome, setOutcome] = useState<'asking' | 'sending' | { readonly problem: string }>('asking')
  async function send(): Promise<void> {
    setOutcome('sending')
    const answer = await client.acknowledge(number, note)
    // The alert itself says that it is acknowledged, as soon as the stream brings it.
    if (answer.status === 'refused' || answer.status === 'unreachable') setOutcome({ problem: answer.message })
  }
  return (
    <form
      class="acknowledge"
      onSubmit={(event) => {
        event.preventDefault()
        void send()
      }}
    >
      <label>
        What is being done{' '}
        <input type="text" maxLength={500} value={note} onInput={(event) => setNote(event.currentTarget.value)} />
      </label>
      <button type="submit" disabled={outcome === 'sending'}>
        Acknowledge
      </button>
      {typeof outcome === 'object' && (
        <span role="alert" class="tone-bad">
          Not acknowledged: {outcome.problem}
        </span>
      )}
    </form>
  )
}

/** What the controller knows of an alert, fetched again when the alert changes; undefined while it is asked, a text if it does not know. */
function useDetail(number: number, alert: AlertView | undefined): AlertDetailView | string | undefined {
  const { client } = useContext(PageContext)
  const [detail, setDetail] = useState<AlertDetailView | string | undefined>(undefined)
  const state = alert === undefined ? '' : `${alert.severity} ${alert.acknowledged?.at}`
  useEffect(() => {
    let wanted = true
    void client.alert(number).then((answer) => {
      if (!wanted || answer.status === 'signed-out') return
      setDetail(answer.status === 'ok' ? answer.value : answer.message)
    })
    return () => {
      wanted = false
    }
  }, [client, number, state])
  return detail
}
