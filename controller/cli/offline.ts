import { join, resolve } from 'node:path'

import { errorCode } from '../../common/error-code.js'
import { ConfigError } from '../../common/config-error.js'
import { CliError } from './cli-error.js'
import { defaultDataDirectory } from './connection.js'
import type { CommandContext } from './context.js'
import type { Progress } from './progress.js'

/** What a person can act on becomes an error without a stack. */
export async function offline<Result>(progress: Progress, work: () => Result | Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof ConfigError) throw new CliError('error', error.message, '', { cause: error })
    if (!(error instanceof Error) || !('path' in error)) throw error
    const inUse = errorCode(error).startsWith('SQLITE_BUSY')
    throw new CliError(
      'error',
      error.message,
      inUse ? 'stop the controller first (Ctrl-C where npm start runs), or take a backup and use that' : '',
      {
        cause: error,
      },
    )
  } finally {
    progress.end()
  }
}

/** Of the controller whose data directory is named, or the default one. */
export function seriesFile({ data }: CommandContext): string {
  return resolve(join(data ?? defaultDataDirectory, 'controller', 'series.db'))
}
