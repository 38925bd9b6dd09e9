/** A figure that a sample says, told apart from every other by spool and number. */
export interface Sample {
  readonly seq: number
  /** Milliseconds since the epoch. */
  readonly atMs: number
  readonly hostValue: number
  readonly vmValue: number
}

/** A row of stored history. */
export type Row = readonly [atMs: number, value: number | null]

/** Apart enough that a page of history holds them, and a few hundred fill an hour. */
export const sampleStepMs = 7000
const mostSamples = 5000

/**
 * The record of one spool of a recording agent: what was sent, and what the controller has acked. Samples are a function of
 * their number, so that nothing else need be remembered.
 */
export class SampleBook {
  #sent = 0
  #acked = 0

  constructor(
    readonly spoolId: string,
    /** Of an earlier life: its samples are late. */
    readonly isLate: boolean,
    /** Before the first sample. */
    readonly baseMs: number,
    /** Another for each book of the same host. */
    private readonly salt: number,
  ) {}

  get sent(): number {
    return this.#sent
  }

  get acked(): number {
    return this.#acked
  }

  get isFull(): boolean {
    return this.#sent >= mostSamples
  }

  get endMs(): number {
    return this.baseMs + (this.#sent + 1) * sampleStepMs
  }

  sample(seq: number): Sample {
    const atMs = this.baseMs + seq * sampleStepMs
    return { seq, atMs, hostValue: this.#value(seq, 1), vmValue: this.#value(seq, 2) }
  }

  next(): Sample {
    this.#sent += 1
    return this.sample(this.#sent)
  }

  ack(throughSeq: number): void {
    this.#acked = Math.max(this.#acked, throughSeq)
  }

  /**
   * What is wrong with stored rows, in words; nothing if all is well: exactly the samples up to `throughSeq`, each once and as it
   * was sent, and `throughSeq` covers what was acked.
   */
  faultsOf(rows: readonly Row[], throughSeq: number, figure: 'hostValue' | 'vmValue'): string[] {
    const faults: string[] = []
    const fault = (text: string): void => {
      faults.push(`${this.spoolId} ${figure}: ${text}`)
    }
    if (throughSeq < this.#acked) fault(`acked through ${this.#acked}, durable through ${throughSeq} only`)
    if (throughSeq > this.#sent) fault(`durable through ${throughSeq}, but only ${this.#sent} were sent`)
    const seen = new Set<number>()
    for (const [atMs, value] of rows) {
      const seq = (atMs - this.baseMs) / sampleStepMs
      if (!Number.isInteger(seq) || seq < 1 || seq > throughSeq) fault(`a row at ${atMs} that is none of its samples`)
      else if (seen.has(seq)) fault(`sample ${seq} is there twice`)
      else if (value !== this.sample(seq)[figure]) fault(`sample ${seq} says ${value}`)
      seen.add(seq)
    }
    const lost = Array.from({ length: throughSeq }, (_, index) => index + 1).filter((seq) => !seen.has(seq))
    if (lost.length > 0) fault(`${lost.length} samples are lost: ${lost.slice(0, 5).join(', ')} …`)
    return faults
  }

  /** Sum of a figure of the samples through a number. */
  sum(throughSeq: number, figure: 'hostValue' | 'vmValue'): number {
    let total = 0
    for (let seq = 1; seq <= throughSeq; seq += 1) total += this.sample(seq)[figure]
    return total
  }

  /** Whole numbers that add up exactly. */
  #value(seq: number, figure: number): number {
    return (Math.imul(seq * 4 + figure, 0x9e3779b1) >>> 0) * 64 + this.salt
  }
}
