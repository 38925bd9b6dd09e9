import { ActionRefused } from '../../hypervisor/hypervisor.js'
import { needed } from './needed.js'
import type { VerbContext, VerbWork } from './verb-work.js'

/** Less than is kept of what a command says. */
const mostBytes = 61_440

export const dumpxml: VerbWork = {
  async run(context) {
    await sayDefinition(context)
    return { state: 'succeeded' }
  },
  seen: () => Promise.resolve({ state: 'unknown', reason: 'what it told is lost' }),
}

/** Tells a definition, without secrets, whole. @throws ActionRefused if it is too long for that */
export async function sayDefinition({ control, vmUuid, signal, say }: VerbContext): Promise<void> {
  const xml = (await needed(control.texts).definition(vmUuid, signal)).trimEnd()
  const bytes = Buffer.byteLength(xml)
  if (bytes > mostBytes) throw new ActionRefused(`its definition has ${bytes} bytes, more than ${mostBytes}`)
  say(xml)
}
