import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const deadlineMs = 5000

/**
 * Tells systemd something of this process, if it was started by it and systemd listens (`NOTIFY_SOCKET`). Node has no datagram
 * sockets of the Unix kind, so systemd's own program says it, a child: the unit needs NotifyAccess=all.
 * @throws Error if it could not be said: a machine without the program, for example
 */
export async function notifySystemd(
  words: '--ready' | `--status=${string}`,
  env: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  if (env['NOTIFY_SOCKET'] === undefined) return
  await promisify(execFile)('systemd-notify', [words], { timeout: deadlineMs, env: { ...env } })
}
