import type { MachineFiles } from '../host/machine-files.js'

/** What a whole disk says of itself in /sys/block. */
export interface DiskIdentity {
  /** The kernel's name: `sda`, `nvme0n1`, `cciss/c0d0`. */
  readonly device: string
  /** A serial number or a world-wide name; undefined where the disk has neither. */
  readonly serial?: string
  readonly model?: string
  readonly sizeBytes?: number
  readonly rotational?: boolean
}

const sectorBytes = 512

/** @param directory the disk's own in sysfs: `/sys/devices/…/block/sda` or `/sys/block/sda` */
export async function readDiskIdentity(files: MachineFiles, directory: string): Promise<DiskIdentity> {
  const attribute = async (path: string): Promise<string | undefined> =>
    cleaned(await readAttribute(files, directory, path))
  const serial =
    (await attribute('serial')) ??
    (await attribute('device/serial')) ??
    parseUnitSerial(await readBytes(files, `${directory}/device/vpd_pg80`)) ??
    (await attribute('wwid')) ??
    (await attribute('device/wwid')) ??
    (await attribute('device/cid'))
  const vendor = await attribute('device/vendor')
  const model = await attribute('device/model')
  const sectors = Number((await attribute('size')) ?? Number.NaN)
  const rotational = await attribute('queue/rotational')
  // SATA disks all have the vendor ATA; virtio has a PCI number there.
  const maker = vendor === undefined || vendor === 'ATA' || vendor.startsWith('0x') ? '' : `${vendor} `
  return {
    device: kernelName(directory),
    ...(serial === undefined ? {} : { serial }),
    ...(model === undefined ? {} : { model: `${maker}${model}` }),
    ...(Number.isSafeInteger(sectors * sectorBytes) && sectors > 0 ? { sizeBytes: sectors * sectorBytes } : {}),
    ...(rotational === '1' || rotational === '0' ? { rotational: rotational === '1' } : {}),
  }
}

/** The device's name from its directory; a `!` stands for the slash in names such as cciss/c0d0. */
export function kernelName(directory: string): string {
  return directory.slice(directory.lastIndexOf('/') + 1).replaceAll('!', '/')
}

/** SCSI's "unit serial number" page: four bytes of header with the length in the last two, then text (SPC-3, 7.6.10). */
export function parseUnitSerial(page: Buffer | undefined): string | undefined {
  if (page === undefined || page.length < 5 || page[1] !== 0x80) return undefined
  const length = page.readUInt16BE(2)
  return cleaned(page.toString('latin1', 4, Math.min(4 + length, page.length)))
}

/** A sysfs attribute as it stands; undefined if the device has none or refuses to say. */
export async function readAttribute(files: MachineFiles, directory: string, name: string): Promise<string | undefined> {
  return (await readBytes(files, `${directory}/${name}`))?.toString('utf8')
}

/** Names in a directory; none if there is no such directory. */
export async function listDirectory(files: MachineFiles, path: string): Promise<readonly string[]> {
  try {
    return await files.readDirectory(path)
  } catch {
    return []
  }
}

/** One line of printable ASCII of at most 128 characters; undefined if nothing is left. */
export function cleaned(text: string | undefined): string | undefined {
  const line = (text ?? '')
    .replaceAll(/[^\x21-\x7e]+/g, ' ')
    .trim()
    .slice(0, 128)
  return line === '' ? undefined : line
}

async function readBytes(files: MachineFiles, path: string): Promise<Buffer | undefined> {
  try {
    return await files.readFile(path)
  } catch {
    // Attributes come and go with kernel, driver and device; some answer EINVAL or EIO when there is nothing.
    return undefined
  }
}
