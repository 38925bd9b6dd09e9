import { useContext, useEffect, useState } from 'preact/hooks'
import type { AlertDetailView, CommandView, ProposalView, RemedyView } from '../../api/views.js'
import { Age } from '../parts/age.js'
import { PageContext } from '../state/page-context.js'

const lookEveryMs = 2000
const outcomeWords = {
  helped: { word: 'helped', tone: 'good' },
  'did-not-help': { word: 'did not help', tone: 'bad' },
  unknown: { word: 'unknown', tone: 'off' },
} as const satisfies Record<NonNullable<RemedyView['effect']>['outcome'], { word: string; tone: string }>

/** What an alert proposes that headroom can carry out, with a button for who may, and what came of it. */
export function RemedyPanel({ number }: { readonly number: number }) {
  const { client } = useContext(PageContext)
  const [known, setKnown] = useState<Pick<AlertDetailView, 'proposals' | 'remedies'> | undefined>(undefined)
  const [mayAct, setMayAct] = useState(false)
  useEffect(() => {
    let wanted = true
    void client.session().then((answer) => {
      if (wanted && answer.status === 'ok') setMayAct(answer.value.role === 'operator' || answer.value.role === 'admin')
    })
    const look = (): void =>
      void client.alert(number).then((answer) => {
        if (wanted && answer.status === 'ok') setKnown(answer.value)
      })
    look()
    const timer = setInterval(look, lookEveryMs)
    return () => {
      wanted = false
      clearInterval(timer)
    }
  }, [client, number])
  if (known === undefined || known.proposals.length + known.remedies.length === 0) return null
  return (
    <section aria-labelledby="remedies-title">
      <h2 id="remedies-title">What can be done about it</h2>
      <ul class="remedies">
        {known.proposals.map((proposal) => (
          <li key={proposal.vmUuid}>
            <Proposed number={number} proposal={proposal} mayAct={mayAct} />
          </li>
        ))}
        {known.remedies.map((command) => (
          <li key={command.id}>
            <AskedFor command={command} />
          </li>
        ))}
      </ul>
    </section>
  )
}

interface ProposedProps {
  readonly number: number
  readonly proposal: ProposalView
  readonly mayAct: boolean
}

function Proposed({ number, proposal: { vmUuid, text }, mayAct }: ProposedProps) {
  const { client } = useContext(PageContext)
  const [outcome, setOutcome] = useState<'asking' | 'sending' | { readonly says: string; readonly isBad: boolean }>(
    'asking',
  )
  async function send(): Promise<void> {
    setOutcome('sending')
    const answer = await client.carryOutRemedy(number, vmUuid)
    if (answer.status === 'ok') setOutcome({ says: saysOf(answer.value), isBad: answer.value.state === 'refused' })
    else if (answer.status !== 'signed-out') setOutcome({ says: answer.message, isBad: true })
  }
  return (
    <>
      <span>{text}</span>{' '}
      {mayAct && (
        <button type="button" disabled={outcome === 'sending'} onClick={() => void send()}>
          Carry it out
        </button>
      )}
      {typeof outcome === 'object' && (
        <span role="status" class={outcome.isBad ? 'tone-bad' : 'muted'}>
          {' '}
          {outcome.says}
        </span>
      )}
    </>
  )
}

function saysOf({ number, state, reason }: CommandView): string {
  if (state === 'pending-approval') return `command ${number} waits for a second person`
  return state === 'refused' ? `refused: ${reason}` : `asked for, as command ${number}`
}

function AskedFor({
  command: { number, state, reason, actor, approval, createdAt, remedy },
}: {
  readonly command: CommandView
}) {
  const effect = remedy?.effect
  return (
    <>
      <span>{remedy?.text}</span>{' '}
      <span class="muted">
        command {number} by {actor}
        {approval?.by !== undefined && ` and ${approval.by}`}, <Age at={createdAt} />: {state}
        {reason === '' ? '' : ` (${reason})`}
      </span>{' '}
      {effect !== undefined && (
        <span class={`state state-${outcomeWords[effect.outcome].tone}`}>{outcomeWords[effect.outcome].word}</span>
      )}{' '}
      {effect !== undefined && <span class="muted">{effect.says}</span>}
    </>
  )
}
