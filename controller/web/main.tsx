import { render } from 'preact'
import { createClient } from './api/client.js'
import { App } from './app.js'
import { connect } from './state/connect.js'
import { PageContext } from './state/page-context.js'
import { emptyState, signedOut } from './state/page-state.js'
import { createStore } from './state/store.js'
import 'uplot/dist/uPlot.min.css'
import './styles/tokens.css'
import './styles/base.css'
import './styles/shell.css'
import './styles/parts.css'
import './styles/tables.css'
import './styles/fleet.css'
import './styles/views.css'
import './styles/alerts.css'
import './styles/capacity.css'
import './styles/commands.css'
import './styles/plans.css'
import './styles/settings.css'

const clock = (): number => Date.now()
const store = createStore(emptyState)
const client = createClient({
  fetch: (url, init) => fetch(url, init),
  deadlineMs: 10_000,
  onSignedOut: signOut,
})

let stop = connect(store, client, clock)

function signOut(): void {
  stop()
  store.update(signedOut)
}

function reconnect(): void {
  stop()
  store.update(() => emptyState)
  stop = connect(store, client, clock)
}

const root = document.querySelector('#app')
if (root !== null) {
  const page = { store, client, clock, reconnect, signOut }
  render(
    <PageContext.Provider value={page}>
      <App />
    </PageContext.Provider>,
    root,
  )
}
