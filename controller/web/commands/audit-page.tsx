import { useContext, useState } from 'preact/hooks'
import type { AuditCheckView, AuditEntryView } from '../../api/views.js'
import { formatTime, plural } from '../format/figures.js'
import { Skeleton } from '../parts/skeleton.js'
import { Link } from '../routing/link.js'
import { commandsPath, fleetPath } from '../routing/routes.js'
import { PageTitle } from '../shell/page-title.js'
import { PageContext, useControllerTime, usePage } from '../state/page-context.js'
import { auditWords, mayAs } from './command-words.js'
import { useAsked } from './use-asked.js'

const pageSize = 100
interface Entries {
  readonly entries: readonly AuditEntryView[]
}

/** Who did what, and whether the log is whole. */
export function AuditPage() {
  const role = usePage((state) => state.me?.role)
  return (
    <>
      <nav class="crumbs" aria-label="Where this is">
        <Link href={fleetPath}>Fleet</Link> <span aria-hidden="true">›</span> <Link href={commandsPath}>Commands</Link>
      </nav>
      <PageTitle text="Audit log" />
      {role === undefined && <Skeleton />}
      {role !== undefined && !mayAs(role, 'operator') && (
        <p class="empty">The audit log is for operators and administrators; you are {role}.</p>
      )}
      {mayAs(role, 'operator') && <Log />}
    </>
  )
}

function Log() {
  const { client } = useContext(PageContext)
  const newest = useAsked<Entries>(`/audit?limit=${pageSize}`, 0)
  const [older, setOlder] = useState<readonly AuditEntryView[]>([])
  const [isAll, setAll] = useState(false)
  const now = useControllerTime(60_000)
  const { value, problem } = newest
  if (value === undefined)
    return problem === '' ? <Skeleton /> : <p role="alert" class="tone-bad">{`It could not be read: ${problem}.`}</p>
  const entries = [...value.entries, ...older]
  async function more(): Promise<void> {
    const before = entries.at(-1)?.number ?? 1
    if (before <= 1) return setAll(true)
    const answer = await client.ask<Entries>(`/audit?limit=${pageSize}&before=${before}`)
    if (answer.status !== 'ok') return
    setOlder([...older, ...answer.value.entries])
    setAll(answer.value.entries.length < pageSize)
  }
  return (
    <>
      <Verify />
      {entries.length === 0 ? (
        <p class="empty">Nothing is written down yet.</p>
      ) : (
        <ol class="events audit">
          {entries.map(({ number, at, what }) => (
            <AuditLine key={number} number={number} time={formatTime(at, now)} at={at} what={what} />
          ))}
        </ol>
      )}
      {!isAll && value.entries.length === pageSize && (
        <p>
          <button type="button" class="more" onClick={() => void more()}>
            Show older entries
          </button>
        </p>
      )}
    </>
  )
}

function AuditLine({
  number,
  time,
  at,
  what,
}: {
  readonly number: number
  readonly time: string
  readonly at: number
  readonly what: AuditEntryView['what']
}) {
  const { event, actor, rest } = auditWords(what)
  return (
    <li>
      <time dateTime={new Date(at).toISOString()}>{time}</time>
      <span>
        <span class="muted">{number}</span> <strong>{event}</strong>
        {actor !== '' && ` by ${actor}`} <span class="muted">{rest}</span>
      </span>
    </li>
  )
}

/** Looks at once whether each entry still fits the one before it, here and with the agents. */
function Verify() {
  const { value, problem, again } = useAsked<AuditCheckView>('/audit/verify', 0)
  if (value === undefined) return problem === '' ? null : <p class="tone-bad">It could not be verified: {problem}.</p>
  const wrong = [
    ...(value.wrong === undefined ? [] : [`here: ${value.wrong}`]),
    ...value.agents.flatMap((agent) => (agent.wrong === undefined ? [] : [`${agent.agent}: ${agent.wrong}`])),
  ]
  return (
    <section class={wrong.length === 0 ? 'notice' : 'notice notice-warning'} aria-label="Whether it is whole">
      <p>
        {wrong.length === 0 ? (
          <>
            <span class="tone-good" aria-hidden="true">
              ✓
            </span>{' '}
            Whole: {plural(value.entries, 'entry', 'entries')} here, and those of {plural(value.agents.length, 'agent')}{' '}
            as far as they were seen.
          </>
        ) : (
          <strong class="tone-bad">It is not what it was: {wrong.join('; ')}</strong>
        )}{' '}
        <button type="button" class="action" onClick={again}>
          Verify again
        </button>
      </p>
    </section>
  )
}
