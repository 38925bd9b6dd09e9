import { useContext, useState } from 'preact/hooks'
import type { Answer } from '../api/client.js'
import type { KeptPlanView, PlanView } from '../../api/plan-views.js'
import { mayAs } from '../commands/command-words.js'
import { useAsked } from '../commands/use-asked.js'
import { Age } from '../parts/age.js'
import { DataTable } from '../parts/data-table.js'
import type { Column } from '../parts/data-table.js'
import { Skeleton } from '../parts/skeleton.js'
import { Link } from '../routing/link.js'
import { Navigate } from '../routing/navigation.js'
import { fleetPath, planPath } from '../routing/routes.js'
import { PageTitle } from '../shell/page-title.js'
import { PageContext, usePage } from '../state/page-context.js'
import { MoveTable } from './move-table.js'
import { PlanPicture } from './plan-picture.js'
import { progressWords } from './plan-words.js'

const lookEveryMs = 5000
/** Plans of large fleets take their time. */
const planWithinMs = 130_000

const columns: readonly Column<KeptPlanView>[] = [
  {
    key: 'number',
    label: 'Plan',
    sortBy: ({ number }) => number,
    cell: ({ number, kind, subject }) => <Link href={planPath(number)}>{`#${number} ${kind} ${subject}`.trim()}</Link>,
  },
  { key: 'state', label: 'State', sortBy: ({ state }) => state, cell: ({ state }) => <span class="tag">{state}</span> },
  { key: 'done', label: 'How far', cell: progressWords },
  { key: 'by', label: 'Made by', sortBy: ({ createdBy }) => createdBy, cell: ({ createdBy }) => createdBy },
  { key: 'at', label: 'When', sortBy: ({ createdAt }) => createdAt, cell: ({ createdAt }) => <Age at={createdAt} /> },
  { key: 'says', label: 'Says', cell: ({ says, reason }) => (reason === '' ? says : reason) },
]
const keyOf = ({ number }: KeptPlanView): string => String(number)
const newestFirst = { column: 'number', descending: true }

/** Where VMs should rather run, and the plans that are kept. */
export function PlansPage() {
  const { value, problem } = useAsked<{ readonly plans: readonly KeptPlanView[] }>('/plans', lookEveryMs)
  return (
    <>
      <nav class="crumbs" aria-label="Where this is">
        <Link href={fleetPath}>Fleet</Link>
      </nav>
      <PageTitle text="Plans" />
      <MakePlan />
      <h2>Kept plans</h2>
      {problem !== '' && (
        <p role="alert" class="tone-bad">
          Plans could not be read: {problem}.
        </p>
      )}
      {value === undefined && problem === '' && <Skeleton />}
      {value?.plans.length === 0 && <p class="empty">No plan was kept yet.</p>}
      {value !== undefined && value.plans.length > 0 && (
        <DataTable
          caption="Plans that are kept"
          columns={columns}
          rows={value.plans}
          keyOf={keyOf}
          nameOf={keyOf}
          initialSort={newestFirst}
        />
      )}
    </>
  )
}

/** Makes a plan to look at; who may keeps it. */
function MakePlan() {
  const { client } = useContext(PageContext)
  const navigate = useContext(Navigate)
  const role = usePage((state) => state.me?.role)
  const [withCold, setWithCold] = useState(false)
  const [isBusy, setBusy] = useState(false)
  const [made, setMade] = useState<{ readonly plan: PlanView; readonly withCold: boolean }>()
  const [problem, setProblem] = useState('')
  async function answered<T>(asked: Promise<Answer<T>>, use: (value: T) => void): Promise<void> {
    setBusy(true)
    const answer = await asked
    setBusy(false)
    setProblem(answer.status === 'refused' || answer.status === 'unreachable' ? answer.message : '')
    if (answer.status === 'ok') use(answer.value)
  }
  const look = (): Promise<void> =>
    answered(client.ask<PlanView>(`/plans/rebalance?withCold=${withCold}`, undefined, planWithinMs), (plan) =>
      setMade({ plan, withCold }),
    )
  const keep = (): Promise<void> => {
    // As the one that is shown was asked for, whatever is ticked by now.
    const asked = { kind: 'rebalance', withCold: made?.withCold === true }
    const kept = client.ask<KeptPlanView>('/plans', asked, planWithinMs)
    return answered(kept, ({ number }) => navigate(planPath(number)))
  }
  return (
    <section aria-labelledby="make-title">
      <h2 id="make-title">What would help now</h2>
      <p class="ask-buttons">
        <button type="button" class="action action-main" disabled={isBusy} onClick={() => void look()}>
          {isBusy ? 'Planning…' : 'Make a plan'}
        </button>
        <label>
          <input type="checkbox" checked={withCold} onChange={(event) => setWithCold(event.currentTarget.checked)} />{' '}
          also moves for which a VM has to be off
        </label>
        {made !== undefined && made.plan.moves.length > 0 && mayAs(role, 'operator') && (
          <button type="button" class="action" disabled={isBusy} onClick={() => void keep()}>
            Keep one as of now, to be approved
          </button>
        )}
      </p>
      <p class="muted">
        Only plans that even hosts out are made here; headroom plan drain, return and place make others. What is kept is
        planned anew from the fleet as it then is, and shown before anybody approves it.
      </p>
      <div role="status">
        {problem !== '' && <p class="tone-bad">{problem}</p>}
        {made !== undefined && <Made plan={made.plan} />}
      </div>
    </section>
  )
}

function Made({ plan }: { readonly plan: PlanView }) {
  const mended = plan.findings.filter(({ fate }) => fate === 'mended')
  return (
    <>
      <p>
        <strong>{plan.says}</strong>
      </p>
      <PlanPicture hosts={plan.hosts} />
      <MoveTable moves={plan.moves} />
      {mended.length > 0 && <p>Ends: {mended.map(({ check, subject }) => `${check} of ${subject}`).join(', ')}.</p>}
      {plan.cannot.length > 0 && (
        <details>
          <summary>{plan.cannot.length} VMs that would help, and cannot move</summary>
          <ul>
            {plan.cannot.map(({ vm, on, why }) => (
              <li key={vm}>
                <strong>{vm}</strong> on {on}:{' '}
                {why.map(({ host, reason, rule }) => `${host}: ${reason} (${rule})`).join('; ')}
              </li>
            ))}
          </ul>
        </details>
      )}
    </>
  )
}
