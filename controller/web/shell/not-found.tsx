import { Link } from '../routing/link.js'
import { fleetPath } from '../routing/routes.js'
import { PageTitle } from './page-title.js'

/** Something that an address names and that is not there. */
export function NotFound({ title, text }: { readonly title: string; readonly text: string }) {
  return (
    <div class="message">
      <PageTitle text={title} />
      <p>{text}</p>
      <p>
        <Link href={fleetPath}>Back to the fleet</Link>
      </p>
    </div>
  )
}
