import type { GapView } from '../../api/views.js'
import { Age } from './age.js'

/** What could not be read, and why. */
export function GapList({ gaps }: { readonly gaps: readonly GapView[] }) {
  if (gaps.length === 0) return null
  return (
    <section class="notice notice-warning" aria-labelledby="gaps-title">
      <h2 id="gaps-title">Not measured now</h2>
      <ul>
        {gaps.map((gap) => (
          <li key={`${gap.group} ${gap.reason}`}>
            <strong>{gap.group}</strong>: {gap.message === '' ? gap.reason : gap.message} <Age at={gap.sinceMs} />
          </li>
        ))}
      </ul>
    </section>
  )
}
