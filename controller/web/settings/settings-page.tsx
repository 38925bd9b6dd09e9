import { mayAs } from '../commands/command-words.js'
import { Skeleton } from '../parts/skeleton.js'
import { Link } from '../routing/link.js'
import { fleetPath } from '../routing/routes.js'
import { PageTitle } from '../shell/page-title.js'
import { usePage } from '../state/page-context.js'
import { AgentSettings } from './agent-settings.js'
import { JoinSettings } from './join-settings.js'
import { PolicySettings } from './policy-settings.js'
import { TokenSettings } from './token-settings.js'
import { UserSettings } from './user-settings.js'

/** Who and what may come to the controller, and which rules hold. What somebody may not is not asked for. */
export function SettingsPage() {
  const role = usePage((state) => state.me?.role)
  return (
    <>
      <nav class="crumbs" aria-label="Where this is">
        <Link href={fleetPath}>Fleet</Link>
      </nav>
      <PageTitle text="Settings" />
      {role === undefined ? (
        <Skeleton />
      ) : (
        <div class="settings">
          {!mayAs(role, 'admin') && (
            <p class="empty">Agents, users and tokens are for administrators; you are {role}.</p>
          )}
          {mayAs(role, 'admin') && (
            <>
              <AgentSettings />
              <JoinSettings />
              <UserSettings />
              <TokenSettings />
            </>
          )}
          <PolicySettings mayCheck={mayAs(role, 'operator')} />
        </div>
      )}
    </>
  )
}
