/** One way in which a file system fills, by its past. */
export interface SpaceTrend {
  /** By how much what is available becomes less in a day; negative where it becomes more. */
  readonly bytesPerDay: number
  /** Over how long that was seen. */
  readonly overMs: number
}

/**
 * How file systems fill, by `fileSystemId`: over their whole past that is looked at, and of late. An empty list: it shows nothing. One that is
 * missing was not looked at yet, as after a start: then nothing is known.
 */
export type SpaceTrends = ReadonlyMap<string, readonly SpaceTrend[]>

/** What a store calls the file system. */
export function fileSystemId(hostId: string, mount: string): string {
  return `${hostId}/${mount}`
}
