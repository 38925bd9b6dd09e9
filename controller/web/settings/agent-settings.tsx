import type { AgentView } from '../../api/views.js'
import { useAsked } from '../commands/use-asked.js'
import { plural } from '../format/figures.js'
import { Age } from '../parts/age.js'
import { ConfirmButton } from './confirm-button.js'
import { ReadProblem, useSent, type Sent } from './use-sent.js'

const lookEveryMs = 5000

/** Agents that were let in: for which hosts, and whether they still are. */
export function AgentSettings() {
  const { value, problem, again } = useAsked<{ readonly agents: readonly AgentView[] }>(
    '/agents?limit=500',
    lookEveryMs,
  )
  const sent = useSent()
  return (
    <section aria-labelledby="agents-title">
      <h2 id="agents-title">Agents</h2>
      <ReadProblem problem={problem} />
      {sent.note}
      {value?.agents.length === 0 && <p class="empty">No agent has joined yet.</p>}
      <ul class="rows">
        {value?.agents.map((agent) => (
          <AgentRow key={agent.id} agent={agent} sent={sent} onDone={again} />
        ))}
      </ul>
    </section>
  )
}

function AgentRow({
  agent,
  sent,
  onDone,
}: {
  readonly agent: AgentView
  readonly sent: Sent
  readonly onDone: () => void
}) {
  const { id, name, version, connected, since, enrolment } = agent
  const path = `/agents/${encodeURIComponent(id)}`
  const revoked = enrolment?.revokedAt
  const act = async (what: string, body: object): Promise<void> => {
    await sent.send(`${path}/${what}`, body)
    onDone()
  }
  return (
    <li>
      <span>
        <strong>{name}</strong> <span class="muted">{version}</span>{' '}
        {revoked === undefined ? (
          <span class={`state state-${connected ? 'good' : 'bad'}`}>
            <span aria-hidden="true">{connected ? '●' : '▲'}</span> {connected ? 'connected' : 'gone'},{' '}
            <Age at={since} />
          </span>
        ) : (
          <span class="tag tag-bad">
            revoked <Age at={revoked} />
          </span>
        )}{' '}
        <span class="muted">{hostWords(agent)}</span>
      </span>
      <span class="ask-buttons">
        {enrolment?.refusedHosts.map((host) => (
          <ConfirmButton
            key={host.id}
            label="Let it speak for"
            about={host.name}
            onConfirm={() => void act('hosts', { host: host.id })}
          />
        ))}
        {revoked === undefined && (
          <ConfirmButton label="Revoke" about={name} onConfirm={() => void act('revoke', {})} />
        )}
        {!connected && <ConfirmButton label="Forget" about={name} onConfirm={() => void act('forget', {})} />}
      </span>
    </li>
  )
}

function hostWords({ hosts, enrolment }: AgentView): string {
  if (enrolment?.anyHost === true) return `for any host; now ${plural(hosts.length, 'host')}`
  const names = enrolment?.grantedHosts.map(({ name }) => name) ?? hosts
  return names.length === 0 ? 'for no host' : `for ${names.slice(0, 10).join(', ')}${names.length > 10 ? ', …' : ''}`
}
