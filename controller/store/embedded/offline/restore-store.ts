import { existsSync } from 'node:fs'
import { copyFile, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'

import { makeDirectoryDurably, syncDirectory } from '../../../../common/durable-file.js'
import { SqlError } from '../database.js'
import { checkStore, openAlone, type CheckReport } from './check-store.js'

export interface Restored {
  readonly report: CheckReport
  /** Where what was there before is now; undefined if nothing was. */
  readonly formerPath: string | undefined
}

/**
 * Puts a backup in the place of a time-series file that no program has open. What was there is kept beside it. A backup that is
 * not in order is refused, and everything left as it was.
 * @param tag ends the name of what was there before
 * @throws SqlError: the backup is damaged or none, or a program has the file open; Error of the file system
 */
export async function restoreStore(
  backup: string,
  path: string,
  tag: string,
  tell: (rows: number) => void,
): Promise<Restored> {
  const report = runCheck(backup, tell)
  if (report.problems.length > 0) {
    throw new SqlError(backup, '', `the backup is damaged and was not restored: ${report.problems.join('; ')}`)
  }
  makeDirectoryDurably(dirname(path))
  const exists = existsSync(path)
  if (exists) refuseIfInUse(path)
  const draft = `${path}.restored`
  await rm(draft, { force: true })
  await copyFile(backup, draft)
  const file = await open(draft, 'r+')
  await file.chmod(0o600)
  await file.sync()
  await file.close()
  const formerPath = exists ? `${path}.before-${tag}` : undefined
  if (formerPath !== undefined) await moveAside(path, formerPath)
  await rename(draft, path)
  await syncDirectory(dirname(path))
  return { report, formerPath }
}

/** The file's own log goes with it: it holds the newest of its data. */
export async function moveAside(path: string, aside: string): Promise<void> {
  for (const end of ['-wal', '-shm', '-journal', '']) {
    if (existsSync(`${path}${end}`)) await rename(`${path}${end}`, `${aside}${end}`)
  }
}

function refuseIfInUse(path: string): void {
  try {
    openAlone(path).closeExclusive()
  } catch (error) {
    // A damaged file is what backups are for.
    if (error instanceof SqlError && !error.code.startsWith('SQLITE_BUSY')) return
    throw error
  }
}

function runCheck(path: string, tell: (rows: number) => void): CheckReport {
  const check = checkStore(path)
  for (;;) {
    const { done, value } = check.next()
    if (done === true) return value
    tell(value)
  }
}
