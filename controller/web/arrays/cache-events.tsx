import type { ArrayCacheView } from '../../api/views.js'
import { formatTime } from '../format/figures.js'
import { useControllerTime } from '../state/page-context.js'

/** What happened to the cache, and what was learnt of it, newest first. */
export function CacheEvents({ events }: { readonly events: ArrayCacheView['events'] }) {
  const now = useControllerTime(60_000)
  if (events.length === 0) return null
  return (
    <section aria-labelledby="cache-events-title">
      <h3 id="cache-events-title">What the cache did</h3>
      <ol class="events">
        {events.map(({ at, what, text }) => (
          <li key={`${at} ${what}`}>
            <time dateTime={new Date(at).toISOString()}>{formatTime(at, now)}</time>
            <span>{text}</span>
          </li>
        ))}
      </ol>
    </section>
  )
}
