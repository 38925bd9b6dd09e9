import { useState } from 'preact/hooks'
import type { CommandView } from '../../api/views.js'
import { Age } from '../parts/age.js'
import { DataTable } from '../parts/data-table.js'
import type { Column } from '../parts/data-table.js'
import { Skeleton } from '../parts/skeleton.js'
import { Link } from '../routing/link.js'
import { auditPath, commandPath, fleetPath, vmPath } from '../routing/routes.js'
import { PageTitle } from '../shell/page-title.js'
import { usePage } from '../state/page-context.js'
import { CommandProgress, CommandStateChip } from './command-state.js'
import { argsWords, mayAs } from './command-words.js'
import { useAsked } from './use-asked.js'

const lookEveryMs = 2000

const columns: readonly Column<CommandView>[] = [
  {
    key: 'number',
    label: 'Command',
    sortBy: ({ number }) => number,
    cell: ({ number, verb, args, dryRun }) => (
      <>
        <Link href={commandPath(number)}>#{number}</Link> {verb} <span class="muted">{argsWords(args)}</span>
        {dryRun && <span class="tag">dry run</span>}
      </>
    ),
  },
  {
    key: 'vm',
    label: 'VM',
    sortBy: ({ vm }) => vm,
    cell: ({ vm, vmUuid }) => <Link href={vmPath(vmUuid)}>{vm}</Link>,
  },
  { key: 'host', label: 'Host', sortBy: ({ host }) => host, cell: ({ host }) => host },
  { key: 'actor', label: 'Asked by', sortBy: ({ actor }) => actor, cell: ({ actor }) => actor },
  {
    key: 'created',
    label: 'When',
    sortBy: ({ createdAt }) => createdAt,
    cell: ({ createdAt }) => <Age at={createdAt} />,
  },
  {
    key: 'state',
    label: 'State',
    sortBy: ({ state }) => state,
    cell: (command) => (
      <>
        <CommandStateChip state={command.state} /> <CommandProgress command={command} />
        {command.reason !== '' && <span class="muted"> {command.reason}</span>}
      </>
    ),
  },
]
const keyOf = ({ id }: CommandView): string => id
const nameOf = ({ vm }: CommandView): string => vm
const newestFirst = { column: 'number', descending: true }

/** What was asked of hypervisors, and what became of it. */
export function CommandsPage() {
  const [onlyOpen, setOnlyOpen] = useState(false)
  const role = usePage((state) => state.me?.role)
  const { value, problem } = useAsked<{ readonly commands: readonly CommandView[] }>(
    `/commands?limit=500&state=${onlyOpen ? 'open' : 'any'}`,
    lookEveryMs,
  )
  return (
    <>
      <nav class="crumbs" aria-label="Where this is">
        <Link href={fleetPath}>Fleet</Link>
      </nav>
      <header class="page-head">
        <PageTitle text="Commands" />
        <p class="state-line">
          <label>
            <input type="checkbox" checked={onlyOpen} onChange={(event) => setOnlyOpen(event.currentTarget.checked)} />{' '}
            only those that have not ended
          </label>
          {mayAs(role, 'operator') && <Link href={auditPath}>Audit log</Link>}
        </p>
      </header>
      {problem !== '' && (
        <p role="alert" class="tone-bad">
          Commands could not be read: {problem}.
        </p>
      )}
      {value === undefined && problem === '' && <Skeleton />}
      {value?.commands.length === 0 && (
        <p class="empty">
          {onlyOpen
            ? 'Nothing is under way.'
            : 'Nothing was asked yet. What can be done with a VM stands on its own page.'}
        </p>
      )}
      {value !== undefined && value.commands.length > 0 && (
        <div class={problem === '' ? undefined : 'stale'}>
          <DataTable
            caption="Commands"
            columns={columns}
            rows={value.commands}
            keyOf={keyOf}
            nameOf={nameOf}
            initialSort={newestFirst}
          />
        </div>
      )}
    </>
  )
}
