import { needed } from './needed.js'
import type { VerbWork } from './verb-work.js'

/** Well below what is kept of what a command says. */
const mostBytes = 32_768

export const consoleLog: VerbWork = {
  async run({ control, vmUuid, signal, say }) {
    const log = await needed(control.texts).consoleLog(vmUuid, mostBytes, signal)
    if (log === undefined)
      return { state: 'failed', reason: 'its definition keeps no log of its console (a file, or log file=)' }
    say(log.replaceAll('\r', '').trimEnd())
    return { state: 'succeeded', ...(log === '' && { reason: 'it is empty' }) }
  },
  seen: () => Promise.resolve({ state: 'unknown', reason: 'what it told is lost' }),
}
