/** What the parsers of /proc share: lines, columns and numbers that are never NaN. */

/** A file of /proc or /sys that does not look as it should. */
export class MalformedFile extends Error {
  override readonly name = 'MalformedFile'
  constructor(
    readonly file: string,
    /** From 1. */
    readonly line: number,
    expected: string,
    got: string,
  ) {
    super(
      `${file}:${line}: expected ${expected}, got ${JSON.stringify(got.length > 60 ? `${got.slice(0, 60)}…` : got)}`,
    )
  }
}

/** One line cut at white space, with its place for error messages. */
export interface ProcLine {
  readonly file: string
  /** From 1. */
  readonly number: number
  readonly text: string
  readonly columns: readonly string[]
}

/**
 * The lines that are not blank.
 * @param wanted by a line's beginning, so that long lines nobody asks for are not cut (`intr` of /proc/stat)
 */
export function procLines(file: string, text: string, wanted: (line: string) => boolean = () => true): ProcLine[] {
  return text.split('\n').flatMap((line, index) => {
    if (!wanted(line)) return []
    const trimmed = line.trim()
    return trimmed === '' ? [] : [{ file, number: index + 1, text: trimmed, columns: trimmed.split(/\s+/) }]
  })
}

/** The first line. @throws MalformedFile if there is none */
export function firstLine(file: string, text: string, expected: string): ProcLine {
  const line = procLines(file, text)[0]
  if (line === undefined) throw new MalformedFile(file, 1, expected, '')
  return line
}

/** A column that counts something: a whole number from 0 to 2^53 − 1. @throws MalformedFile */
export function countAt(line: ProcLine, column: number): number {
  const text = line.columns[column] ?? ''
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN
  if (Number.isSafeInteger(value)) return value
  throw new MalformedFile(line.file, line.number, `a count in column ${column + 1}`, text)
}

/** A column that counts units of `unitBytes` each, as bytes. @throws MalformedFile also if those pass 2^53 − 1 */
export function bytesAt(line: ProcLine, column: number, unitBytes: number): number {
  const bytes = countAt(line, column) * unitBytes
  if (Number.isSafeInteger(bytes)) return bytes
  throw new MalformedFile(line.file, line.number, `fewer bytes in column ${column + 1}`, line.columns[column] ?? '')
}

/** A column with a decimal number that is not negative. @throws MalformedFile */
export function decimalAt(line: ProcLine, column: number): number {
  const text = line.columns[column] ?? ''
  if (/^\d{1,15}(?:\.\d{1,9})?$/.test(text)) return Number(text)
  throw new MalformedFile(line.file, line.number, `a number in column ${column + 1}`, text)
}
