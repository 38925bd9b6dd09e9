import { useMemo } from 'preact/hooks'
import { AlertPage } from './alerts/alert-page.js'
import { AlertsPage } from './alerts/alerts-page.js'
import { ArrayPage } from './arrays/array-page.js'
import { CapacityPage } from './capacity/capacity-page.js'
import { AuditPage } from './commands/audit-page.js'
import { CommandPage } from './commands/command-page.js'
import { CommandsPage } from './commands/commands-page.js'
import { FleetPage } from './fleet/fleet-page.js'
import { colourByGroup } from './fleet/group-colours.js'
import { GroupColours } from './fleet/group-legend.js'
import { HostPage } from './hosts/host-page.js'
import { PlanPage } from './plans/plan-page.js'
import { PlansPage } from './plans/plans-page.js'
import { Navigate, usePath } from './routing/navigation.js'
import { parseRoute } from './routing/routes.js'
import type { Route } from './routing/routes.js'
import { SettingsPage } from './settings/settings-page.js'
import { Banner } from './shell/banner.js'
import { CrashGuard } from './shell/crash-guard.js'
import { Footer } from './shell/footer.js'
import { Header } from './shell/header.js'
import { NotFound } from './shell/not-found.js'
import { SignedOut } from './shell/signed-out.js'
import { usePage } from './state/page-context.js'
import { Skeleton } from './parts/skeleton.js'
import { OwnPage } from './vms/own-page.js'
import { VmPage } from './vms/vm-page.js'

export function App() {
  const [path, navigate] = usePath()
  const session = usePage((state) => state.session)
  const connection = usePage((state) => state.connection)
  const colours = useGroupColours()
  return (
    <Navigate.Provider value={navigate}>
      <GroupColours.Provider value={colours}>
        <a class="skip" href="#main">
          Skip to the content
        </a>
        <Header />
        <main id="main" class={connection === 'lost' ? 'not-live' : undefined}>
          {session === 'signed-out' ? (
            <SignedOut />
          ) : (
            <>
              <Banner />
              <CrashGuard key={path}>
                <View route={parseRoute(path)} />
              </CrashGuard>
            </>
          )}
        </main>
        {session !== 'signed-out' && <Footer />}
      </GroupColours.Provider>
    </Navigate.Provider>
  )
}

function View({ route }: { readonly route: Route }) {
  switch (route.page) {
    case 'start':
      return <Start />
    case 'own':
      return <OwnPage />
    case 'fleet':
      return <FleetPage />
    case 'host':
      return <HostPage name={route.name} />
    case 'vm':
      return <VmPage uuid={route.uuid} />
    case 'array':
      return <ArrayPage arrayKey={route.key} />
    case 'capacity':
      return <CapacityPage />
    case 'alerts':
      return <AlertsPage />
    case 'alert':
      return <AlertPage number={route.number} />
    case 'commands':
      return <CommandsPage />
    case 'command':
      return <CommandPage number={route.number} />
    case 'plans':
      return <PlansPage />
    case 'plan':
      return <PlanPage number={route.number} />
    case 'audit':
      return <AuditPage />
    case 'settings':
      return <SettingsPage />
    case 'unknown':
      return <NotFound title="Nothing here" text={`There is no page at ${route.path}.`} />
  }
}

/** Who may no more than command VMs of one's own comes for those; anybody else for the fleet. */
function Start() {
  const me = usePage((state) => state.me)
  const loaded = usePage((state) => state.dataAt !== undefined)
  if (me === undefined) return loaded ? <FleetPage /> : <Skeleton alone />
  return me.role === 'owner' ? <OwnPage /> : <FleetPage />
}

/** The same map as long as the groups are the same: every bar depends on it. */
function useGroupColours(): ReadonlyMap<string, number> {
  const vms = usePage((state) => state.vms)
  const groups = useMemo(() => [...new Set([...vms.values()].map((vm) => vm.group ?? ''))].sort().join('\n'), [vms])
  return useMemo(() => colourByGroup(groups.split('\n')), [groups])
}
