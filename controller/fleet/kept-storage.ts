import type { StorageHealth, StorageSource, StorageSourceName } from '../model/snapshot.js'

/** Where a source's findings are. */
const itemsOf = {
  md: 'mdArrays',
  'raid-controller': 'raidControllers',
  smart: 'disks',
  lvm: 'pools',
} as const satisfies Record<StorageSourceName, keyof StorageHealth>

/**
 * What is known of a host's storage after it told of it anew. A source that told of something, and is said not to be here now, can no longer be
 * read: its tool was removed, or its driver is gone. What it told stays, as from before.
 * @param before of the same run of the host; a host that was booted may have other hardware
 */
export function storageAfter(before: StorageHealth | undefined, told: StorageHealth): StorageHealth {
  if (before === undefined) return told
  const lost = told.sources.flatMap((source) => lostSource(source, before))
  if (lost.length === 0) return told
  const kept: Partial<StorageHealth> = Object.fromEntries(
    lost.map(({ name }) => [itemsOf[name], before[itemsOf[name]]]),
  )
  return {
    ...told,
    ...kept,
    sources: told.sources.map((source) => lost.find(({ name }) => name === source.name) ?? source),
  }
}

function lostSource({ name, state, reason }: StorageSource, before: StorageHealth): StorageSource[] {
  const was = before.sources.find((source) => source.name === name)
  if (state !== 'not-here' || was?.readAt === undefined || before[itemsOf[name]].length === 0) return []
  return [{ name, state: 'failed', reason: `it can no longer be read: ${reason}`, readAt: was.readAt }]
}
