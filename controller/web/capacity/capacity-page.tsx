import { useContext, useEffect, useMemo, useState } from 'preact/hooks'
import type { CapacityForecastView, CapacityView } from '../../api/views.js'
import { failureWords, roomNote } from '../fleet/room-words.js'
import { formatFigure, formatSetMemory, plural } from '../format/figures.js'
import { DataTable } from '../parts/data-table.js'
import type { Column } from '../parts/data-table.js'
import { Known } from '../parts/figure.js'
import { Link } from '../routing/link.js'
import { hostPath } from '../routing/routes.js'
import { PageTitle } from '../shell/page-title.js'
import { PageContext, usePage } from '../state/page-context.js'
import { ForecastPicture } from './forecast-picture.js'
import { demandTitle, forecastWords } from './forecast-words.js'

type HostRoom = CapacityView['hosts'][number]

/** How many new VMs fit where, what the loss of each host would mean, and when what there is will not be enough. */
export function CapacityPage() {
  const capacity = usePage((state) => state.capacity)
  return (
    <>
      <PageTitle text="Capacity" />
      {capacity === undefined ? <p class="empty">Loading…</p> : <Rooms capacity={capacity} />}
      <Forecasts />
    </>
  )
}

function Rooms({ capacity }: { readonly capacity: CapacityView }) {
  return (
    <section aria-labelledby="rooms-title">
      <h2 id="rooms-title">
        Room for {plural(capacity.fleet.room, 'new VM')} of {formatSetMemory(capacity.vmMemoryBytes)}
      </h2>
      <p>{sentence(failureWords(capacity))}</p>
      <DataTable
        caption="Memory of each host, room for new VMs, and what its loss would mean"
        columns={columns}
        rows={capacity.hosts}
        keyOf={nameOf}
        nameOf={nameOf}
        isStale={({ status }) => status !== 'up'}
      />
    </section>
  )
}

const nameOf = ({ name }: HostRoom): string => name

function size(key: string, label: string, of: (host: HostRoom) => number | undefined): Column<HostRoom> {
  return {
    key,
    label,
    numeric: true,
    sortBy: of,
    cell: (host) => {
      const bytes = of(host)
      return (
        <Known
          text={bytes === undefined ? formatFigure(undefined, 'memory') : formatSetMemory(bytes)}
          reason={undefined}
        />
      )
    },
  }
}

const columns: readonly Column<HostRoom>[] = [
  { key: 'name', label: 'Host', sortBy: nameOf, cell: ({ name }) => <Link href={hostPath(name)}>{name}</Link> },
  size('memory', 'Installed', ({ memoryBytes }) => memoryBytes),
  size('reserve', 'Reserve', ({ reserveBytes }) => reserveBytes),
  size('configured', 'Configured', ({ configuredBytes }) => configuredBytes),
  size('spare', 'Free', ({ spareBytes }) => spareBytes),
  {
    key: 'room',
    label: 'Room',
    numeric: true,
    sortBy: ({ room }) => room,
    cell: (host) => <Known text={formatFigure(host.room, 'count')} reason={roomNote(host).text} />,
  },
  {
    key: 'failure',
    label: 'If it fails',
    sortBy: ({ failure }) => failure.neededBytes - failure.freeBytes,
    cell: ({ failure }) => (
      <>
        {failure.fits
          ? 'all its VMs fit elsewhere'
          : `${formatSetMemory(failure.neededBytes)} needed, ${formatSetMemory(failure.freeBytes)} free`}
        {failure.lost.vms.length > 0 && (
          <span class="muted" title={failure.lost.vms.join(', ')}>
            {' '}
            · {plural(failure.lost.vms.length, 'VM')} lost with its local disks
          </span>
        )}
      </>
    ),
  },
]

function Forecasts() {
  const hosts = usePage((state) => state.hosts)
  const arrays = usePage((state) => state.arrays)
  const [of, setOf] = useState('fleet')
  const answer = useForecast(of)
  const choices = useMemo(
    () => [
      ...[...hosts.values()].map(({ id, name }) => ({ value: `host:${id}`, label: name })),
      ...[...arrays.values()]
        .filter(({ cache }) => cache !== undefined)
        .map(({ key, name }) => ({ value: `array:${key}`, label: `${name} (array)` })),
    ],
    [hosts, arrays],
  )
  return (
    <section aria-labelledby="forecast-title">
      <h2 id="forecast-title">When it will not be enough</h2>
      <label class="forecast-choice">
        Of{' '}
        <select value={of} onChange={({ currentTarget }) => setOf(currentTarget.value)}>
          <option value="fleet">the fleet</option>
          {choices.map(({ value, label }) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </select>
      </label>
      {typeof answer === 'string' ? (
        <p class="empty">{answer}</p>
      ) : answer.forecasts.length === 0 ? (
        <p class="empty">Nothing is known there that could run out.</p>
      ) : (
        <div class="forecasts">
          {answer.forecasts.map((forecast) => (
            <figure class="forecast" key={`${forecast.resource} ${forecast.name}`}>
              <figcaption>{demandTitle(forecast)}</figcaption>
              {forecast.history.length > 1 && <ForecastPicture forecast={forecast} />}
              {forecastWords(forecast).map((words) => (
                <p key={words}>{words}</p>
              ))}
            </figure>
          ))}
        </div>
      )}
    </section>
  )
}

/** The forecast of `fleet`, `host:…` or `array:…`, or what is said in its place. */
function useForecast(of: string): CapacityForecastView | string {
  const { client } = useContext(PageContext)
  const [answer, setAnswer] = useState<CapacityForecastView | string>('Loading…')
  useEffect(() => {
    let wanted = true
    setAnswer('Loading…')
    void client.capacityForecast(of).then((answered) => {
      if (!wanted || answered.status === 'signed-out') return
      setAnswer(answered.status === 'ok' ? answered.value : `There is no forecast: ${answered.message}.`)
    })
    return () => {
      wanted = false
    }
  }, [client, of])
  return answer
}

function sentence(words: string): string {
  return `${words.slice(0, 1).toUpperCase()}${words.slice(1)}.`
}
