import { useMemo } from 'preact/hooks'
import type { ArrayCacheView, ArrayView } from '../../api/views.js'
import { AlertHistory, Severity } from '../alerts/alert-parts.js'
import { useRecentHistory } from '../alerts/use-recent-history.js'
import { ChartGrid } from '../charts/chart-grid.js'
import { arrayCacheCharts, fieldsOf } from '../charts/chart-specs.js'
import { formatFigure } from '../format/figures.js'
import { Age } from '../parts/age.js'
import { DataTable } from '../parts/data-table.js'
import type { Column } from '../parts/data-table.js'
import { Figure } from '../parts/figure.js'
import { Link } from '../routing/link.js'
import { alertPath, hostPath, vmPath } from '../routing/routes.js'
import { usePage } from '../state/page-context.js'
import { CacheEvents } from './cache-events.js'
import { CulpritsPanel } from './culprits-panel.js'
import {
  basisWords,
  burstWords,
  cacheLooks,
  fillWords,
  gaugeOf,
  isFull,
  rangeWords,
  secondsWords,
} from './cache-words.js'

const fields = fieldsOf(arrayCacheCharts)
const noReasons = {}
const byWrites = { column: 'write', descending: true }

/** What an array's write cache does: how full it is as far as can be told, who fills it, what it bears, what was told of it. */
export function CachePanel({ array, cache }: { readonly array: ArrayView; readonly cache: ArrayCacheView }) {
  const dataAt = usePage((state) => state.dataAt)
  const live = useMemo(() => ({ at: dataAt, metrics: cache.metrics }), [cache])
  return (
    <>
      <section class="cache" aria-labelledby="cache-title">
        <h2 id="cache-title">Write cache</h2>
        <p class="state-line">
          <CacheState state={cache.state} />
          <span class="muted">
            began <Age at={cache.since} />
          </span>
        </p>
        <Gauge cache={cache} />
        <CacheFigures cache={cache} />
        <p>{burstWords(cache)}</p>
        <Alerts array={array} box={cache.box} />
        <CulpritsPanel cache={cache} />
        <Users cache={cache} />
        <CacheEvents events={cache.events} />
      </section>
      <ChartGrid
        title="Write cache, last hour"
        entity={`array_cache:${cache.box}`}
        charts={arrayCacheCharts}
        fields={fields}
        live={live}
        absent={noReasons}
      />
    </>
  )
}

export function CacheState({ state }: { readonly state: ArrayCacheView['state'] }) {
  const { word, tone, sign } = cacheLooks[state]
  return (
    <span class={`state state-${tone}`}>
      <span aria-hidden="true">{sign}</span> {word}
    </span>
  )
}

/** Solid: in 9 of 10 cases it is fuller. Hatched: up to where it may be. */
function Gauge({ cache }: { readonly cache: ArrayCacheView }) {
  const gauge = gaugeOf(cache)
  const { fillBytes, capacityBytes } = cache
  if (gauge === undefined || fillBytes === undefined || capacityBytes === undefined) return null
  const text = `${formatFigure(fillBytes.likely, 'bytes')} of about ${formatFigure(capacityBytes.likely, 'bytes')}`
  return (
    <div
      class={`cache-gauge ${gauge.likely >= 80 ? 'full' : ''}`}
      role="meter"
      aria-label="Fill of the write cache"
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={gauge.likely}
      aria-valuetext={`${text}, ${rangeWords(fillBytes, (value) => formatFigure(value, 'bytes'))}`}
    >
      <div class="cache-maybe" style={{ insetInlineStart: `${gauge.low}%`, width: `${gauge.high - gauge.low}%` }} />
      <div class="cache-sure" style={{ width: `${gauge.low}%` }} />
      <div class="cache-likely" style={{ insetInlineStart: `${gauge.likely}%` }} />
    </div>
  )
}

