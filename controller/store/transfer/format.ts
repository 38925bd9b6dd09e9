import type { HistoryPiece } from './history.js'

export const historyFormats = ['csv', 'influx'] as const
export type HistoryFormat = (typeof historyFormats)[number]

/** Ends of file names. */
export const formatEndings = { csv: '.csv', influx: '.lp' } as const satisfies Record<HistoryFormat, string>

/** What the times of line protocol count. */
export const timePrecisions = ['ns', 'us', 'ms', 's'] as const
export type TimePrecision = (typeof timePrecisions)[number]

/** A decimal number, with an exponent or without. */
export const numberForm = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i

/** A piece as text. */
export interface EncodedPiece {
  /** Name of the measurement, of the file too if each has one. */
  readonly measurement: string
  /** Lines that come before the first of this measurement. */
  readonly header: string
  /** Whole lines, each with its end. */
  readonly lines: string
}

export interface HistoryEncoder {
  encode(piece: HistoryPiece): EncodedPiece
}

/** What a line says: a piece of one; undefined if it says nothing: a header, a comment, an empty line. */
export interface HistoryDecoder {
  /** @throws BadLine */
  decode(line: string): HistoryPiece | undefined
}

/** A line that is none of the format. The message says what was expected and what came. */
export class BadLine extends Error {
  override readonly name = 'BadLine'
  constructor(expected: string, got: string) {
    super(`expected ${expected}, got ${shown(got)}`)
  }
}

function shown(text: string): string {
  return text === '' ? 'nothing' : JSON.stringify(text.length > 80 ? `${text.slice(0, 77)}...` : text)
}
