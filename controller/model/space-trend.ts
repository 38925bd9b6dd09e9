/** One way in which a file system or a thin pool fills, by its past. */
export interface SpaceTrend {
  /** By how much what is available becomes less in a day; negative where it becomes more. */
  readonly bytesPerDay: number
  /** Over how long that was seen. */
  readonly overMs: number
}

/** How a file system fills: over its whole past that is looked at, and of late. */
export interface KnownTrends {
  /** Empty: what is known shows nothing. */
  readonly trends: readonly SpaceTrend[]
  /** False while too little was seen of the last minutes, as after a start or an outage of its host: it may fill fast. */
  readonly isRecentKnown: boolean
}

/** By `fileSystemId`, of a thin pool by `storageSeries.pool`. One that is missing was not looked at yet, as after a start: then nothing is known. */
export type SpaceTrends = ReadonlyMap<string, KnownTrends>

/** What a store calls the file system. */
export function fileSystemId(hostId: string, mount: string): string {
  return `${hostId}/${mount}`
}
