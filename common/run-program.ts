import { ConfigError } from './config-error.js'
import type { Log } from './log.js'

/** What of the process a program's run depends on. */
export interface RunningProcess {
  exit(code: number): unknown
  on(event: 'SIGINT' | 'SIGTERM' | 'disconnect', listener: () => void): unknown
}

/**
 * Stops the program once, when it is asked to by a signal, or when whoever launched it is gone, and ends the process with 0;
 * with 1 if stopping failed.
 */
export function stopWhenAsked(log: Log, stop: () => Promise<void>, running: RunningProcess = process): void {
  let isStopping = false
  const stopFor = (reason: string): void => {
    if (isStopping) return
    isStopping = true
    log.info({ reason }, 'stopping')
    stop().then(
      () => running.exit(0),
      (error: unknown) => {
        log.error({ err: error }, 'stopping failed')
        running.exit(1)
      },
    )
  }
  running.on('SIGINT', () => stopFor('SIGINT'))
  running.on('SIGTERM', () => stopFor('SIGTERM'))
  // Started by a launcher: without it there is nobody to stop this process.
  running.on('disconnect', () => stopFor('the launcher is gone'))
}

/**
 * Runs a program's main function. What it fails with goes to standard error, in words where it is a matter of configuration
 * or `inWords` has some, and makes the exit code: 2 for configuration, or else 1.
 */
export function runMain(
  main: () => Promise<void>,
  inWords: (error: unknown) => string | undefined = () => undefined,
): void {
  main().catch((error: unknown) => {
    const isConfig = error instanceof ConfigError
    const text = isConfig ? error.message : (inWords(error) ?? stackOf(error))
    process.stderr.write(`${text}\n`)
    process.exitCode = isConfig ? 2 : 1
  })
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
