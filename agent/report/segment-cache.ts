/**
 * Segments that were read back from disk lately, for all spools of an agent together: a backlog may be of hundreds of spools, and
 * several of them are sent by turns. Bounded by bytes, but for the one read last; those not used longest go first.
 */
export class SegmentCache {
  /** By path, the one used last at the end. */
  readonly #read = new Map<string, Segment>()
  #bytes = 0

  constructor(private readonly mostBytes: number) {}

  /** Bytes of reports that are held. */
  get bytes(): number {
    return this.#bytes
  }

  /**
   * The reports of a segment by their numbers.
   * @param writtenBytes how long it is by now: one that has grown since is read again
   */
  reports(path: string, writtenBytes: number, read: (path: string) => Reports): Reports {
    const known = this.#read.get(path)
    if (known !== undefined && known.writtenBytes >= writtenBytes) {
      this.#read.delete(path)
      this.#read.set(path, known)
      return known.reports
    }
    this.forget(path)
    const reports = read(path)
    let bytes = 0
    for (const report of reports.values()) bytes += report.length
    this.#bytes += bytes
    for (const oldest of this.#read.keys()) {
      if (this.#bytes <= this.mostBytes) break
      this.forget(oldest)
    }
    this.#read.set(path, { writtenBytes, bytes, reports })
    return reports
  }

  forget(path: string): void {
    this.#bytes -= this.#read.get(path)?.bytes ?? 0
    this.#read.delete(path)
  }
}

type Reports = ReadonlyMap<number, Buffer>

interface Segment {
  readonly writtenBytes: number
  readonly bytes: number
  readonly reports: Reports
}
