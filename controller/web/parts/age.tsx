import { formatAge, formatTime } from '../format/figures.js'
import { useControllerTime } from '../state/page-context.js'

/** How long ago something was, kept current, with the time of day at a touch. */
export function Age({ at }: { readonly at: number }) {
  const now = useControllerTime(1000)
  return (
    <time class="age" dateTime={new Date(at).toISOString()} title={formatTime(at, now)}>
      {formatAge(at, now)}
    </time>
  )
}
