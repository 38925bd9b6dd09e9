import type { ComponentChildren } from 'preact'
import type { StorageHealthView } from '../../api/storage-health-view.js'
import {
  badCount,
  batteryOf,
  drivesOf,
  inSyncOf,
  membersOf,
  sourceNames,
  sourceState,
  stateOf,
  syncOf,
  usedOf,
  verdictOf,
  type Drive,
  type Worded,
} from '../../api/storage-health-words.js'
import type { HostView } from '../../api/views.js'
import { absent, formatFigure } from '../format/figures.js'
import { Age } from '../parts/age.js'
import { DataTable, type Column } from '../parts/data-table.js'
import { Known } from '../parts/figure.js'
import { Meter } from '../parts/meter.js'

type Source = StorageHealthView['sources'][number]
type MdArray = StorageHealthView['mdArrays'][number]
type Controller = StorageHealthView['raidControllers'][number]
type Disk = StorageHealthView['disks'][number]
type Pool = StorageHealthView['pools'][number]

/** Health of a host's own storage: a table for each kind of thing that it has, and what each source of it told when. */
export function StorageHealth({ host }: { readonly host: Pick<HostView, 'storageHealth' | 'capabilities'> }) {
  const health = host.storageHealth
  const reason = host.capabilities.find(({ name }) => name === 'storage-health')?.reason ?? ''
  return (
    <section aria-labelledby="health-title">
      <h2 id="health-title">Health of its storage</h2>
      {health === undefined ? (
        <p class="empty">Its agent tells nothing of it{reason === '' ? '.' : `: ${reason}.`}</p>
      ) : (
        <Told health={health} />
      )}
    </section>
  )
}

function Told({ health }: { readonly health: StorageHealthView }) {
  const { sources, mdArrays, raidControllers, disks, pools } = health
  const drives = raidControllers.flatMap(drivesOf)
  const failed = (name: Source['name']): Source | undefined =>
    sources.find((source) => source.name === name && source.state === 'failed')
  return (
    <div class="tables">
      {raidControllers.length + mdArrays.length + disks.length + pools.length === 0 && (
        <p class="empty">No RAID, disk or pool is told of.</p>
      )}
      <Things title="RAID arrays" rows={mdArrays} columns={mdColumns} keyOf={deviceOf} failed={failed('md')} />
      <Things
        title="RAID controllers"
        rows={raidControllers}
        columns={controllerColumns}
        keyOf={numberOf}
        failed={failed('raid-controller')}
      />
      <Things
        title="Drives of RAID controllers"
        rows={drives}
        columns={driveColumns}
        keyOf={idOf}
        failed={failed('raid-controller')}
      />
      <Things title="Health of disks" rows={disks} columns={diskColumns} keyOf={deviceOf} failed={failed('smart')} />
      <Things title="Storage pools" rows={pools} columns={poolColumns} keyOf={nameOf} failed={failed('lvm')} />
      <Things title="What is read of it" rows={sources} columns={sourceColumns} keyOf={nameOf} failed={undefined} />
    </div>
  )
}

interface ThingsProps<Row> {
  readonly title: string
  readonly rows: readonly Row[]
  readonly columns: readonly Column<Row>[]
  readonly keyOf: (row: Row) => string
  /** What tells of them, if that could not be read: then they are as they were. */
  readonly failed: Source | undefined
}

function Things<Row>({ title, rows, columns, keyOf, failed }: ThingsProps<Row>) {
  if (rows.length === 0) return null
  return (
    <div>
      <h3>{title}</h3>
      {failed !== undefined && (
        <p class="tone-warn">
          Could not be read: {failed.reason}. This is as it was{' '}
          {failed.readAt === undefined ? 'before' : <Age at={failed.readAt} />}.
        </p>
      )}
      <DataTable
        caption={title}
        columns={columns}
        rows={rows}
        keyOf={keyOf}
        nameOf={keyOf}
        isStale={failed === undefined ? never : always}
      />
    </div>
  )
}

const never = (): boolean => false
const always = (): boolean => true
const deviceOf = ({ device }: { readonly device: string }): string => device
const nameOf = ({ name }: { readonly name: string }): string => name
const idOf = ({ id }: Drive): string => id
const numberOf = ({ number }: Controller): string => `c${number}`

const tones = {
  plain: undefined,
  dim: 'muted',
  good: 'tone-good',
  warning: 'tone-warn',
  critical: 'tone-bad',
} as const satisfies Record<Worded['tone'], string | undefined>

function said({ text, tone }: Worded): ComponentChildren {
  return text === '' ? <Known text={absent} reason="not told" /> : <span class={tones[tone]}>{text}</span>
}

function plain(text: string): ComponentChildren {
  return said({ text, tone: 'plain' })
}

function count(value: number | undefined): ComponentChildren {
  return said({ text: value === undefined ? '' : String(value), tone: 'plain' })
}

function share(value: number | undefined): ComponentChildren {
  return <Known text={formatFigure(value, 'fraction')} reason="not told" />
}

