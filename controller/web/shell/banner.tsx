import { formatTime } from '../format/figures.js'
import { useControllerTime, usePage } from '../state/page-context.js'

/** Says that the page is not live, and from when the values are. */
export function Banner() {
  const connection = usePage((state) => state.connection)
  const dataAt = usePage((state) => state.dataAt)
  const problem = usePage((state) => state.problem)
  const now = useControllerTime(60_000)
  return (
    <div role="status">
      {connection === 'lost' && (
        <p class="banner">
          <span aria-hidden="true">▲</span> Connection lost. Reconnecting…
          {dataAt !== undefined && ` Values are from ${formatTime(dataAt, now)}.`}
        </p>
      )}
      {connection !== 'lost' && problem !== '' && (
        <p class="banner">
          <span aria-hidden="true">▲</span> {dataAt === undefined ? 'No data yet' : 'Some figures may be old'}:{' '}
          {problem}.
        </p>
      )}
    </div>
  )
}
