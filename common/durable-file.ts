import { closeSync, fsyncSync, mkdirSync, openSync } from 'node:fs'
import { open, rename } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'

import { errorCode } from './error-code.js'

/**
 * Replaces a file whole or not at all. When this resolves, a power loss takes neither its content nor its name.
 * @throws Error of the file system
 */
export async function writeDurably(path: string, content: string, mode = 0o600): Promise<void> {
  const draft = `${path}.new`
  const file = await open(draft, 'w', mode)
  try {
    // The mode above counts only for a new file.
    await file.chmod(mode)
    await file.writeFile(content)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(draft, path)
  await syncDirectory(dirname(path))
}

/** Makes the names of a directory's files durable. @throws Error of the file system */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } catch (error) {
    if (!cannotSync(error)) throw error
  } finally {
    await directory.close()
  }
}

/**
 * Makes a directory, and those above it, for their owner only; durable when it returns. Synchronous: for starts.
 * @throws Error of the file system
 */
export function makeDirectoryDurably(path: string): void {
  const first = mkdirSync(path, { recursive: true, mode: 0o700 })
  if (first === undefined) return
  const topmost = dirname(resolve(first))
  for (let above = dirname(resolve(path)); ; above = dirname(above)) {
    const directory = openSync(above, 'r')
    try {
      fsyncSync(directory)
    } catch (error) {
      if (!cannotSync(error)) throw error
    } finally {
      closeSync(directory)
    }
    if (above === topmost || above === dirname(above)) return
  }
}

/** Some file systems know no fsync of directories: names last there as well as they can. */
function cannotSync(error: unknown): boolean {
  return ['EINVAL', 'ENOTSUP'].includes(errorCode(error))
}
