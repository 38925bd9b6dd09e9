import { useContext, useState } from 'preact/hooks'
import { askableVerbs, isEnd, verbOf, type VerbName } from '../../../common/verbs.js'
import type { CommandView, VmActionView, VmView } from '../../api/views.js'
import { Link } from '../routing/link.js'
import { commandPath } from '../routing/routes.js'
import { PageContext, usePage } from '../state/page-context.js'
import { AskDialog, type AskedOf } from './ask-dialog.js'
import { CommandProgress, CommandStateChip } from './command-state.js'
import { labelOf, mayAs, usualVerbs, verbLabels } from './command-words.js'
import { useAsked } from './use-asked.js'

const lookEveryMs = 15_000
const followEveryMs = 500
const rareVerbs = askableVerbs.filter((verb) => !usualVerbs.includes(verb))

/** What whoever is signed in may have done with a VM; what not, with the reason, and what became of the last that was asked. */
export function VmActions({ vm, level = 2 }: { readonly vm: VmView; readonly level?: 2 | 3 }) {
  const role = usePage((state) => state.me?.role)
  const [asking, setAsking] = useState<VerbName | undefined>(undefined)
  const [last, setLast] = useState<CommandView | undefined>(undefined)
  // Who may nothing at all has no use for a list of what.
  const may = mayAs(role, 'owner')
  const path = may ? `/vms/${encodeURIComponent(vm.uuid)}/actions` : undefined
  const key = `${vm.state} ${last?.id}`
  const { value, problem, again } = useAsked<{ readonly actions: readonly VmActionView[] }>(path, lookEveryMs, key)
  if (!may) return null
  const titleId = `actions-of-${vm.uuid}`
  const byVerb = new Map(value?.actions.map((action) => [action.verb, action]))
  const list = (verbs: readonly VerbName[]) => (
    <ul class="actions">
      {verbs.map((verb) => (
        <ActionRow key={verb} verb={verb} vm={vm} action={byVerb.get(verb)} onAsk={() => setAsking(verb)} />
      ))}
    </ul>
  )
  return (
    <section aria-labelledby={titleId}>
      {level === 2 ? <h2 id={titleId}>Actions</h2> : <h3 id={titleId}>Actions</h3>}
      {problem !== '' && <p class="tone-bad">What may be done is not known: {problem}.</p>}
      {list(usualVerbs)}
      <details>
        <summary>More actions</summary>
        {list(rareVerbs)}
      </details>
      {last !== undefined && <LastAsked key={last.id} asked={last} onEnd={again} />}
      {asking !== undefined && (
        <AskDialog
          verb={asking}
          vm={vm}
          approval={byVerb.get(asking)?.approval}
          onDone={(command: AskedOf) => {
            setAsking(undefined)
            if (command !== undefined) setLast(command)
          }}
        />
      )}
    </section>
  )
}

function ActionRow({
  verb,
  vm,
  action,
  onAsk,
}: {
  readonly verb: VerbName
  readonly vm: VmView
  readonly action: VmActionView | undefined
  readonly onAsk: () => void
}) {
  const id = `action-${verb}-${vm.uuid}`
  const { says, risk } = verbOf(verb)
  const waits = action?.approval === undefined ? '' : `; another ${action.approval} has to approve it`
  return (
    <li>
      <button
        type="button"
        class={risk === 'destructive' ? 'action action-destructive' : 'action'}
        disabled={action?.ok !== true}
        aria-describedby={id}
        aria-label={`${verbLabels[verb]} ${vm.name}`}
        onClick={onAsk}
      >
        {verbLabels[verb]}
      </button>
      <span id={id} class="muted">
        {action === undefined ? '…' : action.ok ? `${says}${waits}` : action.reason}
      </span>
    </li>
  )
}

/** What becomes of the command that was asked for just now. */
function LastAsked({ asked, onEnd }: { readonly asked: CommandView; readonly onEnd: () => void }) {
  const { client } = useContext(PageContext)
  const [isOver, setOver] = useState(isEnd(asked.state))
  const { value = asked } = useAsked<CommandView>(isOver ? undefined : `/commands/${asked.id}`, followEveryMs)
  const [kept, setKept] = useState(asked)
  const shown = isOver ? kept : value
  if (!isOver && isEnd(value.state)) {
    setKept(value)
    setOver(true)
    onEnd()
  }
  const waits = shown.state === 'queued' || shown.state === 'pending-approval'
  return (
    <p class="last-asked" role="status">
      <Link href={commandPath(shown.number)}>Command {shown.number}</Link>: {labelOf(shown.verb)} {shown.vm}{' '}
      <CommandStateChip state={shown.state} /> <CommandProgress command={shown} />
      {shown.reason !== '' && <span class="muted">{shown.reason}</span>}
      {waits && (
        <button type="button" class="action" onClick={() => void client.ask(`/commands/${shown.id}/cancel`, {})}>
          Cancel
        </button>
      )}
    </p>
  )
}
