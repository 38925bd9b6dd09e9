import { useState } from 'preact/hooks'
import type { ConfigProblemView, FindingView, PolicyCheckView, PolicyTextView, PolicyView } from '../../api/views.js'
import { useAsked } from '../commands/use-asked.js'
import { formatTime } from '../format/figures.js'
import { useControllerTime } from '../state/page-context.js'
import { ReadProblem, useSent } from './use-sent.js'

/** The rules in force, what is wrong with their file, and what another text would do. The file itself is changed where it lies. */
export function PolicySettings({ mayCheck }: { readonly mayCheck: boolean }) {
  const { value, problem } = useAsked<PolicyView>('/policy', 10_000)
  const now = useControllerTime(60_000)
  return (
    <section aria-labelledby="policy-title">
      <h2 id="policy-title">Policy</h2>
      <ReadProblem problem={problem} />
      {value !== undefined && (
        <>
          <p>
            {value.file === undefined
              ? 'No policy file is named in the configuration: defaults and the metadata of VMs hold.'
              : `In force: ${value.file}`}
            {value.version !== undefined &&
              `, version ${value.version.number} since ${formatTime(value.version.at, now)}`}
          </p>
          {value.problem !== undefined && (
            <div class="notice notice-warning">
              <p>The file as it is now is not in force: {value.problem.message}</p>
              <Problems problems={value.problem.problems} />
            </div>
          )}
          {mayCheck && <PolicyCheck version={value.version?.number} />}
        </>
      )}
    </section>
  )
}

function PolicyCheck({ version }: { readonly version: number | undefined }) {
  const current = useAsked<PolicyTextView>(version === undefined ? undefined : `/policy/history/${version}`, 0)
  const { send, note, sending } = useSent()
  const [typed, setTyped] = useState<string | undefined>(undefined)
  const [found, setFound] = useState<PolicyCheckView | undefined>(undefined)
  const text = typed ?? current.value?.text ?? ''
  return (
    <form
      aria-label="Check a policy"
      onSubmit={(event) => {
        event.preventDefault()
        void send<PolicyCheckView>('/policy/check', { text }).then(setFound)
      }}
    >
      <label>
        What a text would do if it were in force
        <textarea rows={14} spellcheck={false} value={text} onInput={(event) => setTyped(event.currentTarget.value)} />
      </label>
      <button type="submit" class="action" disabled={sending || text === ''}>
        Check it
      </button>
      {note}
      {found !== undefined && <Outcome found={found} />}
    </form>
  )
}

function Outcome({ found }: { readonly found: PolicyCheckView }) {
  const { problems, notes, findings, ends } = found
  const fresh = findings.filter(({ isNew }) => isNew)
  if (problems.length > 0)
    return (
      <div class="notice notice-warning" role="status">
        <p>It would be refused:</p>
        <Problems problems={problems} />
      </div>
    )
  return (
    <div class="notice" role="status">
      <p>It would be taken.</p>
      {notes.length > 0 && <h3>Probably not meant</h3>}
      <ul>
        {notes.map(({ key, line, message }) => (
          <li key={`${key} ${message}`}>
            {place(key, line)}: {message}
          </li>
        ))}
      </ul>
      <FindingList title="It would find, what is not found now" findings={fresh} />
      <FindingList title="It would find no more" findings={ends} />
      {fresh.length === 0 && ends.length === 0 && <p class="muted">It finds what is found now.</p>}
    </div>
  )
}

function FindingList({ title, findings }: { readonly title: string; readonly findings: readonly FindingView[] }) {
  if (findings.length === 0) return null
  return (
    <>
      <h3>{title}</h3>
      <ul>
        {findings.slice(0, 100).map(({ check, subject, message }) => (
          <li key={`${check} ${subject} ${message}`}>
            {subject}: {message}
          </li>
        ))}
      </ul>
      {findings.length > 100 && <p class="muted">and {findings.length - 100} more</p>}
    </>
  )
}

function Problems({ problems }: { readonly problems: readonly ConfigProblemView[] }) {
  return (
    <ul>
      {problems.map(({ key, line, expected, got }) => (
        <li key={`${key} ${line}`}>
          {place(key, line)}: expected {expected}, got {got}
        </li>
      ))}
    </ul>
  )
}

function place(key: string, line: number | undefined): string {
  const where = key === '' ? 'the file' : key
  return line === undefined ? where : `${where}, line ${line}`
}
