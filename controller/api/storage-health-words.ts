import { formatRate } from '../../common/units.js'
import type { StorageHealthView } from './storage-health-view.js'

/** What command line and page say alike of a host's own storage. An empty text: it is not known, or there is none. */

export interface Worded {
  readonly text: string
  readonly tone: 'plain' | 'dim' | 'good' | 'warning' | 'critical'
}

type MdArray = StorageHealthView['mdArrays'][number]
type Controller = StorageHealthView['raidControllers'][number]
type Disk = StorageHealthView['disks'][number]
type Pool = StorageHealthView['pools'][number]
type Source = StorageHealthView['sources'][number]

/** A drive of a RAID controller, virtual or physical. */
export interface Drive {
  /** With its controller: `c0 32:1`. */
  readonly id: string
  readonly kind: string
  readonly state: Worded
  readonly more: string
}

/** What a source reads, for people. */
export const sourceNames = {
  md: 'software RAID (md)',
  'raid-controller': 'RAID controllers (storcli)',
  smart: 'disks (SMART)',
  lvm: 'pools (LVM)',
} as const satisfies Record<Source['name'], string>

export function sourceState({ state }: Pick<Source, 'state'>): Worded {
  switch (state) {
    case 'read':
      return { text: 'read', tone: 'good' }
    case 'failed':
      return { text: 'failed', tone: 'warning' }
    case 'not-here':
      return { text: 'not here', tone: 'dim' }
  }
}

/** `1 of 2`. */
export function inSyncOf({ devices, inSyncDevices }: Pick<MdArray, 'devices' | 'inSyncDevices'>): Worded {
  if (devices === undefined || inSyncDevices === undefined) return { text: '', tone: 'plain' }
  return { text: `${inSyncDevices} of ${devices}`, tone: inSyncDevices < devices ? 'critical' : 'plain' }
}

/** `recover 12%, 34 MB/s`; empty if nothing is synchronised. */
export function syncOf({ syncAction, syncFraction, syncBytesPerSecond, syncPending }: MdArray): string {
  if (syncAction === '') return ''
  if (syncPending) return `${syncAction}, waiting`
  const done = syncFraction === undefined ? '' : ` ${percentDone(syncFraction)}`
  return `${syncAction}${done}${syncBytesPerSecond === undefined ? '' : `, ${formatRate(syncBytesPerSecond)}`}`
}

/** Members by name, with the state of those that are not active. */
export function membersOf({ members }: Pick<MdArray, 'members'>): string {
  return members.map(({ device, state }) => (state === 'active' ? device : `${device} (${state})`)).join(', ')
}

/** `bbu: optimal`; empty without a battery. */
export function batteryOf({ batteryKind, batteryState }: Pick<Controller, 'batteryKind' | 'batteryState'>): Worded {
  return batteryKind === '' ? { text: '', tone: 'plain' } : stateOf(batteryState, `${batteryKind}: ${batteryState}`)
}

/** Virtual ones first. */
export function drivesOf({ number, virtualDrives, physicalDrives }: Controller): Drive[] {
  return [
    ...virtualDrives.map(({ id, level, name, state, writeCache, writeCacheConfigured }) => ({
      id: `c${number} ${id}`,
      kind: level === '' ? 'virtual' : level,
      state: stateOf(state),
      more: list([
        name,
        writeCache === '' ? '' : `cache ${writeCache}`,
        writeCacheConfigured === '' || writeCacheConfigured === writeCache ? '' : `configured ${writeCacheConfigured}`,
      ]),
    })),
    ...physicalDrives.map(({ id, model, state, rebuildFraction, mediaErrors, predictedFailures, smartAlert }) => ({
      id: `c${number} ${id}`,
      kind: 'drive',
      state: stateOf(state, rebuildFraction === undefined ? state : `${state} ${percentDone(rebuildFraction)}`),
      more: list([
        model,
        (mediaErrors ?? 0) > 0 ? `${mediaErrors} media errors` : '',
        (predictedFailures ?? 0) > 0 ? `${predictedFailures} predicted failures` : '',
        smartAlert === true ? 'SMART alert' : '',
      ]),
    })),
  ]
}

/** What a disk says of itself. */
export function verdictOf({ passed, asleep, problem }: Pick<Disk, 'passed' | 'asleep' | 'problem'>): Worded {
  // A disk that said before that it fails still does when it is not read.
  if (passed === false) return { text: 'failing', tone: 'critical' }
  if (problem !== '') return { text: 'not read', tone: 'warning' }
  if (asleep) return { text: 'asleep', tone: 'dim' }
  return passed === undefined ? { text: '', tone: 'plain' } : { text: 'passed', tone: 'good' }
}

/** A count that should be 0. */
export function badCount(count: number | undefined): Worded {
  return count === undefined
    ? { text: '', tone: 'plain' }
    : { text: String(count), tone: count > 0 ? 'warning' : 'plain' }
}

/** 0 to 1, of a pool's data; undefined where it is not known. */
export function usedOf({ sizeBytes, freeBytes, dataFraction }: Pool): number | undefined {
  if (dataFraction !== undefined) return dataFraction
  return sizeBytes === undefined || sizeBytes === 0 || freeBytes === undefined ? undefined : 1 - freeBytes / sizeBytes
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

/** How a controller, a battery or a drive is. */
export function stateOf(state: string, shown = state): Worded {
  return { text: shown, tone: bad.has(state) ? 'critical' : good.has(state) ? 'good' : 'plain' }
}

/** `12%`; never 100% before it is whole. */
function percentDone(fraction: number): string {
  return `${Math.floor(fraction * 100)}%`
}

function list(parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join(', ')
}
