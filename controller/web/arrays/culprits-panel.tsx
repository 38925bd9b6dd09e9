import type { ComponentChildren } from 'preact'
import type { ArrayCacheView } from '../../api/views.js'
import { formatFigure } from '../format/figures.js'
import { Age } from '../parts/age.js'
import { DataTable } from '../parts/data-table.js'
import type { Column } from '../parts/data-table.js'
import { Link } from '../routing/link.js'
import { hostPath, vmPath } from '../routing/routes.js'

type Culprits = ArrayCacheView['culprits']
type Suspect = Culprits['suspects'][number]
type Member = Suspect['members'][number]

/** Who makes others wait, whom a sort by bytes would blame, who waits, and what would help. */
export function CulpritsPanel({ cache: { culprits, remedies } }: { readonly cache: ArrayCacheView }) {
  const { incidentSince, suspects, victims } = culprits
  if (suspects.length === 0 && remedies.length === 0) return null
  return (
    <section class="culprits" aria-labelledby="culprits-title">
      <h3 id="culprits-title">{incidentSince === undefined ? 'Who does more than usual' : 'Who makes others wait'}</h3>
      {suspects.length > 0 && (
        <DataTable
          caption="Who does more than usual, by what it costs the array"
          columns={columns}
          rows={suspects}
          keyOf={keyOf}
          nameOf={nameOf}
        />
      )}
      {suspects.length > 0 && <ByBytes culprits={culprits} />}
      {victims.length > 0 && (
        <p>
          Who waits:{' '}
          <span class="members">
            {victims.map((victim) => (
              <span key={victim.id}>
                <Name member={victim} />
                {victim.times !== undefined && <span class="muted"> {timesWords(victim.times)}</span>}
              </span>
            ))}
          </span>
        </p>
      )}
      {remedies.length > 0 && (
        <>
          <h3>What would help</h3>
          <p class="muted">Limits are carried out from the page of the alert, the rest by hand.</p>
          <ul class="remedies">
            {remedies.map(({ text }) => (
              <li key={text}>{text}</li>
            ))}
          </ul>
        </>
      )}
    </section>
  )
}

function ByBytes({ culprits: { suspects, mostBytes } }: { readonly culprits: Culprits }) {
  if (mostBytes === undefined) return null
  const isFirst = suspects[0]?.members.some(({ id }) => id === mostBytes.id) === true
  return <p class="muted">Sorted by bytes it would be {isFirst ? 'the same one' : <Name member={mostBytes} />}.</p>
}

const confidences = {
  high: { word: 'surely', tone: 'bad' },
  medium: { word: 'likely', tone: 'idle' },
  low: { word: 'perhaps', tone: 'off' },
} as const satisfies Record<Suspect['confidence'], { readonly word: string; readonly tone: string }>

const columns: readonly Column<Suspect>[] = [
  { key: 'who', label: 'Who', cell: (suspect) => <Who suspect={suspect} /> },
  {
    key: 'sure',
    label: 'Sure',
    cell: ({ confidence }) => (
      <span class={`state state-${confidences[confidence].tone}`}>{confidences[confidence].word}</span>
    ),
  },
  { key: 'since', label: 'Began', cell: ({ since }) => <Age at={since} /> },
  share('inflow', 'Of all that is written', ({ shareOfInflow }) => shareOfInflow),
  share('requests', 'Of requests', ({ shareOfRequests }) => shareOfRequests),
  share('wait', 'Of what others wait longer', ({ shareOfWait }) => shareOfWait),
  {
    key: 'write',
    label: 'Writes',
    numeric: true,
    cell: ({ writeBytesPerSecond }) => formatFigure(writeBytesPerSecond, 'bytes/s'),
  },
  {
    key: 'read',
    label: 'Reads',
    numeric: true,
    cell: ({ readBytesPerSecond }) => formatFigure(readBytesPerSecond, 'bytes/s'),
  },
]

function share(key: string, label: string, of: (suspect: Suspect) => number | undefined): Column<Suspect> {
  return { key, label, numeric: true, cell: (suspect) => formatFigure(of(suspect), 'fraction') }
}

const keyOf = ({ isHerd, members: [first] }: Suspect): string => (isHerd ? 'herd' : `${first?.kind} ${first?.id}`)
const nameOf = ({ members: [first] }: Suspect): string => first?.name ?? ''

function Who({ suspect: { members, isHerd, inCommon, owner, class: of, processes } }: { readonly suspect: Suspect }) {
  const notes = [of, owner === undefined ? undefined : `owner ${owner}`, ...processes].filter(
    (one) => one !== undefined,
  )
  const shared = inCommon.length === 0 ? '' : ` (${inCommon.join(', ')})`
  return (
    <>
      {isHerd && `${members.length} that began together${shared}: `}
      {members.flatMap((member, index): ComponentChildren[] => [
        index === 0 ? '' : ', ',
        <Name key={member.id} member={member} />,
      ])}
      {notes.length > 0 && <span class="muted"> {notes.join(', ')}</span>}
    </>
  )
}

function Name({ member: { kind, id, name } }: { readonly member: Member }) {
  if (kind === 'vm') return <Link href={vmPath(id)}>{name}</Link>
  return (
    <>
      <Link href={hostPath(name)}>{name}</Link> itself
    </>
  )
}

function timesWords(times: number): string {
  return `${times.toFixed(times < 10 ? 1 : 0)} times as long as usual`
}
