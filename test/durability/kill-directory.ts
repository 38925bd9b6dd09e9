import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'

import type { FailingMedium } from './failing-medium.js'

/** A plain directory: what a killed program has written stays, fsynced or not. */
export async function killDirectory(dir: string): Promise<FailingMedium> {
  const path = join(dir, 'data')
  await mkdir(path, { recursive: true })
  return {
    path,
    cut: () => () => Promise.resolve(),
    remove: () => rm(dir, { recursive: true, force: true }),
  }
}
