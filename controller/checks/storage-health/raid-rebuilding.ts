import { formatRate } from '../../../common/units.js'
import type { Evidence, Finding } from '../../model/finding.js'
import type { MdArray, StorageSourceName } from '../../model/snapshot.js'
import { storageSeries } from '../../model/storage-series.js'
import { inPercent, saidBy, storageEvidence, type HostStorage } from './host-storage.js'

/** What md does for an array to become whole. Checks and repairs are routine. */
const doing: Readonly<Record<string, string>> = {
  recover: 'is rebuilt onto a device',
  resync: 'is resynchronised',
  reshape: 'is reshaped',
}

/** Arrays and drives that are on their way to be whole. */
export function raidRebuilding(storage: HostStorage): Finding[] {
  const { host, health } = storage
  const said = (
    source: StorageSourceName,
    part: string,
    message: string,
    evidence: readonly Evidence[] = [],
  ): Finding => saidBy(storage, source, { check: 'raid-rebuilding', severity: 'warning', part, message, evidence })
  return [
    ...health.mdArrays.flatMap((array) => {
      const what = doing[array.syncAction]
      if (what === undefined) return []
      const { device, level, syncFraction } = array
      const evidence = storageEvidence(storageSeries.md(host.id, device), 'syncFraction', syncFraction)
      return [
        said(
          'md',
          device,
          `${device} (${level}) ${what}${progress(array)}`,
          syncFraction === undefined ? [] : [evidence],
        ),
      ]
    }),
    ...health.raidControllers.flatMap(({ number, physicalDrives }) =>
      physicalDrives.flatMap(({ id, state, rebuildFraction }) => {
        if (state !== 'rebuilding' && state !== 'copying-back') return []
        const part = `c${number} ${id}`
        const done = rebuildFraction === undefined ? '' : `, ${inPercent(rebuildFraction)} done`
        return [said('raid-controller', part, `drive ${part} is ${state.replaceAll('-', ' ')}${done}`)]
      }),
    ),
  ]
}

function progress({ syncPending, syncFraction, syncBytesPerSecond: speed = 0 }: MdArray): string {
  if (syncPending) return ', and waits for its turn'
  if (syncFraction === undefined) return ''
  return `, ${inPercent(syncFraction)} done${speed === 0 ? '' : ` at ${formatRate(speed)}`}`
}
