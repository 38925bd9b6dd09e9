import { chmod, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'

import { errorCode } from '../../common/error-code.js'
import { makeDirectoryDurably, writeDurably } from '../../common/durable-file.js'
import type { Token } from '../access/caller.js'
import type { Grants } from './grants.js'

/** Name of the administrator's token that programs on this machine read from a file. */
export const localAdmin = 'local-admin'

/**
 * Makes sure that the file holds a valid administrator's token, readable by its owner only. One that still holds is kept; otherwise
 * all former local tokens are void and a new one is written.
 */
export async function ensureLocalToken(file: string, tokens: Grants<Token>, now: number): Promise<void> {
  const found = await readToken(file)
  if (found !== undefined && tokens.find(found, now)?.grant.name === localAdmin) {
    await chmod(file, 0o600)
    return
  }
  await tokens.removeWhere(({ grant }) => grant.name === localAdmin)
  const { secret } = await tokens.add({ name: localAdmin, role: 'admin', createdAt: now }, now)
  makeDirectoryDurably(dirname(file))
  await writeDurably(file, `${secret}\n`)
}

async function readToken(file: string): Promise<string | undefined> {
  try {
    const text = await readFile(file, 'utf8')
    return text.length > 1000 ? undefined : text.trim()
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw new Error(`cannot read the token file ${file}`, { cause: error })
  }
}
