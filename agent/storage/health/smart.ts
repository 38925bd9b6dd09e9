import type { MachineFiles } from '../../host/machine-files.js'
import { readLocalDisks } from '../../host/local-disks.js'
import type { DiskHealthRaw } from './health-raw.js'
import type { HealthTool } from './health-tool.js'
import { at, boolOf, countOf, known, listOf, parseJson, realOf, textOf, type Json } from './json-text.js'
import { NotHere, type HealthCollector } from './storage-health.js'

const mostDisks = 256
/** smartctl's own statuses are bits: all of them but 1 and 4 at once say nothing that it could mean. */
const asleepStatus = 250
/** Bits of the exit status (smartctl(8)): the command line was bad; the device could not be opened. */
const badCommand = 1
const notOpened = 2

export interface SmartDevice {
  /** `/dev/sda`. */
  readonly name: string
  /** What `-d` wants: `sat`, `megaraid,8`. */
  readonly type: string
  /** Why it cannot be opened. */
  readonly problem?: string
}

/**
 * What disks say of themselves, by smartctl(8) of version 7 or newer. A disk that sleeps is not woken; one that does not answer costs its own
 * figures. Disks that other machines serve are left out: their own machine knows.
 */
export function smartCollector(tool: HealthTool, files: MachineFiles, sysRoot: string): HealthCollector {
  const lastRead = new Map<string, DiskHealthRaw>()

  async function read(device: SmartDevice, signal: AbortSignal): Promise<DiskHealthRaw> {
    const key = keyOf(device)
    const before = lastRead.get(key) ?? { device: key, model: '', serial: '', asleep: false }
    if (device.problem !== undefined) return { ...before, problem: device.problem }
    try {
      const sleeps = ['-n', `standby,${asleepStatus}`]
      const answer = await tool.answer(['--json', '--all', ...sleeps, '-d', device.type, device.name], signal)
      const found = readDisk(device, answer)
      if (found === 'asleep') return { ...before, asleep: true }
      lastRead.set(key, found)
      return found
    } catch (error) {
      if (signal.aborted || error instanceof NotHere) throw error
      return { ...before, problem: error instanceof Error ? error.message : String(error) }
    }
  }

  return {
    name: 'smart',
    unavailable: () => tool.unavailable(),
    async collect(signal) {
      const devices = parseScan(await tool.text(['--json', '--scan-open'], signal))
      const local = new Set((await readLocalDisks(files, sysRoot)).map(({ device }) => device))
      const disks: DiskHealthRaw[] = []
      for (const device of devices.filter((one) => isLocal(one, local))) disks.push(await read(device, signal))
      const there = new Set(disks.map(({ device }) => device))
      for (const key of lastRead.keys()) if (!there.has(key)) lastRead.delete(key)
      return { smart: disks }
    },
  }
}

/** SCSI disks by what sysfs says of them; NVMe controllers and disks behind RAID controllers are always of this machine. */
function isLocal({ name, type }: SmartDevice, local: ReadonlySet<string>): boolean {
  return !/^\/dev\/sd[a-z]+$/.test(name) || type.includes(',') || local.has(name.slice('/dev/'.length))
}

/** Also those that cannot be opened. @throws Error if it is no answer to `smartctl --json --scan-open` */
export function parseScan(text: string): SmartDevice[] {
  const scanned = parseJson('smartctl --scan-open', text)
  if (at(scanned, 'smartctl') === undefined)
    throw new Error('smartctl --scan-open: expected an object with smartctl in it')
  // Without devices there is no list at all.
  return (listOf(at(scanned, 'devices'), mostDisks) ?? []).flatMap((device) => {
    const [name, type] = [textOf(at(device, 'name')), textOf(at(device, 'type'))]
    // They become arguments.
    const isPlain = /^\/dev\/[\w./-]{1,100}$/.test(name) && /^[\w.,:+/]{1,60}$/.test(type)
    const problem = textOf(at(device, 'open_error'), 256)
    return isPlain ? [{ name, type, ...(problem === '' ? {} : { problem }) }] : []
  })
}

