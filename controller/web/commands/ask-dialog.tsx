import { useContext, useEffect, useRef, useState } from 'preact/hooks'
import { formText, verbOf, wrongArgs, type VerbArg, type VerbName } from '../../../common/verbs.js'
import type { CommandView, VmView } from '../../api/views.js'
import { PageContext } from '../state/page-context.js'
import { verbLabels } from './command-words.js'

/** The command as the controller took it in; undefined: nothing was asked. */
export type AskedOf = CommandView | undefined

interface AskDialogProps {
  readonly verb: VerbName
  readonly vm: VmView
  /** The least role of the second person who has to approve it. */
  readonly approval: string | undefined
  readonly onDone: (command: AskedOf) => void
}

/** Asks once more, by the name of the VM, and for arguments and a reason. What cannot be undone wants the name typed. */
export function AskDialog({ verb, vm, approval, onDone }: AskDialogProps) {
  const { client } = useContext(PageContext)
  const dialog = useRef<HTMLDialogElement>(null)
  const [args, setArgs] = useState<Readonly<Record<string, string>>>(() => firstArgs(verb))
  const [note, setNote] = useState('')
  const [typed, setTyped] = useState('')
  const [problem, setProblem] = useState('')
  const [sending, setSending] = useState(false)
  useEffect(() => dialog.current?.showModal(), [])
  const { says, risk, args: wanted } = verbOf(verb)
  const needsName = risk === 'destructive'
  async function send(): Promise<void> {
    const given = Object.fromEntries(Object.entries(args).filter(([, value]) => value !== ''))
    const wrong = wrongArgs(verb, given)
    if (wrong !== undefined) return setProblem(wrong)
    setSending(true)
    const answer = await client.ask<CommandView>('/commands', { verb, vm: vm.uuid, args: given, note })
    setSending(false)
    if (answer.status === 'ok') onDone(answer.value)
    else if (answer.status !== 'signed-out') setProblem(answer.message)
  }
  return (
    <dialog ref={dialog} class="ask" aria-labelledby="ask-title" onClose={() => onDone(undefined)}>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          void send()
        }}
      >
        <h2 id="ask-title">
          {verbLabels[verb]}: {vm.name}
        </h2>
        <p>
          On {vm.host}. It {says}.{approval !== undefined && ` Another ${approval} has to approve it.`}
        </p>
        {Object.entries(wanted)
          .filter(([, arg]) => arg.isSetByController !== true)
          .map(([key, arg]) => (
            <ArgField
              key={key}
              name={key}
              arg={arg}
              value={args[key] ?? ''}
              onValue={(value) => setArgs({ ...args, [key]: value })}
            />
          ))}
        {needsName && (
          <label>
            <span>
              Type <strong>{vm.name}</strong> to go on
            </span>
            <input
              type="text"
              autocomplete="off"
              spellcheck={false}
              value={typed}
              onInput={(event) => setTyped(event.currentTarget.value)}
            />
          </label>
        )}
        <label>
          Reason, for the audit log
          <input type="text" maxLength={500} value={note} onInput={(event) => setNote(event.currentTarget.value)} />
        </label>
        {problem !== '' && (
          <p role="alert" class="tone-bad">
            Not asked: {problem}
          </p>
        )}
        <p class="ask-buttons">
          <button type="button" class="action" onClick={() => dialog.current?.close()}>
            Leave it
          </button>
          <button
            type="submit"
            class={needsName ? 'action action-destructive' : 'action action-main'}
            disabled={sending || (needsName && typed !== vm.name)}
          >
            {verbLabels[verb]} {vm.name}
          </button>
        </p>
      </form>
    </dialog>
  )
}

function firstArgs(verb: VerbName): Readonly<Record<string, string>> {
  const choices = Object.entries(verbOf(verb).args).flatMap(([key, arg]) =>
    arg.is === 'choice' && arg.isOptional !== true ? [[key, arg.of[0] ?? ''] as const] : [],
  )
  return Object.fromEntries(choices)
}

function ArgField({
  name,
  arg,
  value,
  onValue,
}: {
  readonly name: string
  readonly arg: VerbArg
  readonly value: string
  readonly onValue: (value: string) => void
}) {
  const optional = arg.isOptional === true
  return (
    <label>
      {name}: {arg.says}
      {optional && ' (may be left out)'}
      {arg.is === 'choice' ? (
        <select value={value} onChange={(event) => onValue(event.currentTarget.value)}>
          {optional && <option value="">–</option>}
          {arg.of.map((choice) => (
            <option key={choice} value={choice}>
              {choice}
            </option>
          ))}
        </select>
      ) : (
        <input
          type="text"
          required={!optional}
          placeholder={formText(arg)}
          value={value}
          onInput={(event) => onValue(event.currentTarget.value)}
        />
      )}
    </label>
  )
}