const mdColumns: readonly Column<MdArray>[] = [
  { key: 'device', label: 'Array', sortBy: deviceOf, cell: ({ device }) => <strong>{device}</strong> },
  { key: 'level', label: 'Level', cell: ({ level }) => plain(level) },
  { key: 'state', label: 'State', cell: ({ state }) => plain(state) },
  { key: 'inSync', label: 'In sync', cell: (array) => said(inSyncOf(array)) },
  { key: 'sync', label: 'Synchronising', cell: (array) => syncOf(array) || 'no' },
  { key: 'size', label: 'Size', numeric: true, cell: ({ sizeBytes }) => plain(sizeOf(sizeBytes)) },
  { key: 'members', label: 'Members', cell: (array) => <span class="path">{membersOf(array)}</span> },
]

function sizeOf(bytes: number | undefined): string {
  return bytes === undefined ? '' : formatFigure(bytes, 'bytes')
}

const controllerColumns: readonly Column<Controller>[] = [
  { key: 'number', label: 'Controller', cell: ({ number }) => <strong>c{number}</strong> },
  { key: 'status', label: 'Status', cell: ({ status }) => said(stateOf(status)) },
  {
    key: 'battery',
    label: 'Battery',
    cell: (controller) => (controller.batteryKind === '' ? 'none' : said(batteryOf(controller))),
  },
  { key: 'model', label: 'Model', cell: ({ model }) => plain(model) },
  { key: 'serial', label: 'Serial', cell: ({ serial }) => plain(serial) },
]

const driveColumns: readonly Column<Drive>[] = [
  { key: 'id', label: 'Drive', sortBy: idOf, cell: ({ id }) => <strong>{id}</strong> },
  { key: 'kind', label: 'Kind', sortBy: ({ kind }) => kind, cell: ({ kind }) => kind },
  { key: 'state', label: 'State', sortBy: ({ state }) => state.text, cell: ({ state }) => said(state) },
  { key: 'more', label: 'More', cell: ({ more }) => plain(more) },
]

const diskColumns: readonly Column<Disk>[] = [
  {
    key: 'device',
    label: 'Disk',
    sortBy: deviceOf,
    cell: ({ device, model }) => (
      <>
        <strong>{device}</strong> <span class="muted">{model}</span>
      </>
    ),
  },
  {
    key: 'says',
    label: 'Says',
    sortBy: (disk) => verdictOf(disk).text,
    cell: (disk) => (
      <>
        {said(verdictOf(disk))}
        {disk.problem !== '' && <span class="muted"> {disk.problem}; figures from before</span>}
      </>
    ),
  },
  counted('pendingSectors', 'Pending'),
  counted('uncorrectableSectors', 'Uncorrectable'),
  {
    key: 'reallocatedSectors',
    label: 'Reallocated',
    numeric: true,
    sortBy: ({ reallocatedSectors }) => reallocatedSectors,
    cell: ({ reallocatedSectors }) => count(reallocatedSectors),
  },
  counted('mediaErrors', 'Media errors'),
  {
    key: 'used',
    label: 'Life used',
    numeric: true,
    sortBy: ({ usedFraction }) => usedFraction,
    cell: ({ usedFraction }) => share(usedFraction),
  },
  { key: 'spare', label: 'Spare', numeric: true, cell: ({ spareFraction }) => share(spareFraction) },
  {
    key: 'temperature',
    label: 'Temperature',
    numeric: true,
    sortBy: ({ temperatureCelsius }) => temperatureCelsius,
    cell: ({ temperatureCelsius: celsius }) => plain(celsius === undefined ? '' : `${celsius.toFixed(0)} °C`),
  },
]

function counted(key: 'pendingSectors' | 'uncorrectableSectors' | 'mediaErrors', label: string): Column<Disk> {
  return { key, label, numeric: true, sortBy: (disk) => disk[key], cell: (disk) => said(badCount(disk[key])) }
}

const poolColumns: readonly Column<Pool>[] = [
  { key: 'name', label: 'Pool', sortBy: nameOf, cell: ({ name }) => <strong class="path">{name}</strong> },
  { key: 'kind', label: 'Kind', cell: ({ kind }) => kind },
  { key: 'size', label: 'Size', numeric: true, cell: ({ sizeBytes }) => plain(sizeOf(sizeBytes)) },
  {
    key: 'used',
    label: 'Used',
    sortBy: usedOf,
    cell: (pool) => (
      <Meter label={`used of ${pool.name}`} share={usedOf(pool)} text={formatFigure(usedOf(pool), 'fraction')} />
    ),
  },
  { key: 'metadata', label: 'Metadata used', numeric: true, cell: ({ metadataFraction }) => share(metadataFraction) },
  {
    key: 'missing',
    label: 'Missing devices',
    numeric: true,
    cell: ({ missingDevices }) => said(badCount(missingDevices)),
  },
]

const sourceColumns: readonly Column<Source>[] = [
  { key: 'name', label: 'What', cell: ({ name }) => <strong>{sourceNames[name]}</strong> },
  { key: 'state', label: 'State', cell: (source) => said(sourceState(source)) },
  { key: 'read', label: 'Read', cell: ({ readAt }) => (readAt === undefined ? 'never' : <Age at={readAt} />) },
  { key: 'why', label: 'Why', cell: ({ reason }) => reason },
]
