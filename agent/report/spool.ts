/** A report that waits for its ack. `bytes` is its encoded size, for the bound. */
export interface SpoolEntry<Report> {
  readonly seq: number
  readonly report: Report
  readonly bytes: number
}

/**
 * Reports that the controller has not acked, oldest first. Bounded by count and bytes: the oldest are dropped first, and
 * counted. It lives in memory: what is unacked when the agent ends is lost.
 */
export class Spool<Report> {
  readonly #entries: SpoolEntry<Report>[] = []
  #nextSeq = 1
  #bytes = 0
  #dropped = 0
  #listener: (() => void) | undefined

  constructor(
    readonly id: string,
    private readonly bounds: { readonly maxReports: number; readonly maxBytes: number },
  ) {}

  get nextSeq(): number {
    return this.#nextSeq
  }

  get oldestSeq(): number {
    return this.#entries[0]?.seq ?? this.#nextSeq
  }

  get size(): number {
    return this.#entries.length
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Reports dropped since it was made. */
  get dropped(): number {
    return this.#dropped
  }

  /** Called after each new report; one listener. */
  onAdd(listener: (() => void) | undefined): void {
    this.#listener = listener
  }

  /** Numbers a report and keeps it. `make` gets the number and gives the report with its size. */
  add(make: (seq: number) => { readonly report: Report; readonly bytes: number }): void {
    const seq = this.#nextSeq
    const { report, bytes } = make(seq)
    this.#nextSeq += 1
    this.#entries.push({ seq, report, bytes })
    this.#bytes += bytes
    while (
      this.#entries.length > 1 &&
      (this.#entries.length > this.bounds.maxReports || this.#bytes > this.bounds.maxBytes)
    ) {
      this.#bytes -= this.#entries.shift()?.bytes ?? 0
      this.#dropped += 1
    }
    this.#listener?.()
  }

  /** Forgets everything up to `seq`. */
  ack(seq: number): void {
    let count = 0
    for (const entry of this.#entries) {
      if (entry.seq > seq) break
      this.#bytes -= entry.bytes
      count += 1
    }
    this.#entries.splice(0, count)
  }

  /** The first entry after `seq`. */
  after(seq: number): SpoolEntry<Report> | undefined {
    const first = this.#entries[0]
    if (first === undefined) return undefined
    // Numbers have no holes, so the place is known.
    return this.#entries[Math.max(0, seq + 1 - first.seq)]
  }
}
