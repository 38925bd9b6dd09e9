import { isHeardBySystemd, isMissing, notifySystemd } from '../common/notify-systemd.js'
import type { AgentStatus } from './metrics-server.js'

const everyMs = 3000
/** After a failure: a machine that is too busy to say it must not be made busier. */
const againAfterMs = 30_000
const mostCharacters = 500

/** One line for `systemctl status`: what is wrong, or that nothing is. */
export function statusLine({ waitingFor, unopened, connected, problem, hosts }: AgentStatus): string {
  const problems = [
    ...(waitingFor !== '' || connected ? [] : [problem || 'not connected to the controller']),
    ...(waitingFor === '' ? unopened : [waitingFor]),
    ...hosts.filter(({ unreachable }) => unreachable).map(({ name }) => `the hypervisor of ${name} cannot be read`),
  ]
  const text = problems.length === 0 ? 'connected to the controller' : problems.join('; ')
  // Names and messages come from elsewhere, and a line break would begin another assignment.
  return text.replaceAll(/\p{Cc}+/gu, ' ').slice(0, mostCharacters)
}

/**
 * Keeps the status line that systemd shows up to date; does nothing where systemd did not start this process with
 * NotifyAccess=. It is said once for each change.
 * @returns ends it
 */
export function showStatus(line: () => string, env: Readonly<Record<string, string | undefined>>): () => void {
  if (!isHeardBySystemd(env)) return () => undefined
  let shown = ''
  let busy = false
  /** On the monotonic clock. */
  let notBefore = -Infinity
  const timer = setInterval(() => {
    const now = line()
    if (busy || now === shown || performance.now() < notBefore) return
    busy = true
    notifySystemd(`--status=${now}`, env)
      .then(
        () => {
          shown = now
        },
        (error: unknown) => {
          if (isMissing(error)) clearInterval(timer)
          notBefore = performance.now() + againAfterMs
        },
      )
      .finally(() => {
        busy = false
      })
  }, everyMs)
  timer.unref()
  return () => clearInterval(timer)
}
