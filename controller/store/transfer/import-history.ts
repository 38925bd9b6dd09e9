import { BadLine, type HistoryDecoder } from './format.js'
import { count, noCounts, type HistoryCounts, type HistoryPiece } from './history.js'
import type { HistoryTarget, TooLate } from './target.js'
import type { TextLine } from './text-lines.js'

/** A text that holds a history. */
export interface HistoryInput {
  /** For messages. */
  readonly name: string
  /** From its beginning. */
  readonly lines: () => AsyncIterable<TextLine>
  readonly decoder: (firstLine: string) => HistoryDecoder
  /** Undefined if that is not known. */
  readonly bytes: number | undefined
  /** False if it is gone once it was read. */
  readonly canReadAgain: boolean
}

export interface ImportOptions {
  readonly inputs: readonly HistoryInput[]
  readonly target: HistoryTarget
  /** A line that is not taken. */
  readonly bad: (input: string, line: number, message: string) => void
  readonly show: (what: string, share: number | undefined) => void
  readonly signal: AbortSignal
}

export interface Imported {
  /** As the lines say them. */
  readonly counts: Readonly<HistoryCounts>
  readonly badLines: number
  readonly tooLate: TooLate
}

/** What cannot go on; what came before is stored. */
export class ImportStopped extends Error {
  override readonly name = 'ImportStopped'
}

/** A text with more of them is something else. */
const mostBadLines = 1000
const rowsOfOneWrite = 5000

/**
 * Writes what the inputs hold, line by line: one that is not as it should be is left out and told, the others are stored. Marks are only
 * stored if there was none of that kind: an agent forgets what they cover.
 * Rejects with ImportStopped, with the signal's reason, or with an Error if an input cannot be read or the store fails.
 */
export async function importHistory(options: ImportOptions): Promise<Imported> {
  const { inputs, target } = options
  const run = await target.kept(async (isAgain) => {
    const gone = inputs.find(({ canReadAgain }) => !canReadAgain)
    if (isAgain && gone !== undefined)
      throw new ImportStopped(
        `the server began anew and may have lost some of it: import ${gone.name} again, nothing is doubled`,
      )
    const reading = new Reading(options, isAgain)
    for (const input of inputs) await reading.read(input)
    return reading
  })
  if (run.badLines === 0) await target.write({ points: [], events: [], marks: [...run.marks] })
  await target.drained()
  return { counts: run.counts, badLines: run.badLines, tooLate: await target.tooLate() }
}

class Reading {
  readonly counts = noCounts()
  badLines = 0
  readonly #marks = new Map<string, number>()
  #pieces: HistoryPiece[] = []

  constructor(
    private readonly options: ImportOptions,
    private readonly isQuiet: boolean,
  ) {}

  get marks(): Iterable<{ spoolId: string; throughSeq: number }> {
    return [...this.#marks].map(([spoolId, throughSeq]) => ({ spoolId, throughSeq }))
  }

  async read(input: HistoryInput): Promise<void> {
    const { show, signal } = this.options
    let decoder: HistoryDecoder | undefined
    for await (const { text, number, problem, bytes } of input.lines()) {
      decoder ??= input.decoder(text)
      const piece = problem === '' ? this.#decoded(input, decoder, text, number) : undefined
      if (problem !== '') this.#bad(input, number, problem)
      if (piece !== undefined) await this.#take(piece)
      if (number % 1000 !== 0) continue
      signal.throwIfAborted()
      show(`${input.name}, line ${number}`, input.bytes === undefined ? undefined : bytes / Math.max(1, input.bytes))
    }
    await this.#flush()
  }

  #decoded(input: HistoryInput, decoder: HistoryDecoder, text: string, number: number): HistoryPiece | undefined {
    try {
      return decoder.decode(text)
    } catch (error) {
      if (!(error instanceof BadLine)) throw error
      this.#bad(input, number, error.message)
      return undefined
    }
  }

  #bad({ name }: HistoryInput, number: number, message: string): void {
    this.badLines += 1
    if (!this.isQuiet) this.options.bad(name, number, message)
    if (this.badLines >= mostBadLines)
      throw new ImportStopped(`${name}: stopped at line ${number}, the ${mostBadLines}th that is not as it should be`)
  }

  /** One kind of things after the other, so that points are there before what follows them. */
  async #take(piece: HistoryPiece): Promise<void> {
    count(this.counts, piece)
    if (piece.is === 'marks') {
      for (const { spoolId, throughSeq } of piece.marks)
        this.#marks.set(spoolId, Math.max(throughSeq, this.#marks.get(spoolId) ?? 0))
      return
    }
    const [first] = this.#pieces
    if (first !== undefined && !isAlike(first, piece)) await this.#flush()
    this.#pieces.push(piece)
    if (this.#pieces.length >= rowsOfOneWrite) await this.#flush()
  }

  async #flush(): Promise<void> {
    const pieces = this.#pieces
    this.#pieces = []
    const [first] = pieces
    if (first === undefined) return
    if (first.is === 'rollUps') {
      const rows = pieces.flatMap((piece) => (piece.is === 'rollUps' ? piece.rows : []))
      await this.options.target.writeRollUps(first.tier, rows)
      return
    }
    const points = pieces.flatMap((piece) => (piece.is === 'points' ? piece.points : []))
    const events = pieces.flatMap((piece) => (piece.is === 'events' ? piece.events : []))
    await this.options.target.write({ points, events, marks: [] })
  }
}

function isAlike(a: HistoryPiece, b: HistoryPiece): boolean {
  return a.is === b.is && (a.is === 'rollUps' && b.is === 'rollUps' ? a.tier === b.tier : true)
}
