import { waitAtMost } from '../../host/wait-at-most.js'
import { cleaned } from '../../storage/disk-identity.js'
import { HypervisorDenied, HypervisorUnavailable } from '../hypervisor.js'
import { mostToolBytes, XenToolError, type XenToolOutput } from '../xen/xen-tools.js'
import type { Part } from './frame.js'
import type { Question } from './reader-stream.js'

/** xend answers one client after the other, and slowly. */
const deadlinesMs = { list: 10_000, 'list-long': 30_000, info: 10_000 } as const
/** Of all that may be asked before it. */
const patienceMs = 60_000
/** What xl or xm prints on the machine at the other end. `ask` should have a channel of its own: xm hangs when xend does. */
export function remoteXenTools(ask: (question: Question) => Promise<readonly Part[]>): XenToolOutput {
  return {
    async text(what, signal) {
      const parts = await waitAtMost(
        ask({ word: what, deadlineMs: deadlinesMs[what], mostBytes: mostToolBytes }),
        patienceMs,
        `xl ${what}`,
        signal,
      )
      return toolText(parts)
    },
  }
}

/**
 * The text of the first tool that ended well. Each has two parts: `text`, named after it, and `ended` with its exit code, whose
 * body is what it said on standard error.
 * @throws HypervisorUnavailable if there is no tool, HypervisorDenied if it may not be used, XenToolError if it failed
 */
export function toolText(parts: readonly Part[]): string {
  let last: Part | undefined
  let failure: string | undefined
  for (const part of parts) {
    if (part.kind === 'text') last = part
    if (part.kind !== 'ended' || last === undefined) continue
    // The newline that the next mark begins with is not in here; the tool's own is.
    if (part.argument === '0') return last.body.toString('utf8')
    failure = `${cleaned(last.argument) ?? 'it'} failed with ${cleaned(part.argument) ?? 'nothing'}: ${cleaned(part.body.toString('utf8')) ?? 'not a word'}`
  }
  if (failure === undefined) {
    throw new HypervisorUnavailable(
      last === undefined ? 'there is neither xl nor xm in its path' : 'the tool did not speak to its end',
    )
  }
  if (/password is required|not allowed|not in the sudoers|must be root|ermission denied/.test(failure)) {
    throw new HypervisorDenied(`Xen's tools may not be used by this account: ${failure}`)
  }
  throw new XenToolError(failure)
}
