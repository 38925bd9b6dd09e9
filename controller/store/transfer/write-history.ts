import { existsSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import { syncDirectory } from '../../../common/durable-file.js'
import { formatEndings, type EncodedPiece, type HistoryEncoder, type HistoryFormat } from './format.js'
import { count, noCounts, type HistoryCounts, type HistoryPiece } from './history.js'
import { outputFile, type Output } from './output-file.js'

/** One after the other into one output. @throws Error of the source or the file system; the output is abandoned then */
export async function writeHistory(
  pieces: AsyncIterable<HistoryPiece>,
  encoder: HistoryEncoder,
  output: Output,
): Promise<HistoryCounts> {
  const counts = noCounts()
  let measurement = ''
  try {
    for await (const piece of pieces) {
      const encoded = encoder.encode(piece)
      await output.write(encoded.measurement === measurement ? encoded.lines : encoded.header + encoded.lines)
      measurement = encoded.measurement
      count(counts, piece)
    }
    await output.end()
    return counts
  } catch (error) {
    await output.abandon()
    throw error
  }
}

/**
 * A file for each measurement in a new directory, which is there whole or not at all.
 * @throws Error of the source or the file system
 */
export async function writeHistoryFiles(
  pieces: AsyncIterable<HistoryPiece>,
  encoder: HistoryEncoder,
  { directory, format, gzip }: { readonly directory: string; readonly format: HistoryFormat; readonly gzip: boolean },
): Promise<HistoryCounts> {
  const draft = `${directory}.part`
  await rm(draft, { recursive: true, force: true })
  await mkdir(draft, { mode: 0o700 })
  const counts = noCounts()
  let open: { readonly measurement: string; readonly output: Output } | undefined
  const outputFor = async ({ measurement, header }: EncodedPiece): Promise<Output> => {
    if (open?.measurement === measurement) return open.output
    await open?.output.end()
    const output = outputFile(join(draft, `${measurement}${formatEndings[format]}${gzip ? '.gz' : ''}`), gzip)
    open = { measurement, output }
    await output.write(header.trimStart())
    return output
  }
  try {
    for await (const piece of pieces) {
      const encoded = encoder.encode(piece)
      const output = await outputFor(encoded)
      await output.write(encoded.lines)
      count(counts, piece)
    }
    await open?.output.end()
    // An empty directory that was there makes room.
    if (existsSync(directory)) await rm(directory, { recursive: false }).catch(() => undefined)
    await rename(draft, directory)
    await syncDirectory(dirname(directory))
    return counts
  } catch (error) {
    await open?.output.abandon()
    await rm(draft, { recursive: true, force: true })
    throw error
  }
}