function keyOf({ name, type }: SmartDevice): string {
  const short = name.slice('/dev/'.length)
  return type.includes(',') ? `${short} ${type}` : short
}

/** @throws Error if smartctl could not be used, or its answer cannot */
export function readDisk(
  device: SmartDevice,
  { status, stdout }: { readonly status: number; readonly stdout: string },
): DiskHealthRaw | 'asleep' {
  const key = keyOf(device)
  const json = parseJson(`smartctl ${key}`, stdout)
  if (status === asleepStatus) return 'asleep'
  if ((status & (badCommand | notOpened)) !== 0) {
    throw new Error(`smartctl ${key}: exit status ${status}: ${messageIn(json) || 'no message'}`)
  }
  return {
    device: key,
    model: textOf(at(json, 'model_name')) || textOf(at(json, 'scsi_model_name')),
    serial: textOf(at(json, 'serial_number')),
    asleep: false,
    ...known({
      passed: boolOf(at(json, 'smart_status', 'passed')),
      temperatureCelsius: realOf(at(json, 'temperature', 'current'), 250),
      powerOnHours: countOf(at(json, 'power_on_time', 'hours')),
      ...ofAta(json),
      ...ofNvme(json),
      ...ofScsi(json),
    }),
  }
}

type Figures = { [Key in keyof DiskHealthRaw]?: DiskHealthRaw[Key] | undefined }

/** By number: names of attributes differ between makers, these numbers do not. */
const attributes = { reallocatedSectors: 5, pendingSectors: 197, uncorrectableSectors: 198 } as const

function ofAta(json: Json): Figures {
  const table = listOf(at(json, 'ata_smart_attributes', 'table'), 256)
  if (table === undefined) return {}
  const raw = (id: number): number | undefined =>
    countOf(
      at(
        table.find((row) => at(row, 'id') === id),
        'raw',
        'value',
      ),
    )
  return {
    reallocatedSectors: raw(attributes.reallocatedSectors),
    pendingSectors: raw(attributes.pendingSectors),
    uncorrectableSectors: raw(attributes.uncorrectableSectors),
  }
}

function ofNvme(json: Json): Figures {
  const log = at(json, 'nvme_smart_health_information_log')
  if (log === undefined) return {}
  const percent = (field: string, most: number): number | undefined => {
    const value = realOf(at(log, field), most)
    return value === undefined ? undefined : value / 100
  }
  return {
    criticalWarning: realOf(at(log, 'critical_warning'), 255),
    mediaErrors: countOf(at(log, 'media_errors')),
    usedFraction: percent('percentage_used', 255),
    spareFraction: percent('available_spare', 100),
    spareThresholdFraction: percent('available_spare_threshold', 100),
  }
}

/** SAS disks count what went to their list of defects, and reads and writes that no correction helped. */
function ofScsi(json: Json): Figures {
  const counters = at(json, 'scsi_error_counter_log')
  const uncorrected = ['read', 'write', 'verify'].flatMap(
    (way) => countOf(at(counters, way, 'total_uncorrected_errors')) ?? [],
  )
  const grown = countOf(at(json, 'scsi_grown_defect_list'))
  const used = realOf(at(json, 'scsi_percentage_used_endurance_indicator'), 255)
  return {
    ...(grown === undefined ? {} : { reallocatedSectors: grown }),
    ...(uncorrected.length === 0 ? {} : { mediaErrors: uncorrected.reduce((sum, one) => sum + one, 0) }),
    ...(used === undefined ? {} : { usedFraction: used / 100 }),
  }
}

function messageIn(json: Json): string {
  return (listOf(at(json, 'smartctl', 'messages'), 8) ?? []).map((one) => textOf(at(one, 'string'))).join('; ')
}
