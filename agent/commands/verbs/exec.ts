import { formatDuration } from '../../../common/units.js'
import { quantityOf, type Verdict } from '../../../common/verbs.js'
import { ActionRefused } from '../../hypervisor/hypervisor.js'
import { argumentsOf, type ExecEntry } from '../exec-entry.js'
import { runEntry } from '../run-entry.js'
import type { CheckContext, VerbWork } from './verb-work.js'

export const exec: VerbWork = {
  checks(context) {
    const chosen = chosenOf(context)
    const verdict: Verdict =
      'refusal' in chosen
        ? { check: 'entry', ok: false, says: chosen.refusal }
        : { check: 'entry', ok: true, says: [chosen.entry.program, ...chosen.words].join(' ') }
    return Promise.resolve([verdict])
  },
  async run(context) {
    const { signal, say } = context
    const chosen = chosenOf(context)
    if ('refusal' in chosen) throw new ActionRefused(chosen.refusal)
    const { entry, words } = chosen
    const bytesPerSecond = quantityOf('exec', context.args, 'rate')
    const ended = await runEntry(entry, words, { say, signal, bytesPerSecond }).catch(notStarted)
    const { code, signal: killedBy, endedFor } = ended
    // Then its cancelling is told, or another life of the agent tells of it.
    if (endedFor === 'the caller') return { state: 'failed', reason: 'it was ended before it was done' }
    if (endedFor === 'its time')
      return { state: 'failed', reason: `it was ended: it may take ${formatDuration(entry.timeoutMs)}` }
    if (code === 0) return { state: 'succeeded' }
    return { state: 'failed', reason: code === null ? `it ended by ${killedBy}` : `it ended with code ${code}` }
  },
  seen: () =>
    Promise.resolve({ state: 'unknown', reason: 'a program that runs when its agent ends is not heard of any more' }),
}

function chosenOf({
  programs,
  args,
  before,
}: Pick<CheckContext, 'programs' | 'args' | 'before'>):
  | { readonly entry: ExecEntry; readonly words: readonly string[] }
  | { readonly refusal: string } {
  const entry = programs.find(({ name }) => name === args['entry'])
  if (entry === undefined) return { refusal: `the agent's configuration has no program ${args['entry']}` }
  const given = argumentsOf(entry, args, before)
  return 'refusal' in given ? given : { entry, words: given.words }
}

function notStarted(error: unknown): never {
  throw new ActionRefused(error instanceof Error ? error.message : String(error), { cause: error })
}
