import { pause } from '../../../common/lifecycle.js'
import { ActionRefused, type SaveControl } from '../../hypervisor/hypervisor.js'
import { needed } from './needed.js'
import { gone, isOff, lookUntil, tries, type VerbContext, type VerbWork } from './verb-work.js'

const breakOffWithinMs = 60_000
const breakOffTries = 20
const breakOffEveryMs = 250

export const save: VerbWork = {
  async checks({ control, vmUuid, signal }) {
    const problem = await needed(control.saving).unrestorable(vmUuid, signal)
    return [{ check: 'restorable', ok: problem === undefined, says: problem ?? 'nothing is known against going on' }]
  },
  async run(context) {
    const { control, vmUuid, signal, progress } = context
    const saving = needed(control.saving)
    try {
      await saving.save(vmUuid, progress, signal)
    } catch (error) {
      // An agent that ends leaves it to go on.
      if (signal.aborted && signal.reason !== 'stopping') await breakOff(context, saving)
      throw error
    }
    return { state: 'succeeded' }
  },
  async seen(context) {
    const { control, vmUuid, signal } = context
    const vm = await lookUntil(context, ({ state, stateReason }) => state !== 'paused' || stateReason !== 'save', tries)
    if (vm === undefined) return { state: 'unknown', reason: gone }
    if (isOff(vm) && (await needed(control.saving).hasSaved(vmUuid, signal)))
      return { state: 'succeeded', reason: 'it is saved' }
    return { state: 'unknown', reason: `it is ${vm.state}: it was not saved, or went on since` }
  },
}

/** The saving may not have begun in the hypervisor yet, or have ended: either refuses it. */
async function breakOff({ control, vmUuid }: VerbContext, saving: SaveControl): Promise<void> {
  const signal = AbortSignal.timeout(breakOffWithinMs)
  for (let left = breakOffTries; left > 0; left -= 1) {
    try {
      await saving.breakOff(vmUuid, signal)
      return
    } catch (error) {
      if (!(error instanceof ActionRefused)) throw error
    }
    const vm = await control.look(vmUuid, signal)
    if (vm === undefined || isOff(vm)) return
    await pause(breakOffEveryMs, signal)
  }
}
