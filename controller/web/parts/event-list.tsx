import type { EventView } from '../../api/views.js'
import { formatTime } from '../format/figures.js'
import { Link } from '../routing/link.js'
import { arrayPath, hostPath, vmPath } from '../routing/routes.js'
import { useControllerTime } from '../state/page-context.js'
import { eventKey } from '../state/page-state.js'

/** What happened, newest first. */
export function EventList({ events, limit }: { readonly events: readonly EventView[]; readonly limit: number }) {
  const now = useControllerTime(60_000)
  if (events.length === 0) return <p class="empty">Nothing has happened yet.</p>
  return (
    <ol class="events">
      {events.slice(0, limit).map((event) => (
        <li key={eventKey(event)}>
          <time dateTime={new Date(event.at).toISOString()}>{formatTime(event.at, now)}</time>
          <span>
            {event.vmUuid !== '' && <Link href={vmPath(event.vmUuid)}>{event.vmName || event.vmUuid}</Link>}
            {event.vmUuid !== '' && ' '}
            {event.arrayId !== undefined && <Link href={arrayPath(event.arrayId)}>{event.array ?? event.arrayId}</Link>}
            {event.arrayId !== undefined && ' '}
            {event.kind}
            {event.reason !== '' && ` (${event.reason})`}
            {event.host !== '' && (
              <>
                {' on '}
                <Link href={hostPath(event.host)}>{event.host}</Link>
              </>
            )}
            {event.message !== '' && <span class="muted"> {event.message}</span>}
          </span>
        </li>
      ))}
    </ol>
  )
}
