import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

import { errorCode } from './error-code.js'
import { Backoff } from './backoff.js'
import { pause } from './lifecycle.js'
import type { Log } from './log.js'

type Environment = Readonly<Record<string, string | undefined>>

const deadlineMs = 5000

/** Whether systemd started this process and listens to it (`NOTIFY_SOCKET`). */
export function isHeardBySystemd(env: Environment): boolean {
  return (env['NOTIFY_SOCKET'] ?? '') !== ''
}

/**
 * Tells systemd something of this process, if it listens. Node has no datagram sockets of the Unix kind, so systemd's own program
 * says it, a child: the unit needs NotifyAccess=all.
 * @throws Error if it could not be said: a machine without the program, or one that is too busy for it now
 */
export async function notifySystemd(words: '--ready' | `--status=${string}`, env: Environment): Promise<void> {
  if (!isHeardBySystemd(env)) return
  await promisify(execFile)('systemd-notify', [words], { timeout: deadlineMs, env: { ...env } })
}

/** Tells systemd that this process is ready until it has heard it: a service of Type=notify is otherwise never started. */
export async function tellReady(env: Environment, log: Log, signal: AbortSignal): Promise<void> {
  const backoff = new Backoff({ baseMs: 1000, capMs: 30_000 })
  for (let isSaid = false; !signal.aborted;) {
    try {
      await notifySystemd('--ready', env)
      return
    } catch (error) {
      if (!isSaid) log.error({ err: error }, 'systemd could not be told that this program is ready')
      isSaid = true
      if (isMissing(error)) return
      await pause(backoff.nextMs(), signal)
    }
  }
}

/** A machine without the program: trying again changes nothing. */
export function isMissing(error: unknown): boolean {
  return errorCode(error) === 'ENOENT'
}
