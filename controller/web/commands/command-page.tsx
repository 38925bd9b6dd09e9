import { useContext, useState } from 'preact/hooks'
import { isEnd } from '../../../common/verbs.js'
import type { CommandView } from '../../api/views.js'
import { Age } from '../parts/age.js'
import { Figure } from '../parts/figure.js'
import { Skeleton } from '../parts/skeleton.js'
import { Link } from '../routing/link.js'
import { commandsPath, fleetPath, hostPath, vmPath } from '../routing/routes.js'
import { NotFound } from '../shell/not-found.js'
import { PageTitle } from '../shell/page-title.js'
import { PageContext, usePage } from '../state/page-context.js'
import { CommandProgress, CommandStateChip } from './command-state.js'
import { argsWords, mayAs } from './command-words.js'
import { useAsked } from './use-asked.js'

const followEveryMs = 500

/** One command: what was asked, what each check said, what it says itself, live. */
export function CommandPage({ number }: { readonly number: number }) {
  const [ended, setEnded] = useState(false)
  const { value, problem, isUnreachable, again } = useAsked<CommandView>(
    `/commands/${number}`,
    ended ? 0 : followEveryMs,
  )
  if (value === undefined)
    return problem === '' ? (
      <Skeleton alone />
    ) : (
      <NotFound title={isUnreachable ? `Command ${number} could not be read` : `No command ${number}`} text={problem} />
    )
  if (isEnd(value.state) !== ended) setEnded(isEnd(value.state))
  return (
    <>
      <nav class="crumbs" aria-label="Where this command is">
        <Link href={fleetPath}>Fleet</Link> <span aria-hidden="true">›</span> <Link href={commandsPath}>Commands</Link>
      </nav>
      <header class="page-head">
        <PageTitle text={`#${value.number} ${value.verb} ${value.vm}`} />
        <p class="state-line" role="status">
          <CommandStateChip state={value.state} /> <CommandProgress command={value} />
          {value.dryRun && <span class="tag">dry run</span>}
          {problem !== '' && <span class="tag tag-bad">stale: {problem}</span>}
        </p>
      </header>
      {value.reason !== '' && <p class="alert-message">{value.reason}</p>}
      <Facts command={value} />
      <Decide command={value} onDone={again} />
      <Output command={value} />
      <Verdicts command={value} />
    </>
  )
}

function Facts({ command }: { readonly command: CommandView }) {
  const { vm, vmUuid, host, actor, createdAt, begunAt, endedAt, args, note, cancelledBy, approval } = command
  return (
    <dl class="figures">
      <Figure label="VM" value={<Link href={vmPath(vmUuid)}>{vm}</Link>} note={argsWords(args)} />
      <Figure label="Host" value={<Link href={hostPath(host)}>{host}</Link>} />
      <Figure label="Asked by" value={actor} note={<Age at={createdAt} />} />
      {note !== undefined && <Figure label="Because" value={note} />}
      {begunAt !== undefined && <Figure label="Begun" value={<Age at={begunAt} />} />}
      {endedAt !== undefined && <Figure label="Ended" value={<Age at={endedAt} />} />}
      {cancelledBy !== undefined && <Figure label="Cancelled by" value={cancelledBy} />}
      {approval?.by !== undefined && <Figure label="Second person" value={approval.by} note={approval.rule} />}
    </dl>
  )
}

/** What can still be decided about it, and by whom. */
function Decide({ command, onDone }: { readonly command: CommandView; readonly onDone: () => void }) {
  const { client } = useContext(PageContext)
  const me = usePage((state) => state.me)
  const [problem, setProblem] = useState('')
  const [reason, setReason] = useState('')
  if (isEnd(command.state) || me === undefined) return null
  async function decide(what: 'cancel' | 'approve' | 'reject', body: object): Promise<void> {
    const answer = await client.ask<CommandView>(`/commands/${command.id}/${what}`, body)
    setProblem(answer.status === 'refused' || answer.status === 'unreachable' ? answer.message : '')
    onDone()
  }
  const { approval, state, actor } = command
  const waits = state === 'pending-approval' && approval !== undefined
  const isMine = actor.toLowerCase() === me.name.toLowerCase()
  const maySecond = waits && !isMine && mayAs(me.role, approval.role)
  const mayCancel = isMine || mayAs(me.role, 'operator')
  return (
    <section aria-labelledby="decide-title">
      <h2 id="decide-title">{waits ? 'It waits for a second person' : 'It has not ended'}</h2>
      {waits && !maySecond && (
        <p class="muted">
          {isMine
            ? `You asked for it: another ${approval.role} has to approve it.`
            : `It needs the approval of somebody who is ${approval.role}; you are ${me.role}.`}
        </p>
      )}
      <p class="ask-buttons">
        {maySecond && (
          <>
            <button type="button" class="action action-main" onClick={() => void decide('approve', {})}>
              Approve {command.verb} {command.vm}
            </button>
            <label>
              Why not{' '}
              <input
                type="text"
                maxLength={500}
                value={reason}
                onInput={(event) => setReason(event.currentTarget.value)}
              />
            </label>
            <button type="button" class="action" onClick={() => void decide('reject', { reason })}>
              Reject
            </button>
          </>
        )}
        {mayCancel && (
          <button type="button" class="action" onClick={() => void decide('cancel', {})}>
            Cancel {command.verb} {command.vm}
          </button>
        )}
      </p>
      {problem !== '' && (
        <p role="alert" class="tone-bad">
          {problem}
        </p>
      )}
    </section>
  )
}

function Output({ command: { output, outputWithheld } }: { readonly command: CommandView }) {
  if (outputWithheld === true) return <p class="muted">What it said is for who asked for it, and for operators.</p>
  if (output === '') return null
  return (
    <section aria-labelledby="output-title">
      <h2 id="output-title">What it says</h2>
      <pre class="output" role="log" tabIndex={0} aria-labelledby="output-title">
        {output}
      </pre>
    </section>
  )
}

function Verdicts({ command: { verdicts } }: { readonly command: CommandView }) {
  if (verdicts.length === 0) return null
  return (
    <section aria-labelledby="verdicts-title">
      <h2 id="verdicts-title">What the checks say</h2>
      <ul class="verdicts">
        {verdicts.map(({ check, ok, says }) => (
          <li key={`${check} ${says}`}>
            <span class={ok ? 'tone-good' : 'tone-bad'}>
              <span aria-hidden="true">{ok ? '✓' : '✕'}</span>
              <span class="visually-hidden">{ok ? 'ok' : 'no'}</span>
            </span>{' '}
            <strong>{check}</strong> {says}
          </li>
        ))}
      </ul>
    </section>
  )
}
