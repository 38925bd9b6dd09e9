import { useContext, useEffect, useState } from 'preact/hooks'
import { formatDuration } from '../../../common/units.js'
import type { SilenceView } from '../../api/views.js'
import { DataTable, type Column } from '../parts/data-table.js'
import { PageContext, useControllerTime } from '../state/page-context.js'

interface Row extends SilenceView {
  readonly endsInMs: number
}

const columns: readonly Column<Row>[] = [
  {
    key: 'what',
    label: 'Nobody is told of',
    cell: ({ check, subject }) => (
      <strong>
        {check ?? 'everything'}
        {subject !== undefined && ` of ${subject}`}
      </strong>
    ),
  },
  {
    key: 'ends',
    label: 'For',
    sortBy: ({ endsInMs }) => endsInMs,
    cell: ({ endsInMs }) => formatDuration(Math.max(0, endsInMs)),
  },
  { key: 'by', label: 'By', sortBy: ({ author }) => author, cell: ({ author }) => author },
  { key: 'reason', label: 'Why', cell: ({ reason }) => reason },
]
const idOf = ({ id }: SilenceView): string => id
const firstToEnd = { column: 'ends', descending: false }

/** Silences in force, those of the policy too; nothing where there are none. `state`: they are fetched again when it changes. */
export function SilenceList({ state }: { readonly state: string }) {
  const now = useControllerTime(60_000)
  const silences = useSilences(`${state} ${Math.floor(now / 60_000)}`)
  if (typeof silences === 'string') return <p class="empty">{silences}</p>
  const rows = silences.filter(({ until }) => until > now).map((one): Row => ({ ...one, endsInMs: one.until - now }))
  if (rows.length === 0) return null
  return (
    <section class="alerts" aria-labelledby="silences-title">
      <h2 id="silences-title">Silences in force</h2>
      <DataTable
        caption="Silences in force"
        columns={columns}
        rows={rows}
        keyOf={idOf}
        nameOf={idOf}
        initialSort={firstToEnd}
      />
    </section>
  )
}

function useSilences(state: string): readonly SilenceView[] | string {
  const { client } = useContext(PageContext)
  const [silences, setSilences] = useState<readonly SilenceView[] | string>([])
  useEffect(() => {
    let wanted = true
    void client.silences().then((answer) => {
      if (!wanted || answer.status === 'signed-out') return
      setSilences(answer.status === 'ok' ? answer.value : `What is silenced is not known: ${answer.message}.`)
    })
    return () => {
      wanted = false
    }
  }, [client, state])
  return silences
}
