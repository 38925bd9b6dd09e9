import { formatBytes } from '../../../common/units.js'
import type { StorageHealthView } from '../../api/storage-health-view.js'
import { absentMark, age, figure, percent, rate } from './figures.js'
import { type Look, type Span, span, type Tone } from './look.js'
import { section } from './section.js'
import type { Column } from './table.js'

type MdArray = StorageHealthView['mdArrays'][number]
type Controller = StorageHealthView['raidControllers'][number]
type Drive = { readonly id: string; readonly kind: string; readonly state: string; readonly more: string }
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
  { head: 'IN SYNC', drop: 0, cell: inSync },
  { head: 'SYNC', drop: 0, cell: syncText },
  { head: 'SIZE', align: 'right', drop: 2, cell: ({ sizeBytes }) => figure(sizeBytes, formatBytes) },
  {
    head: 'MEMBERS',
    drop: 3,
    shrinkTo: 16,
    cell: ({ members }) =>
      members.map(({ device, state }) => (state === 'active' ? device : `${device} (${state})`)).join(', '),
  },
]

function inSync({ devices, inSyncDevices }: MdArray): Span {
  if (devices === undefined || inSyncDevices === undefined) return span(absentMark)
  return span(`${inSyncDevices} of ${devices}`, inSyncDevices < devices ? 'critical' : 'plain')
}

function syncText({ syncAction, syncFraction, syncBytesPerSecond, syncPending }: MdArray): string {
  if (syncAction === '') return absentMark
  if (syncPending) return `${syncAction}, waiting`
  const done = syncFraction === undefined ? '' : ` ${percent(syncFraction)}`
  return `${syncAction}${done}${syncBytesPerSecond === undefined ? '' : `, ${rate(syncBytesPerSecond)}`}`
}

const controllerColumns: readonly Column<Controller>[] = [
  { head: 'CONTROLLER', drop: 0, cell: ({ number }) => `c${number}` },
  { head: 'STATUS', drop: 0, cell: ({ status }) => stateSpan(status) },
  {
    head: 'BATTERY',
    drop: 0,
    cell: ({ batteryKind, batteryState }) =>
      batteryKind === '' ? absentMark : stateSpan(batteryState, `${batteryKind}: ${batteryState}`),
  },
  { head: 'MODEL', drop: 1, shrinkTo: 12, cell: ({ model }) => text(model) },
  { head: 'SERIAL', drop: 2, cell: ({ serial }) => text(serial) },
]

function drivesOf({ number, virtualDrives, physicalDrives }: Controller): Drive[] {
  return [
    ...virtualDrives.map(({ id, level, name, state, writeCache, writeCacheConfigured }) => ({
      id: `c${number} ${id}`,
      kind: level === '' ? 'virtual' : level,
      state,
      more: [
        name,
        writeCache === '' ? '' : `cache ${writeCache}`,
        writeCacheConfigured === '' || writeCacheConfigured === writeCache ? '' : `configured ${writeCacheConfigured}`,
      ]
        .filter((part) => part !== '')
        .join(', '),
    })),
    ...physicalDrives.map(({ id, model, state, rebuildFraction, mediaErrors, smartAlert }) => ({
      id: `c${number} ${id}`,
      kind: 'drive',
      state: rebuildFraction === undefined ? state : `${state} ${percent(rebuildFraction)}`,
      more: [
        model,
        (mediaErrors ?? 0) > 0 ? `${mediaErrors} media errors` : '',
        smartAlert === true ? 'SMART alert' : '',
      ]
        .filter((part) => part !== '')
        .join(', '),
    })),
  ]
}

const driveColumns: readonly Column<Drive>[] = [
  { head: 'DRIVE', drop: 0, cell: ({ id }) => id },
  { head: 'KIND', drop: 1, cell: ({ kind }) => kind },
  { head: 'STATE', drop: 0, cell: ({ state }) => stateSpan(state) },
  { head: 'MORE', drop: 0, shrinkTo: 16, cell: ({ more }) => text(more) },
]

const diskColumns: readonly Column<Disk>[] = [
  { head: 'DISK', drop: 0, shrinkTo: 8, cell: ({ device }) => device },
  {
    head: 'SAYS',
    drop: 0,
    cell: ({ passed, asleep, problem }) => {
      if (problem !== '') return span('not read', 'warning')
      if (asleep) return span('asleep', 'dim')
      return passed === undefined ? span(absentMark) : passed ? span('passed', 'good') : span('failing', 'critical')
    },
  },
  { head: 'PENDING', align: 'right', drop: 0, cell: ({ pendingSectors }) => badCount(pendingSectors) },
  { head: 'UNCORR', align: 'right', drop: 1, cell: ({ uncorrectableSectors }) => badCount(uncorrectableSectors) },
  { head: 'REALLOC', align: 'right', drop: 2, cell: ({ reallocatedSectors }) => figure(reallocatedSectors, String) },
  { head: 'MEDIA ERR', align: 'right', drop: 2, cell: ({ mediaErrors }) => badCount(mediaErrors) },
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
    cell: ({ sizeBytes, freeBytes, dataFraction }) =>
      percent(dataFraction ?? (sizeBytes && freeBytes !== undefined ? 1 - freeBytes / sizeBytes : undefined)),
  },
  { head: 'METADATA', align: 'right', drop: 0, cell: ({ metadataFraction }) => percent(metadataFraction) },
  { head: 'MISSING', align: 'right', drop: 2, cell: ({ missingDevices }) => badCount(missingDevices) },
]

function sourceColumns({ now }: Look): readonly Column<StorageHealthView['sources'][number]>[] {
  return [
    { head: 'WHAT', drop: 0, cell: ({ name }) => name },
    {
      head: 'STATE',
      drop: 0,
      cell: ({ state }) => (state === 'failed' ? span('failed', 'warning') : span('not here', 'dim')),
    },
    { head: 'READ', align: 'right', drop: 1, cell: ({ readAt }) => figure(readAt, (at) => `${age(at, now)} ago`) },
    { head: 'WHY', drop: 0, shrinkTo: 20, wrap: true, cell: ({ reason }) => reason },
  ]
}

const bad: ReadonlySet<string> = new Set([
  'degraded',
  'partially-degraded',
  'offline',
  'failed',
  'missing',
  'unconfigured-bad',
])
const good: ReadonlySet<string> = new Set(['optimal', 'online'])

function stateSpan(state: string, shown = state): Span {
  const tone: Tone = bad.has(state) ? 'critical' : good.has(state) ? 'good' : 'plain'
  return span(text(shown), tone)
}

/** A count that should be 0. */
function badCount(count: number | undefined): Span {
  return span(figure(count, String), (count ?? 0) > 0 ? 'warning' : 'plain')
}

function text(value: string): string {
  return value === '' ? absentMark : value
}
