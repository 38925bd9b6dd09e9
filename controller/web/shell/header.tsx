import { wantsSomebody } from '../alerts/alert-words.js'
import { formatTime, plural } from '../format/figures.js'
import { Link } from '../routing/link.js'
import { alertsPath, capacityPath, commandsPath, ownPath, plansPath, startPath } from '../routing/routes.js'
import { useControllerTime, usePage } from '../state/page-context.js'
import { Account } from './account.js'
import { Search } from './search.js'
import { ThemeSwitch } from './theme-switch.js'

export function Header() {
  const session = usePage((state) => state.session)
  const simulated = usePage((state) => state.fleet?.simulated === true)
  return (
    <header class="top">
      <Link href={startPath} class="brand" aria-label="headroom, the start">
        <img src="/favicon.svg" alt="" width="24" height="24" />
        headroom
      </Link>
      {simulated && (
        <span class="tag tag-simulated" title="At least one host of this fleet is simulated">
          simulated
        </span>
      )}
      <OwnLink />
      <ViewLink href={capacityPath} text="Capacity" />
      <ViewLink href={plansPath} text="Plans" />
      <ViewLink href={commandsPath} text="Commands" />
      <AlertCount />
      {session !== 'signed-out' && <Search />}
      <LiveSign />
      <Account />
      <ThemeSwitch />
    </header>
  )
}

/** How many alerts want somebody; the way to all. */
function AlertCount() {
  const session = usePage((state) => state.session)
  const count = usePage((state) => [...state.alerts.values()].filter(wantsSomebody).length)
  if (session === 'signed-out') return null
  return (
    <Link href={alertsPath} class={count > 0 ? 'alert-count some' : 'alert-count'}>
      {count > 0 && <span aria-hidden="true">▲ </span>}
      {count > 0 ? plural(count, 'alert') : 'Alerts'}
    </Link>
  )
}

/** For who has VMs. */
function OwnLink() {
  const has = usePage(({ me, vms }) => {
    const whose = me?.owner ?? me?.name
    if (whose === undefined) return false
    for (const { owner } of vms.values()) if (owner === whose) return true
    return false
  })
  return has ? <ViewLink href={ownPath} text="Your VMs" /> : null
}

function ViewLink({ href, text }: { readonly href: string; readonly text: string }) {
  const session = usePage((state) => state.session)
  if (session === 'signed-out') return null
  return (
    <Link href={href} class="alert-count">
      {text}
    </Link>
  )
}

const looks = {
  connecting: { sign: '○', word: 'connecting' },
  live: { sign: '●', word: 'live' },
  lost: { sign: '▲', word: 'not live' },
} as const

/** Whether what is shown is current. */
function LiveSign() {
  const connection = usePage((state) => state.connection)
  const session = usePage((state) => state.session)
  const dataAt = usePage((state) => state.dataAt)
  const now = useControllerTime(60_000)
  if (session === 'signed-out') return <span class="live-sign" />
  return (
    <span class={`live-sign live-${connection}`} data-connection={connection}>
      <span aria-hidden="true">{looks[connection].sign}</span> {looks[connection].word}
      {dataAt !== undefined && <span class="live-time">{formatTime(dataAt, now)}</span>}
    </span>
  )
}
