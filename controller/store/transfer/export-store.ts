import type { Writable } from 'node:stream'

import { CsvEncoder } from './csv.js'
import type { HistoryFormat } from './format.js'
import type { HistoryCounts } from './history.js'
import { InfluxEncoder } from './influx-lines.js'
import { Output, outputFile } from './output-file.js'
import { readHistory, type HistorySource, type ReadOptions, type Selection } from './read-history.js'
import { writeHistory, writeHistoryFiles } from './write-history.js'

/** A new file, a new directory with a file for each measurement, or a stream. */
export type ExportPlace = { readonly file: string } | { readonly directory: string } | { readonly stream: Writable }

export interface ExportOrder extends ReadOptions {
  readonly selection: Selection
  readonly format: HistoryFormat
  readonly gzip: boolean
  readonly to: ExportPlace
}

/**
 * Writes a history as text, whole or not at all where that is possible; durable when it resolves.
 * Rejects with OutputError or an Error of the file system, with the signal's reason, or with an Error if the store fails.
 */
export function exportStore(source: HistorySource, order: ExportOrder): Promise<HistoryCounts> {
  const { selection, format, gzip, to } = order
  const encoder = format === 'csv' ? new CsvEncoder(selection.fields) : new InfluxEncoder()
  const pieces = readHistory(source, selection, order)
  if ('directory' in to) return writeHistoryFiles(pieces, encoder, { directory: to.directory, format, gzip })
  return writeHistory(pieces, encoder, 'file' in to ? outputFile(to.file, gzip) : new Output(to.stream, gzip))
}
