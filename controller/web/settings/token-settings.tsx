import { useState } from 'preact/hooks'
import type { Role } from '../../../common/verbs.js'
import type { NewTokenView, TokenView } from '../../api/views.js'
import { useAsked } from '../commands/use-asked.js'
import { formatTime } from '../format/figures.js'
import { useControllerTime } from '../state/page-context.js'
import { ConfirmButton } from './confirm-button.js'
import { ReadProblem, useSent } from './use-sent.js'
import { RoleChoice } from './user-settings.js'

/** Tokens of programs, and of users on the command line. */
export function TokenSettings() {
  const { value, problem, again } = useAsked<{ readonly tokens: readonly TokenView[] }>('/tokens', 10_000)
  const now = useControllerTime(60_000)
  const { send, note, sending } = useSent()
  const [name, setName] = useState('')
  const [role, setRole] = useState<Role>('viewer')
  const [valid, setValid] = useState('30d')
  const [made, setMade] = useState<NewTokenView | undefined>(undefined)
  async function make(): Promise<void> {
    setMade(await send<NewTokenView>('/tokens', { name, role, valid }))
    again()
  }
  return (
    <section aria-labelledby="tokens-title">
      <h2 id="tokens-title">API tokens</h2>
      <ReadProblem problem={problem} />
      {note}
      <ul class="rows">
        {value?.tokens.map((token) => (
          <li key={token.id}>
            <span>
              <strong>{token.name}</strong> {token.role}
              {token.ofUser && ', of the user'} <span class="muted">{boundWords(token)}</span>{' '}
              <span class="muted">
                {token.expiresAt === undefined ? 'does not end' : `until ${formatTime(token.expiresAt, now)}`}
                {token.note !== undefined && `, ${token.note}`}
              </span>
            </span>
            <ConfirmButton
              label="Revoke"
              about={token.name}
              onConfirm={() => void send(`/tokens/${encodeURIComponent(token.id)}/revoke`, {}).then(again)}
            />
          </li>
        ))}
      </ul>
      <form
        class="ask-buttons"
        aria-label="Make a token"
        onSubmit={(event) => {
          event.preventDefault()
          void make()
        }}
      >
        <label>
          Name of the program{' '}
          <input
            type="text"
            required
            maxLength={100}
            autocomplete="off"
            value={name}
            onInput={(event) => setName(event.currentTarget.value)}
          />
        </label>
        <RoleChoice label="Role of the token" value={role} onRole={setRole} />
        <label>
          Holds for{' '}
          <input
            type="text"
            required
            maxLength={20}
            value={valid}
            onInput={(event) => setValid(event.currentTarget.value)}
          />
        </label>
        <button type="submit" class="action" disabled={sending}>
          Make the token
        </button>
      </form>
      {made !== undefined && (
        <div class="notice" role="status">
          <p>The token of {made.name}, shown this once:</p>
          <pre class="output" tabIndex={0} aria-label="The new token">
            {made.token}
          </pre>
        </div>
      )}
    </section>
  )
}

function boundWords({ scope }: TokenView): string {
  if (scope === undefined) return ''
  const { owner, vms, verbs } = scope
  return [
    owner === undefined ? '' : `VMs of ${owner}`,
    vms === undefined ? '' : `VMs ${vms.join(', ')}`,
    verbs === undefined ? '' : `only ${verbs.join(', ')}`,
  ]
    .filter((part) => part !== '')
    .join('; ')
}
