import type { Finding, Severity } from '../../model/finding.js'
import type { DiskHealth, PhysicalDrive } from '../../model/snapshot.js'
import { storageSeries } from '../../model/storage-series.js'
import { counted, inPercent, saidBy, storageEvidence, type HostStorage } from './host-storage.js'

type Limits = HostStorage['thresholds']['disk-failing']

/** Of the disk's series, where it has one. */
interface Figure {
  readonly field: string
  readonly value: number | undefined
  readonly limit: number
}

interface Sign {
  readonly severity: Severity
  readonly text: string
  readonly figure?: Figure
}

/** Disks that say that they fail, or show signs of it: one finding for each disk. */
export function diskFailing(storage: HostStorage): Finding[] {
  const { health, thresholds } = storage
  const limits = thresholds['disk-failing']
  return [
    ...health.disks.flatMap((disk) => {
      const { device, model, serial } = disk
      const name = `${device} (${[model, serial].filter((text) => text !== '').join(', ')})`
      const series = storageSeries.disk(storage.host.id, device)
      return said(storage, 'smart', { part: device, name, series }, signsOfDisk(disk, limits))
    }),
    ...health.raidControllers.flatMap(({ number, physicalDrives }) =>
      physicalDrives.flatMap((drive) => {
        const part = `c${number} ${drive.id}`
        return said(storage, 'raid-controller', { part, name: `${part} (${drive.model})` }, signsOfDrive(drive, limits))
      }),
    ),
  ]
}

function said(
  storage: HostStorage,
  source: 'smart' | 'raid-controller',
  { part, name, series }: { readonly part: string; readonly name: string; readonly series?: string },
  signs: readonly Sign[],
): Finding[] {
  if (signs.length === 0) return []
  const figures = new Map(
    signs.flatMap(({ figure }) => (figure === undefined ? [] : [[figure.field, figure] as const])),
  )
  return [
    saidBy(storage, source, {
      check: 'disk-failing',
      severity: signs.some(({ severity }) => severity === 'critical') ? 'critical' : 'warning',
      part,
      message: `disk ${name}: ${signs.map(({ text }) => text).join(', ')}`,
      evidence:
        series === undefined
          ? []
          : [...figures.values()].map(({ field, value, limit }) => storageEvidence(series, field, value, limit)),
    }),
  ]
}

function signsOfDisk(disk: DiskHealth, limits: Limits): Sign[] {
  const { pendingSectors, uncorrectableSectors } = disk
  const badSectors = (pendingSectors ?? 0) + (uncorrectableSectors ?? 0)
  const above = (value: number | undefined, limit: number, what: string, figure?: Figure): Sign[] =>
    value !== undefined && value > limit
      ? [{ severity: 'warning', text: counted(value, what), ...(figure === undefined ? {} : { figure }) }]
      : []
  const sectors = (limit: number): Figure => ({ field: 'badSectors', value: badSectors, limit })
  const mediaErrors = { field: 'mediaErrors', value: disk.mediaErrors, limit: limits.mediaErrorsAbove }
  // One that was never read may not be made to be.
  const isLost = disk.problem !== '' && disk.serial !== ''
  return [
    ...(isLost ? [{ severity: 'warning', text: `it cannot be read any more (${disk.problem})` } as const] : []),
    ...(disk.passed === false ? [{ severity: 'critical', text: 'it says itself that it is failing' } as const] : []),
    ...warningSigns(disk.criticalWarning ?? 0),
    ...above(pendingSectors, limits.pendingAbove, 'unreadable sector', sectors(limits.pendingAbove)),
    ...above(
      uncorrectableSectors,
      limits.uncorrectableAbove,
      'uncorrectable sector',
      sectors(limits.uncorrectableAbove),
    ),
    ...above(disk.reallocatedSectors, limits.reallocatedAbove, 'reallocated sector'),
    ...above(disk.mediaErrors, limits.mediaErrorsAbove, 'media error', mediaErrors),
    ...wearSigns(disk, limits),
  ]
}

function wearSigns({ usedFraction, spareFraction, spareThresholdFraction }: DiskHealth, limits: Limits): Sign[] {
  const signs: Sign[] = []
  if (usedFraction !== undefined && usedFraction >= limits.usedAbove) {
    const figure = { field: 'wearFraction', value: usedFraction, limit: limits.usedAbove }
    signs.push({ severity: 'warning', text: `${inPercent(usedFraction)} of its rated life is used`, figure })
  }
  if (spareFraction !== undefined && spareFraction < limits.spareBelow) {
    const isLast = spareThresholdFraction !== undefined && spareFraction < spareThresholdFraction
    signs.push({
      severity: isLast ? 'critical' : 'warning',
      text: `${inPercent(spareFraction)} of its spare blocks are left`,
    })
  }
  return signs
}

/** Bits of the critical warning: NVM Express base specification, SMART / health information log page. */
const warnings: readonly (readonly [bit: number, sign: Sign])[] = [
  [0x01, { severity: 'critical', text: 'spare blocks are below its threshold' }],
  [0x02, { severity: 'warning', text: 'its temperature is out of bounds' }],
  [0x04, { severity: 'critical', text: 'it is no longer reliable' }],
  [0x08, { severity: 'critical', text: 'it has become read-only' }],
  [0x10, { severity: 'critical', text: 'the backup of its volatile memory has failed' }],
]

function warningSigns(bits: number): Sign[] {
  return warnings.flatMap(([bit, sign]) => ((bits & bit) === 0 ? [] : [sign]))
}

function signsOfDrive({ mediaErrors, predictedFailures, smartAlert }: PhysicalDrive, limits: Limits): Sign[] {
  return [
    ...(smartAlert === true ? [{ severity: 'critical', text: 'it says itself that it is failing' } as const] : []),
    ...(predictedFailures !== undefined && predictedFailures > 0
      ? [{ severity: 'critical', text: counted(predictedFailures, 'predicted failure') } as const]
      : []),
    ...(mediaErrors !== undefined && mediaErrors > limits.mediaErrorsAbove
      ? [{ severity: 'warning', text: counted(mediaErrors, 'media error') } as const]
      : []),
  ]
}
