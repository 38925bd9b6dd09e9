import { formatBytes } from '../../../common/units.js'
import type { StorageHealthView } from '../../api/storage-health-view.js'
import {
  badCount,
  batteryOf,
  drivesOf,
  inSyncOf,
  membersOf,
  sourceState,
  stateOf,
  syncOf,
  usedOf,
  verdictOf,
  type Drive,
  type Worded,
} from '../../api/storage-health-words.js'
import { absentMark, age, figure, percent } from './figures.js'
import { type Look, type Span, span } from './look.js'
import { section } from './section.js'
import type { Column } from './table.js'

type MdArray = StorageHealthView['mdArrays'][number]
type Controller = StorageHealthView['raidControllers'][number]
type Disk = StorageHealthView['disks'][number]
type Pool = StorageHealthView['pools'][number]

/** Health of a host's own storage: a table for each kind of thing that it has; and of the sources, where one of them could not be read. */
export function storageHealthSections(health: StorageHealthView | undefined, look: Look): string[] {
  if (health === undefined) return []
  return [
    ...section('RAID arrays', health.mdArrays, mdColumns, look),
    ...section('RAID controllers', health.raidControllers, controllerColumns, look),
    ...section('Drives of RAID controllers', health.raidControllers.flatMap(drivesOf), driveColumns, look),
    ...section('Health of disks', health.disks, diskColumns, look),
    ...section(
      'Disks that could not be read',
      health.disks.filter(({ problem }) => problem !== ''),
      unreadColumns,
      look,
    ),
    ...section('Storage pools', health.pools, poolColumns, look),
    ...section(
      'Health of storage: not read',
      health.sources.filter(({ state }) => state !== 'read'),
      sourceColumns(look),
      look,
    ),
  ]
}

const mdColumns: readonly Column<MdArray>[] = [
  { head: 'ARRAY', drop: 0, shrinkTo: 8, cell: ({ device }) => device },
  { head: 'LEVEL', drop: 0, cell: ({ level }) => text(level) },
  { head: 'STATE', drop: 1, cell: ({ state }) => state },
  { head: 'IN SYNC', drop: 0, cell: (array) => worded(inSyncOf(array)) },
  { head: 'SYNC', drop: 0, cell: (array) => text(syncOf(array)) },
  { head: 'SIZE', align: 'right', drop: 2, cell: ({ sizeBytes }) => figure(sizeBytes, formatBytes) },
  {
    head: 'MEMBERS',
    drop: 3,
    shrinkTo: 16,
    cell: (array) => membersOf(array),
  },
]

const controllerColumns: readonly Column<Controller>[] = [
  { head: 'CONTROLLER', drop: 0, cell: ({ number }) => `c${number}` },
  { head: 'STATUS', drop: 0, cell: ({ status }) => worded(stateOf(status)) },
  { head: 'BATTERY', drop: 0, cell: (controller) => worded(batteryOf(controller)) },
  { head: 'MODEL', drop: 1, shrinkTo: 12, cell: ({ model }) => text(model) },
  { head: 'SERIAL', drop: 2, cell: ({ serial }) => text(serial) },
]

const driveColumns: readonly Column<Drive>[] = [
  { head: 'DRIVE', drop: 0, cell: ({ id }) => id },
  { head: 'KIND', drop: 1, cell: ({ kind }) => kind },
  { head: 'STATE', drop: 0, cell: ({ state }) => worded(state) },
  { head: 'MORE', drop: 0, shrinkTo: 16, cell: ({ more }) => text(more) },
]

const diskColumns: readonly Column<Disk>[] = [
  { head: 'DISK', drop: 0, shrinkTo: 8, cell: ({ device }) => device },
  { head: 'SAYS', drop: 0, cell: (disk) => worded(verdictOf(disk)) },
  { head: 'PENDING', align: 'right', drop: 0, cell: ({ pendingSectors }) => worded(badCount(pendingSectors)) },
  {
    head: 'UNCORR',
    align: 'right',
    drop: 1,
    cell: ({ uncorrectableSectors }) => worded(badCount(uncorrectableSectors)),
  },
  { head: 'REALLOC', align: 'right', drop: 2, cell: ({ reallocatedSectors }) => figure(reallocatedSectors, String) },
  { head: 'MEDIA ERR', align: 'right', drop: 2, cell: ({ mediaErrors }) => worded(badCount(mediaErrors)) },
  { head: 'USED', align: 'right', drop: 1, cell: ({ usedFraction }) => percent(usedFraction) },
  { head: 'SPARE', align: 'right', drop: 3, cell: ({ spareFraction }) => percent(spareFraction) },
  {
    head: 'TEMP',
    align: 'right',
    drop: 1,
    cell: ({ temperatureCelsius }) => figure(temperatureCelsius, (c) => `${c.toFixed(0)} °C`),
  },
  { head: 'MODEL', drop: 3, shrinkTo: 12, cell: ({ model }) => text(model) },
]

const unreadColumns: readonly Column<Disk>[] = [
  { head: 'DISK', drop: 0, shrinkTo: 8, cell: ({ device }) => device },
  { head: 'WHY', drop: 0, shrinkTo: 20, wrap: true, cell: ({ problem }) => problem },
]

const poolColumns: readonly Column<Pool>[] = [
  { head: 'POOL', drop: 0, shrinkTo: 12, cell: ({ name }) => name },
  { head: 'KIND', drop: 1, cell: ({ kind }) => kind },
  { head: 'SIZE', align: 'right', drop: 1, cell: ({ sizeBytes }) => figure(sizeBytes, formatBytes) },
  {
    head: 'USED',
    align: 'right',
    drop: 0,
    cell: (pool) => percent(usedOf(pool)),
  },
  { head: 'METADATA', align: 'right', drop: 0, cell: ({ metadataFraction }) => percent(metadataFraction) },
  { head: 'MISSING', align: 'right', drop: 2, cell: ({ missingDevices }) => worded(badCount(missingDevices)) },
]

function sourceColumns({ now }: Look): readonly Column<StorageHealthView['sources'][number]>[] {
  return [
    { head: 'WHAT', drop: 0, cell: ({ name }) => name },
    { head: 'STATE', drop: 0, cell: (source) => worded(sourceState(source)) },
    { head: 'READ', align: 'right', drop: 1, cell: ({ readAt }) => figure(readAt, (at) => `${age(at, now)} ago`) },
    { head: 'WHY', drop: 0, shrinkTo: 20, wrap: true, cell: ({ reason }) => reason },
  ]
}

function worded({ text: words, tone }: Worded): Span {
  return span(text(words), tone)
}

function text(value: string): string {
  return value === '' ? absentMark : value
}
