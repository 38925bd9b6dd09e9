import { useState } from 'preact/hooks'
import type { JoinTokenView, NewJoinTokenView } from '../../api/views.js'
import { useAsked } from '../commands/use-asked.js'
import { formatTime } from '../format/figures.js'
import { useControllerTime } from '../state/page-context.js'
import { ConfirmButton } from './confirm-button.js'
import { ReadProblem, useSent } from './use-sent.js'

/** Tokens with which new agents join, and the command that a host is given. */
export function JoinSettings() {
  const { value, problem, again } = useAsked<{ readonly joinTokens: readonly JoinTokenView[] }>(
    '/agents/join-tokens',
    10_000,
  )
  const now = useControllerTime(60_000)
  const { send, note, sending } = useSent()
  const [host, setHost] = useState('')
  const [made, setMade] = useState<NewJoinTokenView | undefined>(undefined)
  async function make(): Promise<void> {
    const hosts = host.trim() === '' ? [] : [host.trim()]
    setMade(await send<NewJoinTokenView>('/agents/join-tokens', { hosts }))
    setHost('')
    again()
  }
  return (
    <section aria-labelledby="join-title">
      <h2 id="join-title">Add a host</h2>
      <ReadProblem problem={problem} />
      <form
        class="ask-buttons"
        onSubmit={(event) => {
          event.preventDefault()
          void make()
        }}
      >
        <label>
          Name of the host; empty: any{' '}
          <input type="text" maxLength={256} value={host} onInput={(event) => setHost(event.currentTarget.value)} />
        </label>
        <button type="submit" class="action" disabled={sending}>
          Make a join token
        </button>
      </form>
      {note}
      {made !== undefined && (
        <div class="notice" role="status">
          <p>
            On that host, where headroom is installed. It is shown this once, and holds until{' '}
            {formatTime(made.expiresAt, now)}:
          </p>
          <pre class="output" tabIndex={0} aria-label="Command that joins">
            headroom-agent join --controller {made.advertise ?? `${location.hostname}:${made.grpcPort}`} --token{' '}
            {made.token}
          </pre>
          {made.grpcLoopback && (
            <p class="tone-warn">
              Only agents on the controller&apos;s own machine reach it: see grpc in its configuration.
            </p>
          )}
        </div>
      )}
      <ul class="rows">
        {value?.joinTokens.map(({ id, hosts, note: why, expiresAt }) => (
          <li key={id}>
            <span>
              for {hosts.length === 0 ? 'any host' : hosts.join(', ')}
              {why !== '' && `, ${why}`} <span class="muted">until {formatTime(expiresAt, now)}</span>
            </span>
            <ConfirmButton
              label="Make void"
              about={`the token for ${hosts.length === 0 ? 'any host' : hosts.join(', ')}`}
              onConfirm={() => void send(`/agents/join-tokens/${encodeURIComponent(id)}/revoke`, {}).then(again)}
            />
          </li>
        ))}
      </ul>
    </section>
  )
}