function CacheFigures({ cache }: { readonly cache: ArrayCacheView }) {
  const fill = fillWords(cache)
  const { capacityBytes: capacity, drainBytesPerSecond: drain, secondsToSaturation: left } = cache
  const bytes = (value: number): string => formatFigure(value, 'bytes')
  const rate = (value: number): string => formatFigure(value, 'bytes/s')
  return (
    <dl class="figures">
      <Figure label="Fill" value={fill.value ?? formatFigure(undefined, 'bytes')} note={fill.note} />
      <Figure
        label="Capacity"
        value={formatFigure(capacity?.likely, 'bytes')}
        note={capacity && `${rangeWords(capacity, bytes)} ${basisWords(capacity)}`}
      />
      <Figure
        label="Comes in"
        value={formatFigure(cache.inflowBytesPerSecond, 'bytes/s')}
        note={`${cache.loadClass} load`}
      />
      <Figure label="Drains" value={rate(drain.likely)} note={`${rangeWords(drain, rate)} ${basisWords(drain)}`} />
      <Figure
        label="Full in"
        value={left === undefined || isFull(cache) ? '–' : secondsWords(left.likely)}
        note={isFull(cache) ? 'it is full' : left === undefined ? 'it does not fill' : rangeWords(left, secondsWords)}
      />
      <Figure label="Overflows" value={cache.overflows} note="seen so far" />
    </dl>
  )
}

/** Those that fire, and what did of late. */
function Alerts({ array, box }: { readonly array: ArrayView; readonly box: string }) {
  const alerts = usePage((state) => state.alerts)
  const own = useMemo(
    () =>
      [...alerts.values()].filter(({ subject: { kind, id } }) => kind === 'array' && (id === array.key || id === box)),
    [alerts, array.key, box],
  )
  const history = useRecentHistory(
    own.map(({ number, severity }) => `${number} ${severity}`).join(),
    `array:${array.name}`,
  )
  return (
    <>
      {own.length > 0 && (
        <ul class="cache-alerts">
          {own.map(({ number = 0, severity, check, message }) => (
            <li key={number}>
              <Severity severity={severity} /> <Link href={alertPath(number)}>{check}</Link>: {message}
            </li>
          ))}
        </ul>
      )}
      {typeof history !== 'string' && history.length > 0 && (
        <details>
          <summary>What happened to its alerts</summary>
          <AlertHistory history={history} ofOne={false} />
        </details>
      )}
    </>
  )
}

interface UserRow {
  readonly user: ArrayCacheView['users'][number]
  readonly share: number | undefined
}

const columns: readonly Column<UserRow>[] = [
  {
    key: 'who',
    label: 'Who',
    sortBy: ({ user }) => user.name,
    cell: ({ user }) =>
      user.kind === 'vm' ? (
        <Link href={vmPath(user.id)}>{user.name}</Link>
      ) : (
        <>
          <Link href={hostPath(user.name)}>{user.name}</Link> itself
        </>
      ),
  },
  {
    key: 'write',
    label: 'Writes',
    numeric: true,
    sortBy: ({ user }) => user.writeBytesPerSecond,
    cell: ({ user }) => formatFigure(user.writeBytesPerSecond, 'bytes/s'),
  },
  {
    key: 'share',
    label: 'Of all that is written',
    numeric: true,
    sortBy: ({ share }) => share,
    cell: ({ share }) => formatFigure(share, 'fraction'),
  },
  {
    key: 'read',
    label: 'Reads',
    numeric: true,
    sortBy: ({ user }) => user.readBytesPerSecond,
    cell: ({ user }) => formatFigure(user.readBytesPerSecond, 'bytes/s'),
  },
  {
    key: 'requests',
    label: 'Requests',
    numeric: true,
    sortBy: ({ user }) => user.requestsPerSecond,
    cell: ({ user }) => formatFigure(user.requestsPerSecond, '1/s'),
  },
]
const keyOf = ({ user }: UserRow): string => `${user.kind} ${user.id}`
const nameOf = ({ user }: UserRow): string => user.name

function Users({ cache }: { readonly cache: ArrayCacheView }) {
  const rows = useMemo(() => {
    const written = cache.users.reduce((total, { writeBytesPerSecond }) => total + writeBytesPerSecond, 0)
    return cache.users.map((user) => ({
      user,
      share: written > 0 ? user.writeBytesPerSecond / written : undefined,
    }))
  }, [cache])
  if (rows.length === 0) return <p class="empty">Nobody uses it now.</p>
  return (
    <section aria-labelledby="users-title">
      <h3 id="users-title">{cache.state === 'stalled' ? 'Who used it before it stood still' : 'Who uses it'}</h3>
      <DataTable
        caption="Who uses the array now"
        columns={columns}
        rows={rows}
        keyOf={keyOf}
        nameOf={nameOf}
        initialSort={byWrites}
      />
    </section>
  )
}
