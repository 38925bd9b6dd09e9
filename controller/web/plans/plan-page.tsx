import { useContext, useState } from 'preact/hooks'
import type { KeptPlanView } from '../../api/plan-views.js'
import { mayAs } from '../commands/command-words.js'
import { useAsked } from '../commands/use-asked.js'
import { Age } from '../parts/age.js'
import { Skeleton } from '../parts/skeleton.js'
import { Link } from '../routing/link.js'
import { fleetPath, plansPath } from '../routing/routes.js'
import { NotFound } from '../shell/not-found.js'
import { PageTitle } from '../shell/page-title.js'
import { PageContext, usePage } from '../state/page-context.js'
import { MoveTable } from './move-table.js'
import { hostsOf, PlanPicture } from './plan-picture.js'
import { choicesOf, endWords, missingTitle, progressWords } from './plan-words.js'

const followEveryMs = 1000

/** One plan that is kept: what it changes, why, and how far it is, live. */
export function PlanPage({ number }: { readonly number: number }) {
  const [ended, setEnded] = useState(false)
  const { value, problem, isUnreachable, again } = useAsked<KeptPlanView>(`/plans/${number}`, ended ? 0 : followEveryMs)
  if (value === undefined)
    return problem === '' ? <Skeleton alone /> : <NotFound title={missingTitle(number, isUnreachable)} text={problem} />
  const isOver = value.state === 'done' || value.state === 'cancelled'
  if (isOver !== ended) setEnded(isOver)
  return (
    <>
      <nav class="crumbs" aria-label="Where this plan is">
        <Link href={fleetPath}>Fleet</Link> <span aria-hidden="true">›</span> <Link href={plansPath}>Plans</Link>
      </nav>
      <header class="page-head">
        <PageTitle text={`Plan ${value.number}: ${value.kind} ${value.subject}`.trim()} />
        <p class="state-line" role="status">
          <span class="tag">{value.state}</span> {progressWords(value)}{' '}
          <span class="muted">
            made by {value.createdBy} <Age at={value.createdAt} />
            {value.approved !== undefined && `, let go on by ${value.approved.name}`}
          </span>
          {problem !== '' && <span class="tag tag-bad">stale: {problem}</span>}
        </p>
      </header>
      {value.reason !== '' && <p class="alert-message">{endWords(value)}</p>}
      <Decide plan={value} onDone={again} />
      <PlanPicture hosts={hostsOf(value.moves)} />
      <h2>Moves</h2>
      <MoveTable moves={value.moves} />
    </>
  )
}

function Decide({ plan, onDone }: { readonly plan: KeptPlanView; readonly onDone: () => void }) {
  const { client } = useContext(PageContext)
  const role = usePage((state) => state.me?.role)
  const [problem, setProblem] = useState('')
  const { apply, stop } = choicesOf(plan.state)
  if (!mayAs(role, 'operator') || (apply === undefined && stop === undefined)) return null
  async function decide(what: 'apply' | 'stop'): Promise<void> {
    const answer = await client.ask<KeptPlanView>(`/plans/${plan.number}/${what}`, {})
    setProblem(answer.status === 'refused' || answer.status === 'unreachable' ? answer.message : '')
    onDone()
  }
  return (
    <>
      <p class="ask-buttons">
        {apply !== undefined && (
          <button type="button" class="action action-main" onClick={() => void decide('apply')}>
            {apply}
          </button>
        )}
        {stop !== undefined && (
          <button type="button" class="action" onClick={() => void decide('stop')}>
            {stop}
          </button>
        )}
      </p>
      {problem !== '' && (
        <p role="alert" class="tone-bad">
          {problem}
        </p>
      )}
    </>
  )
}
