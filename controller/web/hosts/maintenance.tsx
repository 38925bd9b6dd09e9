import { useContext, useState } from 'preact/hooks'
import type { HostView } from '../../api/views.js'
import { mayAs } from '../commands/command-words.js'
import { useAsked } from '../commands/use-asked.js'
import { Age } from '../parts/age.js'
import { PageContext, usePage } from '../state/page-context.js'

const lookEveryMs = 10_000

/** Whether a host takes VMs, and the way to say that it does not. */
export function Maintenance({ host }: { readonly host: HostView }) {
  const { client } = useContext(PageContext)
  const role = usePage((state) => state.me?.role)
  const [reason, setReason] = useState('')
  const [problem, setProblem] = useState('')
  const path = `/hosts/${encodeURIComponent(host.id)}`
  const { value, again } = useAsked<HostView>(path, lookEveryMs)
  if (value === undefined) return null
  const { maintenance } = value
  const may = mayAs(role, 'operator')
  async function set(on: boolean): Promise<void> {
    const answer = await client.ask<HostView>(`${path}/maintenance`, { on, reason: on ? reason : '' })
    setProblem(answer.status === 'refused' || answer.status === 'unreachable' ? answer.message : '')
    again()
  }
  if (maintenance === undefined && !may) return null
  return (
    <section
      aria-labelledby="maintenance-title"
      class={maintenance === undefined ? undefined : 'notice notice-warning'}
    >
      <h2 id="maintenance-title">Maintenance</h2>
      {maintenance === undefined ? (
        <form
          class="acknowledge"
          onSubmit={(event) => {
            event.preventDefault()
            void set(true)
          }}
        >
          <label>
            Reason{' '}
            <input
              type="text"
              maxLength={256}
              value={reason}
              onInput={(event) => setReason(event.currentTarget.value)}
            />
          </label>
          <button type="submit">Take {host.name} into maintenance</button>
          <span class="muted">Nothing is started there then, and nothing moved to it; what runs goes on.</span>
        </form>
      ) : (
        <p>
          It takes no VMs since <Age at={maintenance.since} />, by {maintenance.by}
          {maintenance.reason === '' ? '.' : `: ${maintenance.reason}`}{' '}
          {may && (
            <button type="button" class="action" onClick={() => void set(false)}>
              Let {host.name} take VMs again
            </button>
          )}
        </p>
      )}
      {problem !== '' && (
        <p role="alert" class="tone-bad">
          Not done: {problem}
        </p>
      )}
    </section>
  )
}
