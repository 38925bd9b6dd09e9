import { useContext } from 'preact/hooks'
import { PageContext } from '../state/page-context.js'
import { PageTitle } from './page-title.js'

/** How to get in: a session begins with a link that the command line prints. */
export function SignedOut() {
  const { reconnect } = useContext(PageContext)
  return (
    <div class="message">
      <PageTitle text="Signed out" />
      <p>This browser has no session, or it has ended. On the machine where the controller runs, ask for a new link:</p>
      <pre>
        <code>headroom login</code>
      </pre>
      <p>Open the link that it prints in this browser. It works once.</p>
      <button type="button" class="primary" onClick={reconnect}>
        Try again
      </button>
    </div>
  )
}
