import { formatMemory } from '../../../common/units.js'
import { quantityOf, type Verdict } from '../../../common/verbs.js'
import type { VmSizes } from '../../hypervisor/hypervisor.js'
import { needed } from './needed.js'
import type { CheckContext, Outcome, VerbContext, VerbWork } from './verb-work.js'

/** How long a guest may take to give memory back, or to take it. */
const followTries = 60
const lookEveryMs = 500
/** The guest's balloon counts in pages of its own. */
const nearBytes = 1_048_576

export const memory: VerbWork = {
  async checks(context) {
    const { control, vmUuid, signal } = context
    const sizes = needed(control.sizes)
    const bytes = wanted(context)
    const { live, next } = await sizes.sizes(vmUuid, signal)
    const verdict = memoryVerdict(bytes, [live, next])
    if (sizes.lacksRoom === undefined || live === undefined || !verdict.ok) return [verdict]
    const problem = await sizes.lacksRoom(vmUuid, bytes, signal)
    return [verdict, { check: 'room', ok: problem === undefined, says: problem ?? 'its host has it' }]
  },
  async run(context) {
    const { control, vmUuid, signal, pause, say } = context
    const sizes = needed(control.sizes)
    const bytes = wanted(context)
    await sizes.setMemory(vmUuid, bytes, signal)
    let has = 0
    for (let left = followTries; left > 0; left -= 1) {
      const { live } = await sizes.sizes(vmUuid, signal)
      if (live === undefined)
        return { state: 'succeeded', reason: `it is off: ${formatMemory(bytes)} at its next start` }
      if (isNear(live.memoryBytes, bytes)) return { state: 'succeeded' }
      if (live.memoryBytes !== has) say(`it has ${formatMemory(live.memoryBytes)}`)
      has = live.memoryBytes
      await pause(lookEveryMs)
      if (signal.aborted) break
    }
    return { state: 'unknown', reason: `its guest was asked and has ${formatMemory(has)} as yet: it may still follow` }
  },
  seen: (context) => seenAs(context, wanted(context)),
}

function wanted({ args }: Pick<CheckContext, 'args'>): number {
  const bytes = quantityOf('memory', args, 'size')
  if (bytes === undefined) throw new Error('memory without a size')
  return bytes
}

function memoryVerdict(bytes: number, all: readonly (VmSizes | undefined)[]): Verdict {
  const most = Math.min(...all.flatMap((sizes) => (sizes === undefined ? [] : [sizes.memoryMaxBytes])))
  const ok = bytes <= most
  return { check: 'memory', ok, says: `${ok ? 'its maximum is' : 'it can have at most'} ${formatMemory(most)}` }
}

async function seenAs({ control, vmUuid, signal }: VerbContext, bytes: number): Promise<Outcome> {
  const { live, next } = await needed(control.sizes).sizes(vmUuid, signal)
  const has = live ?? next
  const says = `it has ${formatMemory(has?.memoryBytes ?? 0)}`
  if (has !== undefined && isNear(has.memoryBytes, bytes)) return { state: 'succeeded', reason: says }
  return { state: 'unknown', reason: `${says}: it was not set, or its guest may still follow` }
}

function isNear(has: number, bytes: number): boolean {
  return Math.abs(has - bytes) <= nearBytes
}
