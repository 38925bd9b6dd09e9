import type { Evidence, Finding } from '../../model/finding.js'
import type { MdArray, StoragePool, StorageSourceName, VirtualDrive } from '../../model/snapshot.js'
import { storageSeries } from '../../model/storage-series.js'
import { counted, saidBy, storageEvidence, type HostStorage } from './host-storage.js'

/** Arrays, virtual drives and volume groups that lack devices: the next one that fails takes data with it, or has already. */
export function raidDegraded(storage: HostStorage): Finding[] {
  const { host, health } = storage
  const said = (
    source: StorageSourceName,
    part: string,
    message: string,
    evidence: readonly Evidence[] = [],
  ): Finding => saidBy(storage, source, { check: 'raid-degraded', severity: 'critical', part, message, evidence })
  return [
    ...health.mdArrays.flatMap((array) => {
      const problem = ofMdArray(array)
      if (problem === undefined) return []
      const { device, devices, inSyncDevices } = array
      const missing = devices === undefined || inSyncDevices === undefined ? undefined : devices - inSyncDevices
      const evidence = storageEvidence(storageSeries.md(host.id, device), 'missingDevices', missing, 0)
      return [said('md', device, `${device} ${problem}`, missing === undefined ? [] : [evidence])]
    }),
    ...health.raidControllers.flatMap(({ number, virtualDrives }) =>
      virtualDrives.flatMap((drive) => {
        const problem = ofVirtualDrive(drive)
        const part = `c${number} ${drive.id}`
        return problem === undefined ? [] : [said('raid-controller', part, `virtual drive ${part}${problem}`)]
      }),
    ),
    ...health.pools.flatMap((pool) => {
      const problem = ofPool(pool)
      if (problem === undefined) return []
      const series = storageSeries.pool(host.id, pool.name)
      return [said('lvm', pool.name, problem, [storageEvidence(series, 'missingDevices', pool.missingDevices, 0)])]
    }),
  ]
}

function ofMdArray({ level, state, devices, inSyncDevices, members }: MdArray): string | undefined {
  if (level === 'container') return undefined
  if (state === 'inactive') return 'is not assembled: its data cannot be reached'
  if (state === 'broken') return `(${level}) has lost a device that it cannot do without`
  if (devices === undefined || inSyncDevices === undefined || inSyncDevices >= devices) return undefined
  const faulty = members.filter((member) => member.state === 'faulty').map(({ device }) => device)
  const named = faulty.length === 0 ? '' : `; failed: ${faulty.join(', ')}`
  return `(${level}) has ${inSyncDevices} of ${counted(devices, 'device')} in sync${named}`
}

const degradedStates: ReadonlySet<string> = new Set(['degraded', 'partially-degraded', 'offline', 'failed'])

function ofVirtualDrive({ name, level, state }: VirtualDrive): string | undefined {
  if (!degradedStates.has(state)) return undefined
  return ` (${[name, level].filter((text) => text !== '').join(', ')}) is ${state.replaceAll('-', ' ')}`
}

function ofPool({ name, missingDevices = 0 }: StoragePool): string | undefined {
  return missingDevices > 0 ? `volume group ${name} lacks ${counted(missingDevices, 'physical volume')}` : undefined
}
