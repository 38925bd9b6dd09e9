import { useContext } from 'preact/hooks'
import { useState } from 'preact/hooks'
import { formatTime } from '../format/figures.js'
import { Link } from '../routing/link.js'
import { settingsPath } from '../routing/routes.js'
import { PageContext, useControllerTime, usePage } from '../state/page-context.js'

/** Who is signed in, as what, until when; and the way out. */
export function Account() {
  const { client, signOut } = useContext(PageContext)
  const me = usePage((state) => state.me)
  const now = useControllerTime(60_000)
  const [problem, setProblem] = useState('')
  if (me === undefined) return null
  async function leave(): Promise<void> {
    const answer = await client.ask<undefined>('/logout', {})
    if (answer.status === 'ok') signOut()
    else if (answer.status !== 'signed-out') setProblem(answer.message)
  }
  return (
    <details class="account">
      <summary>
        {me.name} <span class="muted">{me.role}</span>
      </summary>
      <div class="account-menu">
        <p>
          Signed in as <strong>{me.name}</strong>, {me.role}
          {me.expiresAt !== undefined && `, until ${formatTime(me.expiresAt, now)}`}.
        </p>
        <Link href={settingsPath}>Settings</Link>
        <button type="button" class="action" onClick={() => void leave()}>
          Sign out
        </button>
        {problem !== '' && (
          <p role="alert" class="tone-bad">
            Still signed in: {problem}.
          </p>
        )}
      </div>
    </details>
  )
}
