/** What a look at a program after a failure found. */
export interface Findings {
  /** What does not agree with what was promised, in words; empty if all is well. */
  readonly faults: readonly string[]
  /** Samples that were acked so far, or that the promise covers otherwise. */
  readonly promised: number
  /** Samples that were read back. */
  readonly readBack: number
  /** Reports that waited for their acks when it failed; an agent's: those on its disk. */
  readonly waiting: number
  /** How long its opening took, where that is looked at. */
  readonly openMs?: number
}

/** A program that is made to fail again and again, and what it promised meanwhile. */
export interface Trial {
  /** Starts the program on what its medium holds. */
  start(): Promise<void>
  /** Compares what is there with the record. To be called once after each start, before `work`. */
  look(): Promise<Findings>
  /** Gives the program something to do until the signal aborts. Ends soon after that. */
  work(signal: AbortSignal): Promise<void>
  /** Asks the program to end, without waiting. */
  interrupt(): void
  /** In one go: the failure, and the end of all that the program says. Resolves when it can be started again. */
  fail(): Promise<void>
  remove(): Promise<void>
}
