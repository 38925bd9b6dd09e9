/**
 * Xen's numbers for virtual disks and the names that a Linux guest gives them.
 * Source: docs/misc/vbd-interface.txt of Xen.
 */

interface Family {
  readonly prefix: string
  readonly firstDisk: number
  /** Bits of the number that hold the partition. */
  readonly partitionBits: number
}

/** By major number. Each `hd` major has two disks, each `sd` major sixteen. */
const families: ReadonlyMap<number, Family> = new Map<number, Family>([
  [202, { prefix: 'xvd', firstDisk: 0, partitionBits: 4 }],
  ...[3, 22, 33, 34].map((major, index): [number, Family] => [
    major,
    { prefix: 'hd', firstDisk: index * 2, partitionBits: 6 },
  ]),
  ...[8, 65, 66, 67, 68, 69, 70, 71].map((major, index): [number, Family] => [
    major,
    { prefix: 'sd', firstDisk: index * 16, partitionBits: 4 },
  ]),
])

const extended = 2 ** 28

/** `xvda` for 51712; undefined for a number that stands for no disk. Partitions have a name of their own: `xvda1`. */
export function diskTarget(deviceNumber: number): string | undefined {
  if (!Number.isSafeInteger(deviceNumber) || deviceNumber < 0) return undefined
  if (deviceNumber >= extended) {
    // 1 << 28 | disk << 8 | partition
    if (deviceNumber >= 2 * extended) return undefined
    const place = deviceNumber - extended
    return named('xvd', Math.floor(place / 256), place % 256)
  }
  const family = families.get(Math.floor(deviceNumber / 256))
  if (family === undefined) return undefined
  const partitions = 2 ** family.partitionBits
  const minor = deviceNumber % 256
  const disk = Math.floor(minor / partitions)
  if (family.prefix === 'hd' && disk > 1) return undefined
  return named(family.prefix, family.firstDisk + disk, minor % partitions)
}

function named(prefix: string, disk: number, partition: number): string {
  return `${prefix}${letters(disk)}${partition === 0 ? '' : partition}`
}

/** a, b, … z, aa, ab, … */
function letters(index: number): string {
  const last = String.fromCodePoint(97 + (index % 26))
  return index < 26 ? last : `${letters(Math.floor(index / 26) - 1)}${last}`
}
