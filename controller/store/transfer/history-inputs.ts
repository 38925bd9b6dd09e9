import { createReadStream, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

import { CsvDecoder } from './csv.js'
import { formatEndings, type HistoryDecoder, type HistoryFormat } from './format.js'
import type { HistoryInput } from './import-history.js'
import { InfluxDecoder, type Precision } from './influx-lines.js'
import { measurementNames } from './names.js'
import { textLines } from './text-lines.js'

export interface InputOptions {
  /** By the first line if absent. */
  readonly format?: HistoryFormat
  /** Of times in line protocol. */
  readonly precision: Precision
  /** Milliseconds since the epoch: what is later cannot have been measured. */
  readonly nowMs: number
}

/**
 * Files, `-` for standard input, and directories of which each file that is named after a measurement is meant: points first.
 * @throws Error of the file system, with the path
 */
export function historyInputs(paths: readonly string[], options: InputOptions): HistoryInput[] {
  return paths.flatMap((path) => {
    if (path === '-') return [input('standard input', undefined, options)]
    if (statSync(path).isDirectory()) return filesIn(path).map((file) => input(file, file, options))
    return [input(path, path, options)]
  })
}

function filesIn(directory: string): string[] {
  const order = [...measurementNames.keys()]
  const endings = Object.values(formatEndings).flatMap((ending) => [ending, `${ending}.gz`])
  const place = (name: string): number => {
    const ending = endings.find((one) => name.endsWith(one))
    return ending === undefined ? -1 : order.indexOf(name.slice(0, -ending.length))
  }
  const names = readdirSync(directory).filter((name) => place(name) !== -1)
  if (names.length === 0) throw new NoHistoryError(directory)
  return names.toSorted((a, b) => place(a) - place(b)).map((name) => join(directory, name))
}

/** A directory without any file of a history. */
export class NoHistoryError extends Error {
  override readonly name = 'NoHistoryError'
  constructor(readonly path: string) {
    super(`${path}: expected files such as ${[...measurementNames.keys()][0]}.csv or .lp, got none`)
  }
}

function input(name: string, path: string | undefined, options: InputOptions): HistoryInput {
  const { format, precision, nowMs } = options
  const decoder = (firstLine: string): HistoryDecoder => {
    const isCsv = format === undefined ? /^"?measurement"?,/.test(firstLine) : format === 'csv'
    return isCsv ? new CsvDecoder(nowMs) : new InfluxDecoder(precision, nowMs)
  }
  const open = (): ReturnType<typeof createReadStream> =>
    path === undefined ? createReadStream('', { fd: 0, autoClose: false }) : createReadStream(path)
  return {
    name,
    lines: () => textLines(open()),
    decoder,
    bytes: path === undefined ? undefined : statSync(path).size,
    canReadAgain: path !== undefined && statSync(path).isFile(),
  }
}
