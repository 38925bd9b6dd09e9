import { open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'

import { syncDirectory } from '../../common/durable-file.js'
import { CliError } from './cli-error.js'
import { type Connection, shownUrl } from './connection.js'
import { answerFailure, connectionFailure, notAController } from './failure.js'

/** A controller that says nothing for so long is not going to. */
const silentMs = 60_000

/**
 * Fetches a file of the API into a new local one, whole or not at all, for its owner only; durable when this resolves.
 * @param tell bytes so far, and of how many
 * @throws CliError
 */
export async function download(
  connection: Connection,
  path: string,
  target: string,
  tell: (bytes: number, ofBytes: number) => void,
): Promise<number> {
  const { token } = connection.credential
  const silence = new AbortController()
  let timer = setTimeout(() => silence.abort(), silentMs)
  const heard = (): void => {
    clearTimeout(timer)
    timer = setTimeout(() => silence.abort(), silentMs)
  }
  const draft = `${target}.part`
  let bytes = 0
  try {
    const response = await fetch(new URL(`api/v1/${path}`, connection.url), {
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      redirect: 'manual',
      signal: silence.signal,
    })
    if (!response.ok) throw answerFailure(response.status, await response.text(), connection)
    const expected = Number(response.headers.get('content-length') ?? NaN)
    const body: AsyncIterable<Uint8Array> | null = response.body
    const file = await open(draft, 'w', 0o600)
    try {
      for await (const part of body ?? []) {
        heard()
        await file.writeFile(part)
        bytes += part.length
        tell(bytes, expected)
      }
      await file.sync()
    } finally {
      await file.close()
    }
    if (bytes !== expected) throw notAController(shownUrl(connection), `${bytes} bytes instead of ${expected}`)
    await rename(draft, target)
    await syncDirectory(dirname(target))
    return bytes
  } catch (error) {
    await rm(draft, { force: true })
    if (error instanceof CliError) throw error
    if (isOfFiles(error))
      throw new CliError('error', `${target} cannot be written: ${error.message}`, '', { cause: error })
    throw connectionFailure(error, connection, 'read')
  } finally {
    clearTimeout(timer)
  }
}

function isOfFiles(error: unknown): error is Error {
  return error instanceof Error && 'syscall' in error && 'path' in error
}
