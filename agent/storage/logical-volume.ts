/** Names that LVM gives to its device-mapper devices. */

/** What a device-mapper device says of itself. */
export interface LogicalVolume {
  /** As `vgs -o vg_uuid` prints it. */
  readonly groupUuid: string
  readonly group: string
  readonly volume: string
}

/**
 * @param uuid `/sys/block/dm-N/dm/uuid`: `LVM-`, 32 characters of the group, 32 of the volume, perhaps a suffix of an
 * inner layer
 * @param name `/sys/block/dm-N/dm/name`: group and volume joined by a hyphen, hyphens inside them doubled
 * @returns undefined if it is no logical volume
 */
export function parseLogicalVolume(uuid: string, name: string): LogicalVolume | undefined {
  const id = /^LVM-([A-Za-z0-9]{32})[A-Za-z0-9]{32}(?:-[\w-]*)?$/.exec(uuid.trim())?.[1]
  if (id === undefined) return undefined
  const parts = /^((?:[^-]|--)+)-((?:[^-]|--)+)(?:-.*)?$/.exec(name.trim())
  return {
    groupUuid: [6, 4, 4, 4, 4, 4, 6].reduce(
      ({ text, at }, length) => ({
        text: `${text}${at === 0 ? '' : '-'}${id.slice(at, at + length)}`,
        at: at + length,
      }),
      { text: '', at: 0 },
    ).text,
    group: (parts?.[1] ?? name.trim()).replaceAll('--', '-'),
    volume: (parts?.[2] ?? '').replaceAll('--', '-'),
  }
}
